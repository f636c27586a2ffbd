"""Credentials of functions and workers as in AWS: sessions of a role, with a token of realistic length."""

import base64
import contextvars
import hmac
import json
import re
import secrets
import time

import ministack.app as app
from ministack.core import iam_evaluator, lambda_runtime
from ministack.services import ecs, imds, lambda_svc, sts

from patches import reviewed
from patches.roles import trusts

# Bytes in a session token, which are 1,004 characters in base64. AWS guarantees no length: "as of this writing, the
# typical size is less than 4096 bytes" (AssumeRole). 700 to 1,400 characters have been observed.
TOKEN_BYTES = 753
# Lifetime of a task's credentials. Clients fetch new ones before they expire.
TASK_CREDENTIALS_SECONDS = 6 * 3600

# Secret, role and id of each task, by the id in the path of its AWS_CONTAINER_CREDENTIALS_FULL_URI.
TASKS = {}
# Set if the current request has X-Forwarded-Proto, because it came through a proxy.
FORWARDED = contextvars.ContextVar("forwarded", default=False)


def session_token():
    return base64.b64encode(secrets.token_bytes(TOKEN_BYTES)).decode()


def begin_session(role, name, seconds=None):
    """Begins a session of a role. Returns its key id, secret key and token."""
    key = "ASIA" + base64.b32encode(secrets.token_bytes(10)).decode()
    session = {
        "Arn": f"arn:aws:sts::{role.split(':')[4]}:assumed-role/{role.rsplit('/', 1)[-1]}/{name}",
        "UserId": f"{sts._role_id(role)}:{name}",
        "SecretAccessKey": base64.b64encode(secrets.token_bytes(30)).decode(),
        "SessionToken": session_token(),
        "AccountId": role.split(":")[4],
        "PrincipalType": "AssumedRole",
    }
    if seconds:
        session["Expiration"] = time.time() + seconds
    sts.register_session(key, session)
    return key, session["SecretAccessKey"], session["SessionToken"]


def patch_session_tokens():
    """Every execution environment of a function has its own session of the role, with a token of realistic length.

    AWS ("Defining Lambda function permissions with an execution role", lambda-intro-execution-role; "AssumeRole",
    API_AssumeRole): Lambda assumes the role, which must trust it, and gives the credentials to the function. The
    session token is in the query of every URL that is presigned with them, and has hundreds of characters.

    ministack: derives one session per function from its name, with a token of 64 characters; its STS gives 134.
    """
    reviewed(lambda_runtime, "execution_credentials", "config")
    reviewed(sts, "_gen_session_token")
    reviewed(sts, "register_session", "access_key", "session")

    def credentials_of_function(config):
        role = config["Role"]
        if not trusts(role, "lambda.amazonaws.com"):
            raise PermissionError(f"The role defined for the function cannot be assumed by Lambda: {role}")
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        return dict(zip(names, begin_session(role, config["FunctionName"]), strict=True))

    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = credentials_of_function
    sts._gen_session_token = session_token


def patch_task_credentials():
    """A container gets the credentials of its ECS task's role with the task's own secret. Without a role it gets none.

    AWS ("Amazon ECS task IAM role", task-iam-roles; "Container credential provider",
    sdkref/feature-container-credentials): the agent returns temporary credentials of the role, which must trust
    ecs-tasks.amazonaws.com, if the request has the task's authorization token.

    ministack: returns made-up credentials to every caller; its own AUTH rejects them with UnrecognizedClientException.
    """
    parameters = ("task_arn", "cluster_arn", "td", "cdef", "launch_type", "env", "host_mode", "ministack_net_ip")
    register = reviewed(ecs, "_register_metadata", *parameters)
    serve = reviewed(imds, "handle_request", "method", "path", "headers", "body", "query_params")

    def register_with_role(task_arn, cluster_arn, td, cdef, launch_type, env, *rest):
        token = register(task_arn, cluster_arn, td, cdef, launch_type, env, *rest)
        if role := td.get("taskRoleArn"):
            credentials = env["AWS_CONTAINER_CREDENTIALS_FULL_URI"].rsplit("/", 1)[-1]
            TASKS[credentials] = (env["AWS_CONTAINER_AUTHORIZATION_TOKEN"], role, task_arn.rsplit("/", 1)[-1])
        else:
            del env["AWS_CONTAINER_CREDENTIALS_FULL_URI"], env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        return token

    async def credentials_of_task(method, path, headers, body, query_params):
        found = re.fullmatch(r"/v2/credentials/([^/]+)", path)
        if not found:
            return await serve(method, path, headers, body, query_params)
        secret, role, task = TASKS.get(found[1], ("", "", ""))
        if not secret or not hmac.compare_digest(secret.encode(), headers.get("authorization", "").encode()):
            return 403, {"Content-Type": "application/json"}, b'{"code":"AccessDenied","message":"unknown task"}'
        if not trusts(role, "ecs-tasks.amazonaws.com"):
            return (
                400,
                {"Content-Type": "application/json"},
                b'{"code":"InvalidRole","message":"ECS may not assume it"}',
            )
        key, secret_key, token = begin_session(role, task, TASK_CREDENTIALS_SECONDS)
        answer = {
            "AccessKeyId": key,
            "SecretAccessKey": secret_key,
            "Token": token,
            "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + TASK_CREDENTIALS_SECONDS)),
            "RoleArn": role,
        }
        return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()

    ecs._register_metadata = register_with_role
    imds.handle_request = credentials_of_task


def patch_root_sessions():
    """Root can assume every role, unlike on AWS, so that a test or `sam local invoke` can act as a function.

    AWS ("AssumeRole", API_AssumeRole): root cannot assume roles; only the service gives a function or worker its
    session.

    ministack: lets root assume roles that trust a service, if the trust policy has no condition.
    """
    trusted = reviewed(iam_evaluator, "evaluate_trust_policy", "trust_doc", "caller_arn", "ctx")

    def trusted_or_root(trust_doc, caller_arn, ctx=None):
        return caller_arn.endswith(":root") or trusted(trust_doc, caller_arn, ctx)

    iam_evaluator.evaluate_trust_policy = trusted_or_root


def patch_transport():
    """A connection to the local cloud counts as TLS, unless X-Forwarded-Proto says otherwise.

    AWS ("AWS global condition context keys", reference_policies_condition-keys: aws:SecureTransport): the key says
    whether the request was sent over TLS; the template's buckets deny everything else.

    ministack: with plain http the key is false, so every request would be denied. The local cloud listens only on
    loopback, where TLS adds nothing. The policy stays as in an account and is evaluated: a request with
    `X-Forwarded-Proto: http` is denied.
    """
    serve = reviewed(app, "app", "scope", "receive", "send")
    pin = reviewed(app, "pin_request_origin", "source_ip", "secure_transport")

    async def remembering(scope, receive, send):
        names = [name for name, _ in scope.get("headers", [])]
        FORWARDED.set(b"x-forwarded-proto" in names)
        return await serve(scope, receive, send)

    app.app = remembering
    app.pin_request_origin = lambda source_ip, secure: pin(source_ip, secure or not FORWARDED.get())
