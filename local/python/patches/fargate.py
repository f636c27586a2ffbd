"""The rate at which Fargate starts ECS tasks, the errors of RunTask, and the size of ECS tasks."""

import functools
import json
import threading

from ministack.core.responses import error_response_json, get_account_id, get_region
from ministack.services import ecs
from ministack.services import stepfunctions as sfn

from patches import reviewed
from patches.buckets import TokenBucket
from patches.roles import STATE_EXECUTION

# Default quota of an account: calls of RunTask per second, each of which starts one or more tasks.
RUN_TASK_RATE = 20
# Tasks that can be started in one burst, as a multiple of those per second.
BURST = 5


def patch_run_task_rate(per_second=RUN_TASK_RATE):
    """RunTask is throttled: 20 calls per second, and a burst of 100 tasks with 20 per second after that.

    AWS ("AWS Fargate throttling quotas", throttling): token buckets per account and region; tasks on demand and on Spot
    have separate ones. Excess calls get a ThrottlingException, "Rate exceeded".

    ministack: starts any number of tasks.
    """
    run_task = reviewed(ecs, "_run_task", "data")
    # RunTask is called from several threads concurrently.
    lock, buckets = threading.Lock(), {}

    def has_token(tokens, burst, *what):
        key = (get_account_id(), get_region(), *what)
        return buckets.setdefault(key, TokenBucket(per_second, burst)).take(tokens)

    @functools.wraps(run_task)
    def run_within_rate(data):
        providers = [item.get("capacityProvider") for item in data.get("capacityProviderStrategy") or []]
        capacity = "FARGATE_SPOT" if "FARGATE_SPOT" in providers else "FARGATE"
        with lock:
            called = has_token(1, per_second, "calls")
            within = called and has_token(int(data.get("count") or 1), per_second * BURST, "tasks", capacity)
        return run_task(data) if within else error_response_json("ThrottlingException", "Rate exceeded", 400)

    ecs._run_task = ecs._ACTION_MAP["RunTask"] = run_within_rate


# Errors of RunTask ("RunTask", API_RunTask) that the SDK for Java, with which Step Functions calls ECS, knows by name.
MODELED = ("AccessDeniedException", "BlockedException", "ClientException", "ClusterNotFoundException")
MODELED += ("ConflictException", "InvalidParameterException", "PlatformTaskDefinitionIncompatibilityException")
MODELED += ("PlatformUnknownException", "ServerException", "UnsupportedFeatureException")


def patch_run_task_errors():
    """A state whose RunTask fails has the exception's name as its error.

    AWS ("Handling errors in Step Functions workflows", concepts-error-handling: the service's name is put in front of
    its errors): for example ECS.ClientException. An error that RunTask does not list, such as the throttling common to
    all AWS calls, is ECS.AmazonECSException, with the code in its cause (AllenInstitute/neuron_morphology #151 shows
    one).

    ministack: always ECS.RunTaskFailed.
    """
    run_task = reviewed(ecs, "_run_task", "data")

    @functools.wraps(run_task)
    def run_or_fail_state(data):
        status, headers, body = run_task(data)
        if status < 400 or STATE_EXECUTION.get() is None:
            return status, headers, body
        answer = json.loads(body)
        code, message = answer["__type"], answer.get("message", "")
        cause = f"{message} (Service: AmazonECS; Status Code: {status}; Error Code: {code})"
        raise sfn._ExecutionError(f"ECS.{code if code in MODELED else 'AmazonECSException'}", cause)

    ecs._run_task = run_or_fail_state


def patch_task_size():
    """A container is limited to the size of its ECS task.

    AWS ("Task CPU and memory", fargate-tasks-services; "RunTask", API_RunTask: `overrides` of both): an ECS task has
    this many processors and this much memory, and is killed if it needs more memory.

    ministack: starts containers without limits. The patch passes them to the stand-in for the container engine.
    """
    parameters = ("cdef", "td", "env", "port_bindings", "ecs_network", "host_mode", "task_id", "task_arn")
    parameters += ("ministack_net_ip", "cluster_arn")
    build = reviewed(ecs, "_build_run_kwargs", *parameters)

    @functools.wraps(build)
    def build_with_size(cdef, td, env, port_bindings, ecs_network, host_mode, task_id, task_arn, *rest):
        options = build(cdef, td, env, port_bindings, ecs_network, host_mode, task_id, task_arn, *rest)
        size = {name: int(ecs._tasks[task_arn]["overrides"].get(name) or td[name]) for name in ("cpu", "memory")}
        # Memory in MiB; 1,024 CPU units are one processor.
        return {**options, "mem_limit": size["memory"] << 20, "nano_cpus": size["cpu"] * 10**9 // 1024}

    ecs._build_run_kwargs = build_with_size
