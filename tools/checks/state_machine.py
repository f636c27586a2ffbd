"""The state machine has only reachable states, and every Task state has limits.

Invariant 9: every Task state has TimeoutSeconds, Retry with backoff and jitter, and Catch. Inside a
Parallel or Map state the enclosing state catches errors: a Catch of all errors in a branch
would let the other branches continue after the job has failed. Only an optional worker is caught
in its branch, by a state that reports it (`give_up`).

A worker has two states: one on the capacity chosen by the operator, which can be unavailable or
reclaimed, and after a failure the same on demand, with retries. There, missing capacity is
waited for until the execution times out, and a failed worker is retried twice. A throttled function is
waited for as long too, one whose services do not answer for a minute, and one that crashed is retried three
times.

Before both, short work can begin in a function with the worker's image. What it leaves goes on to the
first state. An attempt that failed is made once more in the function, which starts within a second; if that
fails too, the work goes on to the second state.

The light state machine is an Express workflow: it runs at most five minutes, waits for no container, and has to be
impatient, because others wait for what it cannot do. Its errors end in one state that starts the Standard machine.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checks import template

ENDS = {"Succeed", "Fail"}
SUBSTITUTION = re.compile(r"\$\{(\w+)\}")
FUNCTION = "arn:aws:states:::lambda:invoke"
WORKER = "arn:aws:states:::ecs:runTask.sync"
ON_DEMAND = "FARGATE"
# Errors for missing or reclaimed capacity and failed workers ("connect-ecs" in the Step Functions guide;
# "ecs-fargate-runtask-capacity" on re:Post).
CAPACITY_ERRORS = {"ECS.AmazonECSException", "AmazonECS.Unknown", "States.TaskFailed"}
# Errors that a worker on demand waits out. If a quota is exhausted or Fargate has no capacity, RunTask returns
# `failures`, which becomes AmazonECS.Unknown, or fails with an error without an SDK type, such as throttling, which
# becomes ECS.AmazonECSException ("connect-ecs" and "concepts-error-handling" in the Step Functions guide).
WAITED_OUT = ("ECS.AmazonECSException", "AmazonECS.Unknown", "ECS.ThrottlingException", "ECS.ServerException")
# Errors that calls of a function wait out: the concurrency of the account or of the function is exhausted.
THROTTLED = ("Lambda.TooManyRequestsException",)
# Errors of a function whose process ended: killed by its host, or crashed by the file ("Understanding the Lambda
# execution environment lifecycle", and Lambda's reports of a failed start).
CRASHED = ("Runtime.ExitError", "Runtime.Unknown")
# Tries after a crash: hosts fail at random, so more than one; a file that crashes a function does it each time, so few.
CRASH_RETRIES = 3
# Errors of a function whose services do not answer, and how many seconds they are waited out.
UNANSWERED = ("Lambda.ServiceException", "Transient")
SERVICE_OUTAGE = 60
# Maximum seconds between two attempts, so available capacity is used soon.
LONGEST_DELAY = 300
WORKER_RETRIES = 2
# Further attempts in a worker's function. A container starts a minute later, but has more memory, disk and time.
WORKER_FUNCTION_RETRIES = 1
# The error of a function that leaves its work to a container (crates/cloud/src/invocation.rs).
MOVED = "Moved"
# "Quotas related to state machine executions": an execution ends after a year, and fails with more events than this. A
# refused attempt is the three events TaskScheduled, TaskStarted and TaskSubmitFailed; two workers of a job can wait at
# once.
LONGEST_EXECUTION = 365 * 86_400
MOST_EVENTS, EVENTS_OF_ATTEMPT, WORKERS_AT_ONCE = 25_000, 3, 2
# "Quotas related to state machine executions": an Express execution ends after five minutes.
LONGEST_EXPRESS = 300
# Longest wait of a light state's retries in seconds: less than a run's hold on its job (crates/core/src/job/hold.rs).
LIGHT_TRIES = 40
HAND_OVER = "arn:aws:states:::states:startExecution"
# The state that fails the job.
REFUSES = "MarkFailed"
# Fields in which a worker's on-demand state can differ from the first one.
OF_THE_ATTEMPT = {"Comment", "Retry", "Catch"}
# Amazon States Language has defaults for these, so an omission would go unnoticed.
RETRY_FIELDS = ("IntervalSeconds", "MaxAttempts", "BackoffRate", "JitterStrategy")


def nested(state: dict) -> list[dict]:
    """The machines inside a Parallel or Map state."""
    inner = state.get("ItemProcessor") or state.get("Iterator")
    return [*state.get("Branches", []), *([inner] if inner else [])]


def targets(state: dict) -> Iterator[str]:
    """Names of the possible next states."""
    for field in ("Next", "Default"):
        if field in state:
            yield state[field]
    for rule in [*state.get("Choices", []), *state.get("Catch", [])]:
        if "Next" in rule:
            yield rule["Next"]


def catches_all(state: dict) -> bool:
    """True if the state catches all errors."""
    return any(rule.get("ErrorEquals") == ["States.ALL"] for rule in state.get("Catch", []))


def flow_findings(machine: dict, where: str) -> Iterator[str]:
    """Dangling names and unreachable states."""
    states = machine.get("States", {})
    waiting = [machine.get("StartAt", "")]
    reached = set()
    while waiting:
        name = waiting.pop()
        if name in reached or name not in states:
            continue
        reached.add(name)
        waiting.extend(targets(states[name]))
    if machine.get("StartAt") not in states:
        yield f"{where}: StartAt names no state: {machine.get('StartAt')}"
    for name, state in states.items():
        for target in targets(state):
            if target not in states:
                yield f"{where}{name}: leads to {target}, which does not exist"
        if name not in reached:
            yield f"{where}{name}: no state leads here"
        if state["Type"] not in ENDS | {"Choice"} and ("Next" in state) == (state.get("End") is True):
            yield f"{where}{name}: needs either Next or End"
        if state["Type"] == "Choice" and "Default" not in state:
            yield f"{where}{name}: a Choice needs a Default, or an unexpected value ends the execution without a report"


def task_findings(name: str, state: dict, caught_outside: bool) -> Iterator[str]:
    """Invariant 9 for one Task state."""
    if not ({"TimeoutSeconds", "TimeoutSecondsPath"} & state.keys()):
        yield f"{name}: a Task needs TimeoutSeconds"
    if not state.get("Retry"):
        yield f"{name}: a Task needs Retry"
    for retrier in state.get("Retry", []):
        missing = [field for field in RETRY_FIELDS if field not in retrier]
        if missing:
            yield f"{name}: the Retry on {', '.join(retrier['ErrorEquals'])} needs {', '.join(missing)}"
    if not catches_all(state) and not caught_outside:
        yield f"{name}: a Task needs a Catch of States.ALL"


def capacity(state: dict) -> str | None:
    """The capacity provider of a worker's state, if it has exactly one."""
    strategy = state["Parameters"].get("CapacityProviderStrategy", [])
    return strategy[0]["CapacityProvider"] if len(strategy) == 1 else None


def same_work(first: dict, second: dict) -> bool:
    """True if two states differ only in their capacity and their error handling."""

    def work(state: dict) -> dict:
        parameters = {key: value for key, value in state["Parameters"].items() if key != "CapacityProviderStrategy"}
        return {key: value for key, value in state.items() if key not in OF_THE_ATTEMPT} | {"Parameters": parameters}

    return work(first) == work(second)


def retrier_of(state: dict, error: str) -> dict:
    """The first retrier that matches an error. States.TaskFailed matches all errors except States.Timeout."""
    names = {error, "States.ALL", "States.TaskFailed"}
    return next((one for one in state.get("Retry", []) if names & set(one["ErrorEquals"])), {})


def attempts_within(retrier: dict, seconds: float) -> int:
    """Average number of attempts of a retrier within a time. Full jitter halves each delay."""
    delay, passed, attempts = retrier.get("IntervalSeconds", 1), 0.0, 0
    share = 0.5 if retrier.get("JitterStrategy") == "FULL" else 1.0
    while passed < seconds and attempts < retrier.get("MaxAttempts", 3):
        passed += share * min(delay, retrier.get("MaxDelaySeconds", delay))
        delay *= retrier.get("BackoffRate", 2)
        attempts += 1
    return attempts


def patience_findings(name: str, state: dict, errors: tuple[str, ...], limit: float) -> Iterator[str]:
    """Findings if a state does not wait for exhausted capacity until its execution times out."""
    for error in errors:
        retrier = retrier_of(state, error)
        attempts = attempts_within(retrier, limit)
        # A margin of a quarter for the randomness of jitter.
        if retrier.get("MaxAttempts", 0) < 1.25 * attempts:
            yield f"{name}: {error} must be waited out for {limit} s; the Retry ends earlier"
        if retrier.get("MaxDelaySeconds", LONGEST_DELAY + 1) > LONGEST_DELAY:
            yield f"{name}: the Retry on {error} needs MaxDelaySeconds of {LONGEST_DELAY} at most"
        if attempts * EVENTS_OF_ATTEMPT * WORKERS_AT_ONCE > MOST_EVENTS:
            yield f"{name}: the Retry on {error} fills the execution's history within {limit} s"


def crash_findings(name: str, state: dict) -> Iterator[str]:
    """Findings if a function that crashed is not tried again as often as it should."""
    for error in CRASHED:
        if retrier_of(state, error).get("MaxAttempts") != CRASH_RETRIES:
            yield f"{name}: after {error}, a function is tried again {CRASH_RETRIES} times"


def worker_findings(name: str, state: dict, states: dict, limit: float) -> Iterator[str]:
    """Findings for a worker's state, which must run on the chosen capacity first and then on demand."""
    if capacity(state) is None or "LaunchType" in state["Parameters"]:
        yield f"{name}: a worker needs a CapacityProviderStrategy of one provider, and then no LaunchType"
        return
    retried = {error for retrier in state.get("Retry", []) for error in retrier["ErrorEquals"]}
    if retried & {"States.ALL", "States.Timeout"}:
        yield f"{name}: a worker that took too long must not be tried again"
    if capacity(state) == ON_DEMAND:
        if missing := sorted(CAPACITY_ERRORS - retried):
            yield f"{name}: a worker on demand needs a Retry on {', '.join(missing)}"
        yield from patience_findings(name, state, WAITED_OUT, limit)
        if retrier_of(state, "States.TaskFailed").get("MaxAttempts") != WORKER_RETRIES:
            yield f"{name}: a worker that failed is tried again {WORKER_RETRIES} times"
        return
    if patient := sorted(CAPACITY_ERRORS & retried):
        yield f"{name}: {', '.join(patient)} must lead to a worker on demand, not to a Retry"
    falls = [rule for rule in state.get("Catch", []) if set(rule["ErrorEquals"]) == CAPACITY_ERRORS]
    if len(falls) != 1:
        yield f"{name}: a worker needs a Catch of {', '.join(sorted(CAPACITY_ERRORS))}"
        return
    (fall,) = falls
    # Overrides of an ECS task are limited to 8192 characters, which the cause, itself an ECS task, would exceed.
    if fall.get("ResultPath", "$") is not None:
        yield f"{name}: the Catch that leads to {fall['Next']} must discard the error (ResultPath null)"
    second = states.get(fall["Next"], {})
    if second.get("Resource") != WORKER or capacity(second) != ON_DEMAND or not same_work(state, second):
        yield f"{name}: {fall['Next']} must be the same worker on {ON_DEMAND}"


def moves(state: dict) -> bool:
    """True if a state runs a worker in a function, which can leave its work to a container."""
    return any(MOVED in rule["ErrorEquals"] for rule in state.get("Catch", []))


def function_findings(name: str, state: dict, states: dict) -> Iterator[str]:
    """Findings for a worker's function: all that it cannot end must go on in a container, without its error."""
    rules = {tuple(rule["ErrorEquals"]): rule for rule in state["Catch"]}
    moved, failed = rules.get((MOVED, *THROTTLED)), rules.get(("States.ALL",))
    if len(rules) != 2 or not moved or not failed:
        yield f"{name}: a worker's function needs a Catch of {MOVED} and {', '.join(THROTTLED)}, and one of States.ALL"
        return
    if any(rule.get("ResultPath", "$") is not None for rule in rules.values()):
        yield f"{name}: the error must be discarded (ResultPath null)"
    first, second = states.get(moved["Next"], {}), states.get(failed["Next"], {})
    if first.get("Resource") != WORKER or capacity(first) == ON_DEMAND:
        yield f"{name}: {moved['Next']} must be the worker on the chosen capacity"
    elif second.get("Resource") != WORKER or capacity(second) != ON_DEMAND or not same_work(first, second):
        yield f"{name}: {failed['Next']} must be the same worker on {ON_DEMAND}, because the attempt counts"
    for error in ("Transient", *CRASHED):
        if retrier_of(state, error).get("MaxAttempts") != WORKER_FUNCTION_RETRIES:
            yield f"{name}: after {error}, a worker's function is tried again {WORKER_FUNCTION_RETRIES} times"
    if retrier_of(state, "States.Timeout"):
        yield f"{name}: a worker's function that took too long must not be tried again"


def given_up_findings(name: str, state: dict, states: dict) -> Iterator[str]:
    """Findings if an error caught inside a branch is not reported to the job."""
    for rule in state.get("Catch", []):
        if rule["ErrorEquals"] == ["States.ALL"] and not moves(state):
            payload = states.get(rule["Next"], {}).get("Parameters", {}).get("Payload", {})
            if not isinstance(payload, dict) or payload.get("action") != "give_up":
                yield f"{name}: a Catch of everything in a branch must lead to a state that reports it (give_up)"


def machine_findings(
    machine: dict, where: str = "", caught_outside: bool = False, limit: float | None = None
) -> Iterator[str]:
    """All findings for a machine and its nested machines. `limit` is the timeout of the execution in seconds."""
    limit = limit or machine.get("TimeoutSeconds", LONGEST_EXECUTION)
    yield from flow_findings(machine, where)
    for name, state in machine.get("States", {}).items():
        if state["Type"] == "Task":
            yield from task_findings(where + name, state, caught_outside)
        if caught_outside:
            yield from given_up_findings(where + name, state, machine["States"])
        if state.get("Resource") == FUNCTION and moves(state):
            yield from function_findings(where + name, state, machine["States"])
        elif state.get("Resource") == FUNCTION:
            yield from patience_findings(where + name, state, THROTTLED, limit)
            yield from patience_findings(where + name, state, UNANSWERED, SERVICE_OUTAGE)
            yield from crash_findings(where + name, state)
        if state.get("Resource") == WORKER:
            yield from worker_findings(where + name, state, machine["States"], limit)
        for inner in nested(state):
            yield from machine_findings(inner, f"{where}{name}/", caught_outside or catches_all(state), limit)


def leads_over(name: str, states: dict) -> bool:
    """True if a state is the hand-over, or only prepares it."""
    state = states.get(name, {})
    return state.get("Resource") == HAND_OVER or (
        state.get("Type") == "Pass" and (state.get("End") is True or leads_over(state.get("Next", ""), states))
    )


def longest_tries(state: dict) -> float:
    """Seconds that the retries of a state wait at most, without jitter."""
    total = 0.0
    for retrier in state.get("Retry", []):
        delay, most = retrier.get("IntervalSeconds", 1), retrier.get("MaxDelaySeconds", LONGEST_DELAY)
        for _ in range(retrier.get("MaxAttempts", 3)):
            total += min(delay, most)
            delay *= retrier.get("BackoffRate", 2)
    return total


def light_task_findings(name: str, state: dict, states: dict) -> Iterator[str]:
    """Findings for a Task state of the light state machine."""
    if state["Resource"] not in (FUNCTION, HAND_OVER):
        yield f"{name}: a light run calls only functions and the Standard state machine, not {state['Resource']}"
    if longest_tries(state) > LIGHT_TRIES:
        yield f"{name}: its retries wait longer than {LIGHT_TRIES} s, while its run's hold on the job expires"
    for rule in state.get("Catch", []):
        errors = rule["ErrorEquals"]
        if rule["Next"] == REFUSES and errors != ["Refused"]:
            yield f"{name}: {', '.join(errors)} must not fail the job, only a refusal does"
        if errors != ["States.ALL"] or state["Resource"] == HAND_OVER:
            continue
        if not leads_over(rule["Next"], states):
            yield f"{name}: all other errors must lead to the Standard state machine, not to {rule['Next']}"
        if rule.get("ResultPath", "$") is not None:
            yield f"{name}: the error must be discarded (ResultPath null): the Standard machine gets the work only"


def light_findings(machine: dict, where: str = "") -> Iterator[str]:
    """All findings for the light state machine and the branches of its Parallel states."""
    if not where and not 0 < machine.get("TimeoutSeconds", 0) < LONGEST_EXPRESS:
        yield f"the machine needs TimeoutSeconds of less than {LONGEST_EXPRESS}, the end of every Express execution"
    yield from flow_findings(machine, where)
    states = machine.get("States", {})
    for name, state in states.items():
        if state["Type"] == "Task":
            yield from task_findings(where + name, state, caught_outside=False)
            yield from light_task_findings(where + name, state, states)
        if state["Type"] == "Parallel" and not catches_all(state):
            yield f"{where}{name}: needs a Catch of States.ALL"
        if state["Type"] == "Wait":
            yield f"{where}{name}: a light run does not wait"
        for inner in nested(state):
            yield from light_findings(inner, f"{where}{name}/")


def substitution_findings(definition: str, given: dict[str, Any]) -> Iterator[str]:
    """Placeholders without a substitution in the template, and unused substitutions."""
    asked = set(SUBSTITUTION.findall(definition))
    for name in sorted(asked - given.keys()):
        yield f"${{{name}}}: template.yaml has no such DefinitionSubstitution"
    for name in sorted(given.keys() - asked):
        yield f"DefinitionSubstitution {name}: the definition does not use it"


def provider_findings(stack: dict[str, Any]) -> Iterator[str]:
    """Capacity providers that workers can use but the cluster lacks; ECS would refuse them."""
    offered = stack["Resources"]["Cluster"]["Properties"].get("CapacityProviders", [])
    for provider in [ON_DEMAND, *stack["Parameters"]["WorkerCapacity"]["AllowedValues"]]:
        if provider not in offered:
            yield f"the cluster has no capacity provider {provider}"


def findings(root: Path) -> Iterator[str]:
    for file, of_machine in (("statemachine.asl.json", machine_findings), ("light.asl.json", light_findings)):
        definition = (root / file).read_text()
        for finding in of_machine(json.loads(definition)):
            yield f"{file}: {finding}"
        for finding in substitution_findings(definition, template.definition_substitutions(root, file)):
            yield f"{file}: {finding}"
    for finding in provider_findings(template.load(root / "template.yaml")):
        yield f"template.yaml: {finding}"
