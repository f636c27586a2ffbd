"""State machines of type EXPRESS."""

import contextlib
import contextvars
import json
import re
import threading

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response, new_uuid, now_iso
from ministack.services import stepfunctions as sfn
from ministack.services.cloudformation import provisioners

from patches import executions, reviewed
from patches.roles import STATE_EXECUTION

# Longest time of an execution, in seconds ("Step Functions service quotas", service-quotas).
MOST_SECONDS = 300
# What the name of an execution may not contain ("StartExecution", API_StartExecution: `name`).
NOT_IN_NAMES = re.compile(r"""[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]""")


def patch_express(most_seconds=MOST_SECONDS):
    """An Express execution has an ARN of its own, runs for five minutes at most, and leaves nothing but its log.

    AWS ("Choosing workflow type in Step Functions", choosing-workflow-type; "Execution guarantees",
    express-at-least-once-execution: "Starting multiple workflows with the same name results in concurrent executions";
    "StartExecution": not idempotent for EXPRESS; "Step Functions service quotas": five minutes; "EventBridge for
    Step Functions execution status changes", cw-events: Express Workflows do not emit events). The ARN is
    `express:MACHINE:NAME:UUID`, also in the context object. An execution that exceeds the five minutes, or the
    TimeoutSeconds of its definition, ends with ExecutionTimedOut; functions that it has called run on.

    ministack: runs them as Standard executions, refuses a name that was used, and sends events. It ignores
    TimeoutSeconds of a definition, and for Standard executions still does.
    """
    start = reviewed(sfn, "_start_execution", "data")
    start_sync = reviewed(sfn, "_start_sync_execution", "data")
    reviewed(sfn, "_resolve_state_machine_arn", "arn")

    def start_by_type(data):
        if refused := invalid_start(data):
            return refused
        machine = machine_of(data)
        if machine is None or machine["type"] != "EXPRESS":
            return start(data)
        execution = new_execution(machine, data)
        begin(execution, most_seconds)
        return json_response({name: execution[name] for name in ("executionArn", "startDate")})

    def start_sync_by_type(data):
        machine = machine_of(data)
        if machine is None or machine["type"] != "EXPRESS":
            # Inside ministack, `.sync` of a nested Standard execution comes here, too.
            return start_sync(data) if machine is None or STATE_EXECUTION.get() else not_supported()
        if refused := invalid_start(data):
            return refused
        execution = new_execution(machine, data)
        begin(execution, most_seconds)
        execution["ended"].wait()
        return json_response(outcome(execution))

    sfn._start_execution = start_by_type
    sfn._start_sync_execution = start_sync_by_type


def machine_of(data):
    """Returns the state machine that a request names, by its own ARN or one of a version or alias, or None."""
    arn = sfn._resolve_state_machine_arn(data.get("stateMachineArn", ""))
    return sfn._state_machines.get(arn) if arn else None


def invalid_start(data):
    """Returns the refusal of a start whose name or input is invalid, or None.

    AWS ("StartExecution", API_StartExecution: InvalidName, InvalidExecutionInput, ValidationException; the input has at
    most 262144 bytes in UTF-8).
    """
    name, text = data.get("name"), data.get("input", "{}")
    if name is not None and (not 1 <= len(name) <= 80 or NOT_IN_NAMES.search(name)):
        return error_response_json("InvalidName", f"Invalid Name: '{name}'", 400)
    if len(text.encode()) > executions.MOST_BYTES:
        why = "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less"
        return error_response_json("ValidationException", f"{why} than or equal to {executions.MOST_BYTES}", 400)
    try:
        json.loads(text)
    except ValueError as error:
        why = f"Invalid State Machine Execution Input: '{error}'"
        return error_response_json("InvalidExecutionInput", why, 400)
    return None


def new_execution(machine, data):
    name = data.get("name") or new_uuid()
    arn = f"arn:aws:states:{get_region()}:{get_account_id()}:express:{machine['name']}:{name}:{new_uuid()}"
    return {
        "executionArn": arn,
        "stateMachineArn": machine["stateMachineArn"],
        "name": name,
        "status": "RUNNING",
        "startDate": now_iso(),
        "input": data.get("input", "{}"),
        # The machine's state when the execution starts counts, as for any execution.
        "machine": dict(machine),
        "events": [],
        "ended": threading.Event(),
    }


def once_more(execution, same_arn):
    """Returns another run of an execution, under its ARN or under one of its own."""
    arn = execution["executionArn"]
    arn = arn if same_arn else f"{arn.rpartition(':')[0]}:{new_uuid()}"
    return {**execution, "executionArn": arn, "status": "RUNNING", "events": [], "ended": threading.Event()}


def begin(execution, most_seconds):
    """Runs an execution on a thread of its own."""
    threading.Thread(target=contextvars.copy_context().run, args=(run, execution, most_seconds), daemon=True).start()


def run(execution, most_seconds):
    executions.PREVIOUS.set(0)
    machine = execution["machine"]
    started = {"input": execution["input"], "roleArn": machine["roleArn"]}
    sfn._add_event(execution, "ExecutionStarted", {"executionStartedEventDetails": started})
    # The second event has no predecessor either.
    executions.PREVIOUS.set(0)
    timer = None
    try:
        definition, value = json.loads(machine["definition"]), json.loads(execution["input"])
        seconds = min(definition.get("TimeoutSeconds", most_seconds), most_seconds)
        timer = threading.Timer(seconds, contextvars.copy_context().run, (time_out, execution))
        timer.daemon = True
        timer.start()
        context = context_object(execution, definition, value)
        output = json.dumps(executions.walk(definition["States"], definition["StartAt"], value, execution, context))
        end(execution, "Succeeded", output=output)
    except sfn._ExecutionError as error:
        end(execution, "Failed", error=error.error, cause=error.cause)
    except executions.Ended:
        pass
    except Exception as error:
        sfn.logger.exception("Unexpected error in execution %s", execution["executionArn"])
        end(execution, "Failed", error="States.Runtime", cause=str(error))
    finally:
        if timer:
            timer.cancel()


def context_object(execution, definition, value):
    """Returns the context object, with the variables of ministack's interpreter."""
    machine = execution["machine"]
    return {
        "QueryLanguage": definition.get("QueryLanguage", "JSONPath"),
        "Execution": {
            "Id": execution["executionArn"],
            "Input": value,
            "Name": execution["name"],
            "RoleArn": machine["roleArn"],
            "StartTime": execution["startDate"],
            "RedriveCount": 0,
        },
        "StateMachine": {"Id": machine["stateMachineArn"], "Name": machine["name"]},
        "variables": {},
    }


def time_out(execution):
    end(execution, "TimedOut", error="States.Timeout")


def end(execution, how, **details):
    """Ends an execution, unless it has ended."""
    with contextlib.suppress(executions.Ended):
        sfn._add_event(execution, f"Execution{how}", {f"execution{how}EventDetails": details})
        execution.update(details, stopDate=now_iso())
        execution["ended"].set()


def outcome(execution):
    """Returns the answer to StartSyncExecution."""
    names = ("executionArn", "stateMachineArn", "name", "startDate", "stopDate", "status", "input")
    told = {name: execution[name] for name in names}
    told |= {name: execution[name] for name in ("output", "error", "cause") if execution.get(name) is not None}
    return {**told, "inputDetails": {"included": True}, "outputDetails": {"included": True}}


def not_supported():
    why = "This operation is not supported by this type of state machine"
    return error_response_json("StateMachineTypeNotSupported", why, 400)


def patch_unsupported_calls():
    """Express executions can be neither described nor listed nor stopped, and have no history.

    AWS ("DescribeExecution", "DescribeStateMachineForExecution", "GetExecutionHistory", "StopExecution" and
    "ListExecutions" in the Step Functions API reference: "not supported by EXPRESS state machines"): the first four
    refuse the ARN as InvalidArn, ListExecutions fails with StateMachineTypeNotSupported.

    ministack: answers all of them.
    """
    list_executions = reviewed(sfn, "_list_executions", "data")

    def refusing(function):
        def answer(data):
            if ":express:" in str(data.get("executionArn")):
                why = "Invalid Arn: 'Resource type not valid in this context: express'"
                return error_response_json("InvalidArn", why, 400)
            return function(data)

        return answer

    def list_standard(data):
        machine = machine_of(data)
        return not_supported() if machine and machine["type"] == "EXPRESS" else list_executions(data)

    calls = ("describe_execution", "describe_state_machine_for_execution", "get_execution_history", "stop_execution")
    for name in [f"_{call}" for call in calls]:
        setattr(sfn, name, refusing(reviewed(sfn, name, "data")))
    sfn._list_executions = list_standard


def patch_definitions():
    """An Express state machine cannot wait for a job, a task token or an activity, nor run a distributed Map.

    AWS ("Discover service integration patterns in Step Functions", connect-to-resource, and "Choosing workflow type",
    choosing-workflow-type: Express Workflows support neither Run a Job (.sync) nor Wait for Callback
    (.waitForTaskToken), activities or Distributed Map): CreateStateMachine and UpdateStateMachine fail with
    InvalidDefinition, and so do resources of a template.

    ministack: accepts every definition.
    """
    create = reviewed(sfn, "_create_state_machine", "data")
    update = reviewed(sfn, "_update_state_machine", "data")
    types = provisioners._RESOURCE_HANDLERS["AWS::StepFunctions::StateMachine"]
    reviewed(provisioners, "_sfn_definition", "props")
    create_resource = types["create"]

    def create_valid(data):
        if data.get("type") == "EXPRESS" and (why := problem(data.get("definition"))):
            return error_response_json("InvalidDefinition", why, 400)
        return create(data)

    def update_valid(data):
        machine = sfn._state_machines.get(data.get("stateMachineArn"))
        if machine and machine["type"] == "EXPRESS" and (why := problem(data.get("definition"))):
            return error_response_json("InvalidDefinition", why, 400)
        return update(data)

    def create_valid_resource(logical_id, props, stack_name):
        if props.get("StateMachineType") == "EXPRESS" and (why := problem(provisioners._sfn_definition(props))):
            raise provisioners._sfn_handler_error(why)
        return create_resource(logical_id, props, stack_name)

    sfn._create_state_machine = create_valid
    sfn._update_state_machine = update_valid
    types["create"] = create_valid_resource


def problem(text):
    """Returns why an Express state machine cannot have a definition, in AWS's words, or None."""
    try:
        states = json.loads(text or "{}").get("States", {})
    except ValueError:
        # ministack refuses it.
        return None
    for path, state in all_states(states, "/States"):
        resource = state.get("Resource", "")
        pattern = re.search(r"\.(sync|waitForTaskToken)(:2)?$", resource)
        mode = state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode")
        if pattern:
            what = f"'.{pattern[1]}' service integration"
        elif ":activity:" in resource:
            what = "Activity ARN"
        elif mode == "DISTRIBUTED":
            what = "Distributed Map"
        else:
            continue
        why = f"Express state machine does not support {what} at {path}"
        return f"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {why}'"
    return None


def all_states(states, path):
    """Yields all states with their paths, those of branches included."""
    for name, state in states.items():
        yield f"{path}/{name}", state
        for number, branch in enumerate(state.get("Branches", [])):
            yield from all_states(branch.get("States", {}), f"{path}/{name}/Branches[{number}]/States")
        for inner in ("Iterator", "ItemProcessor"):
            yield from all_states(state.get(inner, {}).get("States", {}), f"{path}/{name}/{inner}/States")


def patch_nested_start():
    """The errors of `states:startExecution` in a state have the names that Retry and Catch match on AWS.

    AWS ("Start a new state machine from a running execution", connect-stepfunctions; the names are not documented, but
    seen in accounts): an error of the API is named after the service and the exception, such as
    StepFunctions.ExecutionAlreadyExistsException. Errors that the API does not define, such as AccessDeniedException,
    are StepFunctions.AWSStepFunctionsException.

    ministack: the name of the API's error.
    """
    invoke = reviewed(sfn, "_invoke_nested_start_execution", "resource", "input_data")

    def invoke_with_names(resource, input_data):
        try:
            return invoke(resource, input_data)
        except sfn._ExecutionError as error:
            name = error.error.removesuffix("Exception")
            raise sfn._ExecutionError(f"StepFunctions.{name}Exception", error.cause) from error

    sfn._invoke_nested_start_execution = invoke_with_names
