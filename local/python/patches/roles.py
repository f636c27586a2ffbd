"""Calls that services make in a role's name, or that a resource policy allows: refused if IAM would refuse them.

ministack enforces IAM on incoming requests (AUTH=true). Calls between services inside ministack are not requests;
they are checked here.
"""

import contextvars
import json

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import ecs, eventbridge, iam, lambda_svc, s3, sqs
from ministack.services import stepfunctions as sfn
from ministack.services.cloudformation import provisioners

from patches import reviewed

# Execution of the Task state that runs on this thread.
STATE_EXECUTION = contextvars.ContextVar("execution", default=None)


def role_named(arn):
    return iam._roles.get_scoped(arn.split(":")[4], None, arn.rsplit("/", 1)[-1]) or {}


def trusts(arn, service):
    """Returns whether a service may assume a role.

    ECS states the account for which it assumes the role, but not the task ("Amazon ECS task IAM role", task-iam-roles:
    "using the aws:SourceArn condition key to specify a specific cluster is not currently supported").
    """
    account = arn.split(":")[4]
    source = (f"arn:aws:ecs:{get_region()}:{account}:*", account) if service == "ecs-tasks.amazonaws.com" else ()
    policy = role_named(arn).get("AssumeRolePolicyDocument", {})
    policy = json.loads(policy) if isinstance(policy, str) else policy
    # A trust policy has no Resource: it applies to its own role.
    statements = [{**statement, "Resource": "*"} for statement in policy.get("Statement", [])]
    return service_may({"Statement": statements}, service, "sts:AssumeRole", arn, *source)


def service_may(policy, service, action, resource, source="", account=""):
    """Returns whether a resource policy lets a service act on behalf of `source`, a resource of the account."""
    caller = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=True,
        service_context={"aws:sourcearn": source, "aws:sourceaccount": account},
    )
    return iam_evaluator.evaluate_resource_policy(policy, caller, service=service).decision == "Allow"


def function_allows(function, service, source):
    """Returns whether a function's policy lets a service call it on behalf of `source`, a resource of the account."""
    arn = function["config"]["FunctionArn"]
    return service_may(function["policy"], service, "lambda:InvokeFunction", arn, source, get_account_id())


def denied(service, role, session, action, resource, **keys):
    """Returns why a service may not do something in a role's name, in IAM's words, or None if it may."""
    if not trusts(role, service):
        return f"{service} is not authorized to assume the role {role}"
    account, name = role.split(":")[4], role.rsplit("/", 1)[-1]
    return session_denied(f"arn:aws:sts::{account}:assumed-role/{name}/{session}", action, resource, **keys)


def session_denied(session, action, resource, **keys):
    """Returns why a role's session, given by ARN, may not do something, in IAM's words, or None if it may."""
    account, name = session.split(":")[4], iam_evaluator._role_name_from_assumed_arn(session)
    caller = iam_evaluator.EvalContext(
        principal_arn=session,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=True,
        service_context={key.replace("_", ":", 1).lower(): value for key, value in keys.items()},
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    if iam_evaluator.evaluate(caller, policies, *limits).decision == "Allow":
        return None
    return f"User: {session} is not authorized to perform: {action} on resource: {resource}"


def patch_state_machine_role():
    """A state can call functions, start executions, and run ECS tasks only if the state machine's role allows it.

    AWS ("How Step Functions generates IAM policies for integrated services", service-integration-iam-templates;
    "IAM policies for calling Amazon ECS", connect-ecs; "Start a new state machine from a running execution",
    connect-stepfunctions): the role needs lambda:InvokeFunction, states:StartExecution, ecs:RunTask, iam:PassRole for
    the task's roles, and for .sync ecs:DescribeTasks and ecs:StopTask. A denied call fails the state with the
    service's error.

    ministack: makes the calls without a role.
    """
    invoke = reviewed(sfn, "_invoke_resource", "resource", "input_data")
    poll = reviewed(sfn, "_poll_ecs_tasks", "cluster", "task_arns")
    reviewed(ecs, "_resolve_td_key", "ref")
    reviewed(iam_evaluator, "_gather_role_policies", "role_name", "account_id")

    def demand(error, action, resource, **keys):
        execution = STATE_EXECUTION.get()
        role = sfn._state_machines[execution["stateMachineArn"]]["roleArn"]
        if why := denied("states.amazonaws.com", role, execution["name"], action, resource, **keys):
            raise sfn._ExecutionError(error, why)

    def invoke_as_role(resource, input_data):
        if "states:::lambda:invoke" in resource:
            function = input_data["FunctionName"]
            name = function if function.startswith("arn:") else lambda_svc._func_arn(function)
            demand("Lambda.AWSLambdaException", "lambda:InvokeFunction", name)
        elif "states:::states:startExecution" in resource:
            machine = input_data.get("StateMachineArn", "")
            demand("StepFunctions.AWSStepFunctionsException", "states:StartExecution", machine)
        elif "states:::ecs:runTask" in resource:
            cluster = input_data["Cluster"]
            definition = ecs._task_defs.get(ecs._resolve_td_key(input_data["TaskDefinition"])) or {}
            arn = definition.get("taskDefinitionArn", input_data["TaskDefinition"])
            demand("ECS.AccessDeniedException", "ecs:RunTask", arn, ecs_cluster=cluster)
            for role in filter(None, (definition.get("executionRoleArn"), definition.get("taskRoleArn"))):
                to = {"iam_PassedToService": "ecs-tasks.amazonaws.com"}
                demand("ECS.AccessDeniedException", "iam:PassRole", role, **to)
        return invoke(resource, input_data)

    def poll_as_role(cluster, task_arns):
        for arn in task_arns:
            demand("ECS.AccessDeniedException", "ecs:DescribeTasks", arn, ecs_cluster=cluster)
        return poll(cluster, task_arns)

    sfn._invoke_resource = invoke_as_role
    sfn._poll_ecs_tasks = poll_as_role


def may_stop(execution, cluster, task):
    """Returns whether the role of an execution's state machine may stop an ECS task."""
    role = sfn._state_machines[execution["stateMachineArn"]]["roleArn"]
    why = denied("states.amazonaws.com", role, execution["name"], "ecs:StopTask", task, ecs_cluster=cluster)
    return why is None


# Permissions that a state machine's role needs at creation: for the rule on events of ECS tasks, and for its log.
MANAGED_RULE = ("events:PutTargets", "events:PutRule", "events:DescribeRule")
DELIVER_LOGS = ("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries")
DELIVER_LOGS += ("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups")

# Calls with which Lambda reads a DynamoDB stream.
STREAM_CALLS = ("GetRecords", "GetShardIterator", "DescribeStream", "ListStreams")


def patch_creation_with_roles():
    """A state machine, and an event source mapping of a queue or stream, can be created only with a sufficient role.

    AWS ("IAM policies for calling Amazon ECS", connect-ecs: the rule StepFunctionsGetEventsForECSTaskRule; "Using
    CloudWatch Logs to log execution history", cw-logs: eight actions on *; "Using Lambda with Amazon SQS", with-sqs,
    and "with DynamoDB", with-ddb: the execution role, which also sends to the on-failure destination): otherwise
    CreateStateMachine fails with AccessDeniedException, and CreateEventSourceMapping with
    InvalidParameterValueException.

    ministack: creates them with any role.
    """
    types = provisioners._RESOURCE_HANDLERS
    machine = reviewed_creation(types["AWS::StepFunctions::StateMachine"])
    mapping = reviewed_creation(types["AWS::Lambda::EventSourceMapping"])

    def create_machine(logical_id, props, stack_name):
        rule = f"arn:aws:events:{get_region()}:{get_account_id()}:rule/StepFunctionsGetEventsForECSTaskRule"
        needed = []
        if "states:::ecs:runTask.sync" in provisioners._sfn_definition(props):
            needed += [(action, rule) for action in MANAGED_RULE]
        if props.get("LoggingConfiguration", {}).get("Level", "OFF") != "OFF":
            needed += [(f"logs:{action}", "*") for action in DELIVER_LOGS]
        for action, resource in needed:
            if why := denied("states.amazonaws.com", props["RoleArn"], logical_id, action, resource):
                raise PermissionError(why)
        return machine(logical_id, props, stack_name)

    def create_mapping(logical_id, props, stack_name):
        function, name, *_ = provisioners._lambda_function_for_cfn_ref(props["FunctionName"])
        source, role = props.get("EventSourceArn", ""), function["config"]["Role"]
        for call in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes") if ":sqs:" in source else ():
            if denied("lambda.amazonaws.com", role, name, f"sqs:{call}", source):
                raise PermissionError(
                    f"The provided execution role does not have permissions to call {call} on SQS ({source})"
                )
        for call in STREAM_CALLS if ":dynamodb:" in source else ():
            if denied("lambda.amazonaws.com", role, name, f"dynamodb:{call}", source):
                raise PermissionError(
                    f"Cannot access stream {source}. Please ensure the role can perform the GetRecords, "
                    "GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM."
                )
        letters = props.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
        if ":sqs:" in letters and denied("lambda.amazonaws.com", role, name, "sqs:SendMessage", letters):
            raise PermissionError(
                f"The provided execution role does not have permissions to call SendMessage on SQS ({letters})"
            )
        return mapping(logical_id, props, stack_name)

    types["AWS::StepFunctions::StateMachine"]["create"] = create_machine
    types["AWS::Lambda::EventSourceMapping"]["create"] = create_mapping


def reviewed_creation(handlers):
    """Returns the reviewed function that creates a type of resource."""
    return reviewed(provisioners, handlers["create"].__name__, "logical_id", "props", "stack_name")


def patch_function_logs():
    """A function's log is written only if its role allows it.

    AWS ("Sending Lambda function logs to CloudWatch Logs", monitoring-cloudwatchlogs): the execution role needs
    logs:CreateLogStream and logs:PutLogEvents; without them, the function runs but logs nothing.

    ministack: always writes the log.
    """
    parameters = ("func", "request_id", "log_text", "error", "duration_ms", "log_source")
    emit = reviewed(lambda_svc, "_emit_lambda_logs", *parameters)

    def emit_if_role_may(func, request_id, *rest, **named):
        config = func.get("config") or func
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        stream = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:{request_id}"
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            if denied("lambda.amazonaws.com", config["Role"], config["FunctionName"], action, stream):
                return
        emit(func, request_id, *rest, **named)

    lambda_svc._emit_lambda_logs = emit_if_role_may


def patch_task_start():
    """An ECS task starts only if its execution role may pull the image from ECR and write the log.

    AWS ("Amazon ECS task execution IAM role", task_execution_IAM_role; "Stopped tasks error messages",
    stopped-task-error-codes): otherwise it stops with TaskFailedToStart and CannotPullContainerError or
    ResourceInitializationError.

    ministack: always starts it.
    """
    start = reviewed(ecs, "_start_task_worker", "task", "td", "container_overrides", "docker_client")

    def needed(container):
        registry, _, repository = container["image"].partition("/")
        if ".dkr.ecr." in registry:
            yield "ecr:GetAuthorizationToken", "*"
            account, region = registry.split(".")[0], registry.split(".")[3]
            arn = f"arn:aws:ecr:{region}:{account}:repository/{repository.split('@')[0].split(':')[0]}"
            for action in ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage"):
                yield f"ecr:{action}", arn
        options = container.get("logConfiguration", {}).get("options", {})
        if group := options.get("awslogs-group"):
            stream = f"{group}:log-stream:{options.get('awslogs-stream-prefix', '')}"
            for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
                yield action, f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{stream}"

    def start_if_role_may(task, td, *rest):
        role = td.get("executionRoleArn") or ""
        for action, resource in (one for container in td["containerDefinitions"] for one in needed(container)):
            if not role:
                raise PermissionError(f"{action} requires an execution role, but the task definition has none")
            if why := denied("ecs-tasks.amazonaws.com", role, task["taskArn"][-32:], action, resource):
                raise PermissionError(why)
        return start(task, td, *rest)

    ecs._start_task_worker = start_if_role_may


def patch_missing_objects():
    """A missing object is 404 for callers that may list its bucket, and 403 for all others.

    AWS ("GetObject", API_GetObject; "HeadObject", API_HeadObject: Permissions): with s3:ListBucket the response is 404,
    without it 403.

    ministack: always 404.
    """
    for name in ("_get_object", "_head_object"):
        read = reviewed(s3, name, "bucket_name", "key", "headers", "query_params")
        setattr(s3, name, forbidden_unless_listed(read))


def forbidden_unless_listed(read):
    def read_object(bucket_name, key, headers, query_params=None):
        answer = read(bucket_name, key, headers, query_params)
        # Other services also read objects, without request headers.
        caller = extract_access_key_id(headers or {}, query_params or {})
        if answer[0] != 404 or not caller:
            return answer
        bucket = f"arn:aws:s3:::{bucket_name}"
        if iam_evaluator.enforce(caller, "s3:ListBucket", "s3", get_region(), resource_arn=bucket):
            return s3._error("AccessDenied", "Access Denied", 403, f"/{bucket_name}/{key}")
        return answer

    return read_object


def patch_callers():
    """S3 and EventBridge can call a function, and EventBridge can send to a queue, only if its policy allows it.

    AWS ("Working with resource-based policies in Lambda", access-control-resource-based; "Using resource-based policies
    for Amazon EventBridge", eb-use-resource-based): the policy must allow the service, for the calling bucket or rule.
    S3 refuses to configure a notification to any other function with "Unable to validate the following destination
    configurations"; an event that EventBridge cannot deliver is lost.

    ministack: checks only the policies of queues and topics, for S3 and SNS.
    """
    validate = reviewed(
        s3,
        "_validate_notification_configs",
        *("configs", "bucket_region", "bucket_name", "skip_destination_validation"),
    )
    invoke = reviewed(eventbridge, "_invoke_target", "target", "event", "rule", "view")
    reviewed(sqs, "queue_policy_allows", "queue_arn", "service", "source_arn", "source_account")

    def allows(arn, service, source):
        if ":sqs:" in arn:
            return sqs.queue_policy_allows(arn, service, source, get_account_id())
        function, _, _ = lambda_svc._get_func_record_for_ref(arn)
        return function is not None and function_allows(function, service, source)

    def validate_functions_too(configs, bucket_region, bucket_name="", skip_destination_validation=False):
        functions = [] if skip_destination_validation else [one["arn"] for one in configs if one["type"] == "lambda"]
        source = f"arn:aws:s3:::{bucket_name}"
        if deaf := [arn for arn in functions if not allows(arn, "s3.amazonaws.com", source)]:
            why = "Unable to validate the following destination configurations: " + ", ".join(deaf)
            return s3._invalid_notification_config(why)
        return validate(configs, bucket_region, bucket_name, skip_destination_validation)

    def invoke_if_allowed(target, event, rule, view=None):
        arn = target["Arn"]
        # Schedules of EventBridge Scheduler also come here; they use a role instead.
        asked = "EventBusName" in rule and arn.split(":")[2] in ("lambda", "sqs")
        if not asked or allows(arn, "events.amazonaws.com", rule["Arn"]):
            invoke(target, event, rule, view)

    s3._validate_notification_configs = validate_functions_too
    eventbridge._invoke_target = invoke_if_allowed
