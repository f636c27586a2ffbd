"""Starts ministack with patches that make it behave as AWS does, as far as this product needs it.

Each patch is one function; its docstring says what AWS does (with the page of AWS's documentation) and what ministack
does. `reviewed` makes a patch refuse to start on code that it was not written for. Every patch has a contract test
that fails without it.

Settings are ministack's own environment variables; `smmu-local` sets all of them. When standard input closes, because
the parent process has ended for any reason, this process group ends with everything in it.
"""

import contextvars
import json
import os
import signal
import sys
import threading
import time

import ministack.app as app
from ministack.services import apigateway, ecs, lambda_svc, s3
from ministack.services import stepfunctions as sfn
from ministack.services.cloudformation import provisioners
from patches import (
    addresses,
    conditions,
    crashes,
    decisions,
    deployer,
    execution_logs,
    executions,
    express,
    fargate,
    faults,
    gateway,
    images,
    multipart,
    pages,
    passwords,
    reviewed,
    roles,
    sessions,
    sockets,
    streams,
    traces,
)
from patches.roles import STATE_EXECUTION

# Deadline of the Task state that runs on this thread (time.monotonic).
STATE_DEADLINE = contextvars.ContextVar("deadline", default=float("inf"))

# Polling interval for ECS tasks. AWS gets an event instead.
ECS_POLL_SECONDS = 0.2


def patch_run_task_sync():
    """`ecs:runTask.sync` fails if its ECS task fails, waits without a limit, and returns the ECS task in AWS's format.

    AWS ("Run Amazon ECS or Fargate tasks with Step Functions", connect-ecs; "Run a Job (.sync)", connect-to-resource):
    the state ends when the ECS task has stopped. It fails with States.TaskFailed if a container exits non-zero or the
    ECS task never started; the cause, like the result of a success, is the ECS task as JSON in PascalCase.

    ministack: always succeeds, returns DescribeTasks' camelCase response, and ends the wait after ten minutes.
    """
    reviewed(sfn, "_poll_ecs_tasks", "cluster", "task_arns")
    reviewed(ecs, "_describe_tasks", "data")

    def wait_for_ecs_task(cluster, task_arns):
        (arn,) = task_arns
        while True:
            _, _, body = ecs._describe_tasks({"cluster": cluster, "tasks": [arn]})
            found = json.loads(body)["tasks"]
            if not found:
                raise sfn._ExecutionError("States.TaskFailed", f"ECS task {arn} is gone")
            if found[0]["lastStatus"] == "STOPPED":
                break
            stop_with_state(cluster, arn)
            time.sleep(ECS_POLL_SECONDS)
        task = pascal_case(found[0])
        # Only containers that ended by themselves have a meaningful exit code; stopped ones are recorded with 0.
        ended = task["StopCode"] == "EssentialContainerExited"
        if not ended or any(container.get("ExitCode") != 0 for container in task["Containers"]):
            raise sfn._ExecutionError("States.TaskFailed", json.dumps(task))
        return task

    sfn._poll_ecs_tasks = wait_for_ecs_task


def pascal_case(value):
    """Returns the JSON with the first letter of every key in upper case."""
    if isinstance(value, list):
        return [pascal_case(item) for item in value]
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: pascal_case(item) for key, item in value.items()}
    return value


def patch_abandoned_state():
    """A state that times out, or whose execution is stopped, also stops its ECS task.

    AWS ("Run a Job (.sync)", connect-to-resource): when such a state is aborted, Step Functions tries to cancel what it
    started, here with ecs:StopTask.

    ministack: ends the state, but the ECS task keeps running.
    """
    run_state = reviewed(sfn, "_execute_task", "state_def", "raw_input", "execution", "ctx")
    invoke = reviewed(sfn, "_invoke_resource_with_timeout", "resource", "input_data", "timeout")
    reviewed(ecs, "_stop_task", "data")

    def run_state_of_execution(state_def, raw_input, execution, ctx):
        token = STATE_EXECUTION.set(execution)
        try:
            return run_state(state_def, raw_input, execution, ctx)
        finally:
            STATE_EXECUTION.reset(token)

    def invoke_until_deadline(resource, input_data, timeout):
        # ministack copies the context to the thread on which it invokes.
        token = STATE_DEADLINE.set(time.monotonic() + timeout)
        try:
            return invoke(resource, input_data, timeout)
        finally:
            STATE_DEADLINE.reset(token)

    sfn._execute_task = run_state_of_execution
    sfn._invoke_resource_with_timeout = invoke_until_deadline


def stop_with_state(cluster, arn):
    """Stops the ECS task if the state that waits for it has timed out or its execution was stopped."""
    execution = STATE_EXECUTION.get()
    stopped = execution is not None and execution["status"] != "RUNNING"
    late = stopped or time.monotonic() > STATE_DEADLINE.get()
    if late and (execution is None or roles.may_stop(execution, cluster, arn)):
        ecs._stop_task({"cluster": cluster, "task": arn, "reason": "Stopped by Step Functions"})


def patch_fargate_quota(most_vcpu):
    """RunTask starts nothing beyond the account's vCPU quota, reports a failure in a 200 response, and its state fails.

    AWS ("RunTask", API_RunTask: `failures`; "AWS Fargate service quotas", L-3032A538; connect-ecs): the response lists
    a failure instead of a task; a `.sync` state then fails with AmazonECS.Unknown.

    ministack: starts any number of tasks, and the state succeeds even with `failures`.
    """
    run_task = reviewed(ecs, "_run_task", "data")
    invoke = reviewed(sfn, "_invoke_ecs_run_task", "resource", "input_data")
    # RunTask is called from several threads concurrently.
    lock = threading.Lock()

    def units(overrides, otherwise):
        return int(overrides.get("cpu") or otherwise)

    def run_within_quota(data):
        definition = ecs._task_defs.get(ecs._resolve_td_key(data.get("taskDefinition", ""))) or {}
        with lock:
            active = [task for task in ecs._tasks.values() if task["lastStatus"] != "STOPPED"]
            used = sum(units(task["overrides"], task["cpu"]) for task in active)
            if used + units(data.get("overrides", {}), definition.get("cpu", 0)) <= most_vcpu * 1024:
                return run_task(data)
        reason = "You've reached the limit on the number of vCPUs you can run concurrently"
        return (
            200,
            {"Content-Type": "application/json"},
            json.dumps({"tasks": [], "failures": [{"reason": reason}]}).encode(),
        )

    def invoke_or_fail(resource, input_data):
        answer = invoke(resource, input_data)
        if resource.endswith(".sync") and answer.get("failures"):
            raise sfn._ExecutionError("AmazonECS.Unknown", json.dumps(answer))
        return answer

    ecs._run_task = run_within_quota
    for prefix, handler in sfn._SERVICE_DISPATCH.items():
        if handler is invoke:
            sfn._SERVICE_DISPATCH[prefix] = invoke_or_fail


def patch_health_path():
    """`GET /health` on the address of a deployed API reaches that API.

    AWS ("Create routes for HTTP APIs", http-api-develop-routes): every path belongs to the API.

    ministack: answers /health itself, for every host; its own /_ministack/health stays.
    """
    paths = getattr(app, "_HEALTH_PATHS", ())
    if "/health" not in paths or "/_ministack/health" not in paths:
        sys.exit(f"ministack has changed: app._HEALTH_PATHS is {paths}. Review patch_health_path in {__file__}.")
    app._HEALTH_PATHS = tuple(path for path in paths if path != "/health")


def patch_template_cors():
    """An HTTP API's CorsConfiguration also takes effect if a template set it.

    AWS ("Configure CORS for HTTP APIs", http-api-cors): regardless of how an API was configured, preflights are
    answered from the configuration and responses have its headers.

    ministack: stores a template's configuration under the template's names (AllowOrigins), but looks for those of its
    own API (allowOrigins), so every origin is refused.
    """

    def renamed(function):
        return lambda cors_cfg, origin: function(camel_case(cors_cfg), origin)

    for name in ("_cors_response_headers", "_cors_preflight_response"):
        setattr(apigateway, name, renamed(reviewed(apigateway, name, "cors_cfg", "origin")))


def patch_preflights_of_routes():
    """A preflight goes to a route for all methods, or to $default, if one matches its path.

    AWS ("Configure CORS for HTTP APIs", http-api-cors): API Gateway answers preflights itself if no route for OPTIONS
    exists; the $default route "catches requests for all methods and routes that you haven't explicitly defined,
    including OPTIONS requests".

    ministack: answers every preflight itself.
    """
    parameters = ("api_id", "stage", "path", "method", "headers", "body", "query_params")
    parameters += ("owner_account_id", "owner_region", "raw_query_string")
    execute = reviewed(apigateway, "_handle_execute_in_scope", *parameters)
    match_route = reviewed(apigateway, "_match_route", "api_id", "method", "path")

    async def route_first(api_id, stage, path, method, *rest):
        # In lower case, ministack does not see a preflight and matches only routes for all methods and $default.
        other = method.lower()
        takes_all = method == "OPTIONS" and match_route(api_id, other, "/" + path.lstrip("/"))
        return await execute(api_id, stage, path, other if takes_all else method, *rest)

    apigateway._handle_execute_in_scope = route_first


def patch_invoke_permission():
    """An HTTP API can call a function only if a permission of the function covers the route.

    AWS ("Lambda resource-based policies", access-control-resource-based; aws/serverless-application-model #1860): the
    caller is `execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`, or `API/STAGE/$default` for the route $default, and is
    matched by ArnLike. Without a match, the response is 500 with {"message":"Internal Server Error"}.

    ministack: calls any function.
    """
    parameters = ("integration", "api_id", "stage", "path", "method", "headers", "body", "query_params", "route_key")
    parameters += ("path_params", "authorizer_claims", "authorizer_scopes", "authorizer_lambda_context")
    parameters += ("authorizer_iam", "owner_account_id", "owner_region", "raw_query_string")
    invoke = reviewed(apigateway, "_invoke_lambda_proxy", *parameters)
    reviewed(lambda_svc, "_get_func_record_for_ref_in_scope", "function_ref", "account_id", "region")

    def may_call(integration, api_id, stage, route_key, account, region):
        reference = apigateway._extract_lambda_ref_from_integration_uri(integration["integrationUri"])
        function, _, _ = lambda_svc._get_func_record_for_ref_in_scope(reference, account_id=account, region=region)
        route = f"arn:aws:execute-api:{region}:{account}:{api_id}/{stage}/{route_key.replace(' ', '')}"
        return function is not None and roles.function_allows(function, "apigateway.amazonaws.com", route)

    async def invoke_if_allowed(integration, api_id, stage, *rest, **named):
        route_key = rest[5]
        if may_call(integration, api_id, stage, route_key, named["owner_account_id"], named["owner_region"]):
            return await invoke(integration, api_id, stage, *rest, **named)
        return 500, {"Content-Type": "application/json"}, b'{"message":"Internal Server Error"}'

    apigateway._invoke_lambda_proxy = invoke_if_allowed


def patch_ranges_of_versions():
    """A range can be read of any version of an object, not only of the current one.

    AWS ("GetObject" in the Amazon S3 API reference, API_GetObject): Range and versionId can be combined; the response
    is 206 with Content-Range, without the checksums of the whole object.

    ministack: returns the whole object if a version is given.
    """
    read_object = reviewed(s3, "_get_object", "bucket_name", "key", "headers", "query_params")
    parse_range = reviewed(s3, "_parse_range", "range_header", "total")

    def read_range(bucket_name, key, headers, query_params=None):
        status, answered, body = read_object(bucket_name, key, headers, query_params)
        asked = headers.get("range", "")
        if status != 200 or not asked:
            return status, answered, body
        found = parse_range(asked, len(body))
        if found is None:
            return s3._error("InvalidRange", "The requested range is not satisfiable", 416, f"/{bucket_name}/{key}")
        start, end = found
        whole = {name: value for name, value in answered.items() if not name.lower().startswith("x-amz-checksum-")}
        part = body[start : end + 1]
        return (
            206,
            {
                **whole,
                "Content-Length": str(len(part)),
                "Content-Range": f"bytes {start}-{end}/{len(body)}",
            },
            part,
        )

    s3._get_object = read_range


def patch_concurrency_parameters():
    """The maximum concurrency of a queue's mapping can be a parameter of the template.

    AWS ("Parameters" in the CloudFormation guide): the Ref of a parameter of type Number is a string, and
    CloudFormation converts it to the type of the property.

    ministack: keeps the string, and its poller ends every round with a TypeError, so no message is delivered.
    """
    allowed = reviewed(lambda_svc, "_sqs_esm_concurrency", "esm", "func_rec", "config", "queue")

    def allowed_as_number(esm, func_rec, config, queue=None):
        scaling = {key: int(value) for key, value in (esm.get("ScalingConfig") or {}).items()}
        return allowed({**esm, "ScalingConfig": scaling}, func_rec, config, queue)

    lambda_svc._sqs_esm_concurrency = allowed_as_number


def patch_alarms_on_expressions():
    """A template's alarm on a metric math expression can be created.

    AWS ("AWS::CloudWatch::Alarm" in the CloudFormation template reference): an alarm has either MetricName or Metrics,
    which are metrics and an expression over them.

    ministack: refuses Metrics, and so the whole stack. With the patch, such an alarm exists but is never evaluated: it
    is recorded as an alarm on its first metric, with its actions disabled.
    """
    record = reviewed(provisioners, "_cw_metric_alarm_record", "name", "props")

    def record_of_expression(name, props):
        measured = [query["MetricStat"] for query in props.get("Metrics", []) if "MetricStat" in query]
        if not measured:
            return record(name, props)
        of_one = {**props, **measured[0]["Metric"], "Period": measured[0]["Period"], "ActionsEnabled": False}
        return record(name, {key: value for key, value in of_one.items() if key != "Metrics"})

    provisioners._cw_metric_alarm_record = record_of_expression


def camel_case(configuration):
    """Returns the settings with the first letter of every name in lower case."""
    return {key[:1].lower() + key[1:]: value for key, value in (configuration or {}).items()}


def end_with_standard_input():
    """Ends this process group, Lambda processes included, when standard input closes."""
    if os.getpgrp() != os.getpid():
        sys.exit(f"{__file__} must be started as the leader of its own process group, see local/src/emulator.rs")

    def wait():
        while sys.stdin.buffer.read(4096):
            pass
        os.killpg(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, daemon=True, name="leash").start()


if __name__ == "__main__":
    end_with_standard_input()
    patch_run_task_sync()
    patch_abandoned_state()
    sessions.patch_session_tokens()
    sessions.patch_task_credentials()
    sessions.patch_root_sessions()
    sessions.patch_transport()
    roles.patch_state_machine_role()
    roles.patch_creation_with_roles()
    execution_logs.patch_logs()
    executions.patch_events()
    executions.patch_terminal_errors()
    executions.patch_repeated_start()
    express.patch_express(int(os.environ.get("SMMU_EXPRESS_SECONDS", express.MOST_SECONDS)))
    express.patch_unsupported_calls()
    express.patch_definitions()
    express.patch_nested_start()
    deployer.patch_creation_by_caller()
    roles.patch_function_logs()
    roles.patch_task_start()
    roles.patch_callers()
    roles.patch_missing_objects()
    traces.patch_traces()
    if most_vcpu := os.environ.get("SMMU_FARGATE_VCPU"):
        patch_fargate_quota(int(most_vcpu))
    # Applied after the quota and so wrapped around it: throttled calls do not reach it.
    fargate.patch_run_task_rate(int(os.environ.get("SMMU_RUN_TASK_RATE", fargate.RUN_TASK_RATE)))
    fargate.patch_run_task_errors()
    fargate.patch_task_size()
    patch_health_path()
    patch_template_cors()
    gateway.patch_throttle()
    gateway.patch_integration_answers()
    gateway.patch_refused_tokens()
    patch_preflights_of_routes()
    patch_invoke_permission()
    # A denied call's status is the response to the handshake, too.
    sockets.patch_socket_permission()
    sockets.patch_refused_handshakes()
    sockets.patch_connection_details()
    streams.patch_failed_records()
    crashes.patch_crash_at_start()
    patch_ranges_of_versions()
    patch_alarms_on_expressions()
    # Not for functions, which get the environment of this process.
    images.patch_image_functions(json.loads(os.environ.pop("SMMU_IMAGES")))
    patch_concurrency_parameters()
    addresses.patch_trailing_slash()
    passwords.patch_chosen_passwords()
    multipart.patch()
    conditions.patch_pseudo_parameters()
    pages.patch_viewers()
    pages.patch_origin_of_pages()
    if calls := os.environ.get("SMMU_CALLS"):
        decisions.note_decisions(calls)
    # Last: the faults happen around everything else.
    if settings := os.environ.get("SMMU_FAULTS"):
        faults.patch_faults(json.loads(settings))
    app.main()
