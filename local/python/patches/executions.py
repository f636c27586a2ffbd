"""Events of executions: their order, those of states inside Parallel and Map states, and their way to the log."""

import contextvars
import copy
import json
import threading

from ministack.services import stepfunctions as sfn

from patches import execution_logs, reviewed

# Id of the last event on the way to the state of this thread.
PREVIOUS = contextvars.ContextVar("previous", default=0)
# States run on several threads, and two events must not get the same id.
LOCK = threading.Lock()
# Events that end an execution, and its status then.
ENDS = {"ExecutionSucceeded": "SUCCEEDED", "ExecutionFailed": "FAILED", "ExecutionTimedOut": "TIMED_OUT"}


class Ended(SystemExit):
    """Ends a thread that works for an execution which has ended, without a trace in the emulator's log."""


def patch_events():
    """An event names the one before it, states inside Parallel and Map states have events, and so has a time-out.

    AWS ("HistoryEvent", API_HistoryEvent: `previousEventId` is "the id of the previous event"; `type`: a task that
    exceeds its TimeoutSeconds has TaskTimedOut): an event's predecessor tells to which state it belongs, also where
    branches run concurrently. The first two events have 0.

    ministack: its events name no predecessor, states of branches have none except those of their tasks, and a task that
    times out has TaskFailed. Branches also share the context object's `State`.
    """
    add = reviewed(sfn, "_add_event", "execution", "event_type", "details")
    run = reviewed(sfn, "_run_execution", "exec_arn")
    reviewed(sfn, "_run_sub_machine", "states", "start_at", "input_data", "execution", "ctx")
    for kind in ("Task", "Parallel", "Map"):
        reviewed(sfn, f"_execute_{kind.lower()}", "state_def", "raw_input", "execution", "ctx")
    for kind in ("Pass", "Choice", "Wait"):
        reviewed(sfn, f"_execute_{kind.lower()}", "state_def", "raw_input", "ctx")
    reviewed(sfn, "_fail_state_error", "state_def", "raw_input", "ctx")

    def add_after_previous(execution, event_type, details=None):
        failed = (details or {}).get("taskFailedEventDetails", {})
        if failed.get("error") == "States.Timeout":
            event_type, details = "TaskTimedOut", {"taskTimedOutEventDetails": failed}
        with LOCK:
            if is_express(execution):
                state = (details or {}).get("stateEnteredEventDetails", {}).get("name")
                if state and state == execution.get("vanishes"):
                    execution["status"] = "VANISHED"
                # The first end counts: a time-out can come at the same moment as another end.
                if execution["status"] != "RUNNING":
                    raise Ended
                execution["status"] = ENDS.get(event_type, "RUNNING")
            # A stop and a time-out come from elsewhere.
            apart = event_type in ("ExecutionAborted", "ExecutionTimedOut")
            previous = execution["events"][-1]["id"] if apart else PREVIOUS.get()
            event = add(execution, event_type, {"previousEventId": previous, **(details or {})})
        PREVIOUS.set(event["id"])
        execution_logs.note(execution, event)
        return event

    def run_from_first_event(exec_arn):
        PREVIOUS.set(0)
        if execution := sfn._executions.get(exec_arn):
            execution_logs.note(execution, execution["events"][0])
        run(exec_arn)

    sfn._add_event = add_after_previous
    sfn._run_execution = run_from_first_event
    sfn._run_sub_machine = walk


def is_express(execution):
    return ":express:" in execution["executionArn"]


def walk(states, start_at, value, execution, ctx):
    """Runs states from `start_at` on, with their events, and returns the output of the last one."""
    name, value, ctx = start_at, copy.deepcopy(value), dict(ctx)
    while name:
        state = states.get(name)
        if state is None:
            raise sfn._ExecutionError("States.Runtime", f"State '{name}' not found")
        kind = state.get("Type")
        ctx["State"] = {"Name": name, "EnteredTime": sfn.now_iso(), "RetryCount": 0}
        entered = {"name": name, "input": json.dumps(value)}
        sfn._add_event(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": entered})
        match kind:
            case "Fail":
                raise sfn._ExecutionError(*sfn._fail_state_error(state, value, ctx))
            case "Succeed":
                value = sfn._apply_output_path(state, sfn._apply_input_path(state, value, ctx), ctx)
                following = None
            case "Task" | "Parallel" | "Map":
                # Looked up by name each time, because other patches wrap these functions.
                value, following = getattr(sfn, f"_execute_{kind.lower()}")(state, value, execution, ctx)
            case "Pass" | "Choice" | "Wait":
                value, following = getattr(sfn, f"_execute_{kind.lower()}")(state, value, ctx)
            case _:
                raise sfn._ExecutionError("States.Runtime", f"Unknown state type: {kind}")
        output = json.dumps(value)
        if is_express(execution) and len(json.dumps(value, ensure_ascii=False).encode()) > MOST_BYTES:
            why = f"The state '{name}' returned a result with a size exceeding the maximum number of bytes"
            raise sfn._ExecutionError("States.DataLimitExceeded", f"{why} service limit.")
        exited = {"stateExitedEventDetails": {"name": name, "output": output}}
        sfn._add_event(execution, f"{kind}StateExited", exited)
        name = following
    return value


def patch_repeated_start():
    """A repeated start of a Standard execution that is still running, with the same input, succeeds.

    AWS ("StartExecution", API_StartExecution): "the call succeeds and return the same response as the original request.
    If the execution is closed or if the input is different, it returns a 400 ExecutionAlreadyExists error".

    ministack: returns the error in any case.
    """
    start = reviewed(sfn, "_start_execution", "data")

    def start_once(data):
        machine = sfn._resolve_state_machine_arn(data.get("stateMachineArn", "")) or ""
        running = sfn._executions.get(f"{machine.replace(':stateMachine:', ':execution:')}:{data.get('name')}")
        if running and running["status"] == "RUNNING" and running["input"] == data.get("input", "{}"):
            return sfn.json_response({name: running[name] for name in ("executionArn", "startDate")})
        return start(data)

    sfn._start_execution = start_once


# Largest input or output of an execution, a state or a task ("Step Functions service quotas": 256 KiB of UTF-8).
MOST_BYTES = 256 * 1024


def patch_terminal_errors():
    """No Retry and no Catch of all errors applies to States.DataLimitExceeded and States.Runtime.

    AWS ("Handling errors in Step Functions workflows", concepts-error-handling): States.ALL "can't catch the
    States.DataLimitExceeded terminal error or Runtime error types"; States.Runtime "is not retriable, and will always
    cause the execution to fail".

    ministack: States.ALL and States.TaskFailed match both.
    """
    matches = reviewed(sfn, "_error_matches", "error_equals", "error")

    def matches_unless_terminal(error_equals, error):
        terminal = error in ("States.DataLimitExceeded", "States.Runtime")
        return matches([name for name in error_equals if not terminal or name == "States.DataLimitExceeded"], error)

    sfn._error_matches = matches_unless_terminal
