"""The logs of state machines in CloudWatch Logs."""

import contextvars
import json
import queue
import threading
import zlib
from datetime import UTC, datetime

from ministack.core.responses import get_region
from ministack.services import cloudwatch_logs
from ministack.services import stepfunctions as sfn
from ministack.services.cloudformation import provisioners

from patches import reviewed

# Events on their way to a log. A thread delivers them, so that executions do not wait.
WAITING = queue.SimpleQueue()
# Events of one delivery.
MOST_AT_ONCE = 1000
# An input or output is cut off at this size ("Using CloudWatch Logs to log execution history": 248 KB, escaped).
MOST_ESCAPED = 248 * 1024
# The end of a machine's life, which the level FATAL logs.
FATAL = ("ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut")


def patch_logs():
    """The events of an execution are written to the log group of its state machine, if its level includes them.

    AWS ("Using CloudWatch Logs to log execution history in Step Functions", cw-logs; "Log levels",
    cloudwatch-log-level): each event is a line of JSON with `id`, `type`, `details`, `previous_event_id`,
    `event_timestamp` and `execution_arn`, all of them strings except `details`. Without `includeExecutionData`, the
    details have no inputs and outputs, but errors and causes. Publishing logs does not slow executions, is best effort,
    and needs only the permissions that the role must have at creation (roles.py). A state machine whose log group does
    not exist cannot be created. Streams are named `states/NAME/YYYY-MM-DD-HH-MM/SHARD` for Express and
    `states/NAME/YYYY-MM-DD-HH/SHARD` for Standard; this is not documented, but seen in accounts.

    ministack: writes no such logs, and CloudFormation stores the configuration in another case than its own API. The
    lines of the patch lack TaskStarted and the parameters of TaskScheduled, which ministack's events do not have.
    """
    reviewed(cloudwatch_logs, "_put_log_events", "data")
    reviewed(cloudwatch_logs, "_create_log_stream", "data")
    types = provisioners._RESOURCE_HANDLERS["AWS::StepFunctions::StateMachine"]
    reviewed(provisioners, "_sfn_state_machine_create", "logical_id", "props", "stack_name")
    create = types["create"]
    update = reviewed(sfn, "_update_state_machine", "data")
    create_by_api = reviewed(sfn, "_create_state_machine", "data")

    def create_with_log(logical_id, props, stack_name):
        logging = decapitalised(props.get("LoggingConfiguration"))
        if why := refusal(logging):
            raise provisioners._sfn_handler_error(why)
        arn, attributes = create(logical_id, props, stack_name)
        if logging:
            sfn._state_machines[arn]["loggingConfiguration"] = logging
        return arn, attributes

    def create_by_api_with_log(data):
        if why := refusal(data.get("loggingConfiguration")):
            return sfn.error_response_json("InvalidLoggingConfiguration", why, 400)
        return create_by_api(data)

    def update_with_log(data):
        logging = decapitalised(data.get("loggingConfiguration"))
        if why := refusal(logging):
            return sfn.error_response_json("InvalidLoggingConfiguration", why, 400)
        return update({**data, "loggingConfiguration": logging} if logging else data)

    types["create"] = create_with_log
    sfn._create_state_machine = create_by_api_with_log
    sfn._update_state_machine = update_with_log
    threading.Thread(target=deliver, daemon=True, name="execution logs").start()


def decapitalised(value):
    """Returns JSON with the first letter of every name in lower case."""
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: decapitalised(one) for name, one in value.items()}
    return [decapitalised(one) for one in value] if isinstance(value, list) else value


def group_of(logging):
    """Returns the name of the log group in a configuration, or an empty one."""
    for destination in logging.get("destinations") or []:
        arn = destination.get("cloudWatchLogsLogGroup", {}).get("logGroupArn", "")
        return arn.partition(":log-group:")[2].removesuffix(":*")
    return ""


def refusal(logging):
    """Returns why a state machine cannot have this configuration, or None."""
    if (logging or {}).get("level", "OFF") == "OFF" or group_of(logging) in cloudwatch_logs._log_groups:
        return None
    return "Invalid Logging Configuration: Log Destination not found."


def included(level, event_type):
    """Returns whether a level includes a type of event."""
    match level:
        case "ALL":
            return True
        case "ERROR":
            return event_type == "FailStateEntered" or event_type.endswith(("Failed", "TimedOut", "Aborted"))
        case "FATAL":
            return event_type in FATAL
    return False


def note(execution, event):
    """Queues an event for the log, if the level of its state machine includes it."""
    machine = sfn._state_machines.get(execution["stateMachineArn"]) or {}
    logging = machine.get("loggingConfiguration") or {}
    if included(logging.get("level"), event["type"]):
        # Account and region are in the context of this thread.
        WAITING.put((contextvars.copy_context(), execution["executionArn"], event, machine["name"], logging))


def deliver():
    while True:
        batch = [WAITING.get()]
        while len(batch) < MOST_AT_ONCE and not WAITING.empty():
            batch.append(WAITING.get())
        streams = {}
        for context, arn, event, machine, logging in batch:
            at = sfn._iso_to_epoch_ms(event["timestamp"])
            stream = stream_of(machine, ":express:" in arn, at)
            place = (*arn.split(":")[3:5], group_of(logging), stream)
            _, lines = streams.setdefault(place, (context, []))
            lines.append({"timestamp": at, "message": context.run(line, arn, event, at, logging)})
        for (*_, group, stream), (context, lines) in streams.items():
            try:
                context.run(write, group, stream, lines)
            except Exception:
                sfn.logger.exception("%d lines of %s are lost", len(lines), stream)


def write(group, stream, lines):
    """Appends lines to a stream. They are lost if the group no longer exists."""
    names = {"logGroupName": group, "logStreamName": stream}
    cloudwatch_logs._create_log_stream(names)
    cloudwatch_logs._put_log_events({**names, "logEvents": lines})


def stream_of(machine, express, at):
    """Returns the name of the stream for events of this time, in milliseconds."""
    time = datetime.fromtimestamp(at / 1000, UTC)
    if express:
        period, shard = f"{time:%Y-%m-%d-%H}-{time.minute // 5 * 5:02}", f"{zlib.crc32(machine.encode()):08x}"
    else:
        period, shard = f"{time:%Y-%m-%d-%H}", "00000000"
    return f"states/{machine}/{period}/{shard}"


def line(arn, event, at, logging):
    details = next((dict(value) for key, value in event.items() if key.endswith("EventDetails")), {})
    if ":::" in details.get("resource", ""):
        details["resourceType"], _, details["resource"] = details["resource"].partition(":::")[2].rpartition(":")
    if event["type"] == "TaskScheduled":
        details["region"] = get_region()
    for name in ("input", "output"):
        if (data := details.pop(name, None)) is not None and logging.get("includeExecutionData"):
            details |= cut_off(name, data)
    fields = {
        "id": str(event["id"]),
        "type": event["type"],
        "details": details,
        "previous_event_id": str(event.get("previousEventId", 0)),
        "event_timestamp": str(at),
        "execution_arn": arn,
        "redrive_count": "0",
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def cut_off(name, data):
    """Returns an input or output, if necessary without its end, and whether it lacks something."""
    truncated = len(json.dumps(data)) > MOST_ESCAPED
    while len(json.dumps(data)) > MOST_ESCAPED:
        data = data[: len(data) * MOST_ESCAPED // len(json.dumps(data)) - 1]
    return {name: data, f"{name}Details": {"truncated": truncated}}
