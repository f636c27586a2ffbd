"""Inputs of the burst model that are read from the repository, so that the model matches what is deployed: settings of
the template, retries of the state machine, prices, and constants of our code.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "crates/core"


def found(pattern, text, what):
    """The first group of a pattern, as a number. Raises ValueError if the pattern does not match."""
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        raise ValueError(f"{what} not found; the pattern is {pattern}")
    return float(match[1].replace("_", ""))


def number(path, pattern):
    """A number in a file of this repository."""
    return found(pattern, (ROOT / path).read_text(), f"number in {path}")


def constant(path, name):
    """An integer constant in a Rust file of this repository."""
    return number(path, rf"const {name}: u64 = ([\d_]+);")


def prices():
    """The built-in price table, in micro-dollars."""
    return json.loads((CORE / "prices" / "us-east-1.json").read_text())


def journey():
    """Number of requests of a job apart from its workers (`Usage::of_states`)."""
    source = (CORE / "src/cost/usage.rs").read_text()
    body = source[source.index("fn of_states") : source.index("pub fn of_attempt")]
    names = ("state_transitions", "object_writes", "object_reads", "record_writes", "record_reads", "queue", "api")
    counts = {name: found(rf"{name}: (\d+)", body, name) for name in names}
    return counts | {"lambda": found(r"INVOCATIONS: u64 = (\d+);", body, "INVOCATIONS")}


def handed_over():
    """Number of requests of a light run that hands its job over, besides those of `journey` (`Usage::of_journey`)."""
    source = (CORE / "src/cost/usage.rs").read_text()
    body = source[source.index("Way::Standard => {") : source.index("fn of_states")]
    names = ("lambda", "object_reads", "record_writes", "record_reads")
    return {name: found(rf"{name}: (\d+)", body, name) for name in names}


@dataclass(frozen=True)
class Retry:
    """A retrier of the state machine, with full jitter. `interval` and `longest` are in seconds."""

    interval: float
    attempts: int
    rate: float
    longest: float

    def delay(self, tried, chance):
        """The pause in seconds after `tried` retries; `chance` is a random number from 0 to 1."""
        return min(self.interval * self.rate ** min(tried, 40), self.longest) * chance


@dataclass(frozen=True)
class Settings:
    """Settings from template.yaml, light.asl.json and statemachine.asl.json."""

    throttle_rate: float
    throttle_burst: float
    dispatch_concurrency: int
    api_concurrency: int
    render_concurrency: int
    running_per_user: int
    worker_start_s: float
    render_memory_mb: float
    render_max_bytes: float
    transcode_vcpu: float
    transcode_gb: float
    large_vcpu: float
    large_gb: float
    transcode_disk_gb: float
    transcribe_vcpu: float
    transcribe_gb: float
    transcribe_disk_gb: float
    spot_first: bool
    light_retry: Retry
    lambda_retry: Retry
    demand_retry: Retry

    @staticmethod
    def read():
        template = (ROOT / "template.yaml").read_text()

        def parameter(name):
            return found(rf"^  {name}:\n(?:    .*\n)*?    Default: (\d+)", template, name)

        def of_function(name, setting):
            section = template[template.index(f"\n  {name}:\n") :]
            return found(rf"{setting}: (\d+)", section[: section.index("\n\n")], f"{setting} of {name}")

        light = json.loads((ROOT / "light.asl.json").read_text())["States"]
        states = json.loads((ROOT / "statemachine.asl.json").read_text())["States"]
        return Settings(
            throttle_rate=parameter("ThrottleRate"),
            throttle_burst=parameter("ThrottleBurst"),
            dispatch_concurrency=int(parameter("DispatchConcurrency")),
            api_concurrency=int(parameter("ApiConcurrency")),
            render_concurrency=int(parameter("RenderImageConcurrency")),
            running_per_user=int(parameter("RunningJobsPerUser")),
            worker_start_s=parameter("WorkerStartSeconds"),
            render_memory_mb=of_function("RenderImageFunction", "MemorySize"),
            render_max_bytes=parameter("RenderImageMaxBytes"),
            transcode_vcpu=parameter("TranscodeCpu") / 1024,
            transcode_gb=parameter("TranscodeMemory") / 1024,
            large_vcpu=parameter("TranscodeLargeCpu") / 1024,
            large_gb=parameter("TranscodeLargeMemory") / 1024,
            transcode_disk_gb=parameter("TranscodeDiskGiB"),
            transcribe_vcpu=parameter("TranscribeCpu") / 1024,
            transcribe_gb=parameter("TranscribeMemory") / 1024,
            transcribe_disk_gb=parameter("TranscribeDiskGiB"),
            spot_first="Default: FARGATE_SPOT" in template,
            light_retry=retrier(light["RenderImage"], "Lambda.TooManyRequestsException"),
            lambda_retry=retrier(states["RenderImage"], "Lambda.TooManyRequestsException"),
            demand_retry=retrier(states["TranscodeOnDemand"], "ECS.AmazonECSException"),
        )


def retrier(state, error):
    """The retrier of a state for an error."""
    rule = next(rule for rule in state["Retry"] if error in rule["ErrorEquals"])
    if rule["JitterStrategy"] != "FULL":
        raise ValueError("unsupported jitter: the model supports only FULL")
    return Retry(rule["IntervalSeconds"], rule["MaxAttempts"], rule["BackoffRate"], rule["MaxDelaySeconds"])
