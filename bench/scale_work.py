"""Time, requests and cost of an upload's work, from figures that are measured, read from our code, or assumed.

`CALIBRATION` is the only list of these figures. docs/SCALE.md shows it as a table; a test compares the two.
"""

import math
from typing import NamedTuple

from scale_inputs import Settings, constant, handed_over, journey, number, prices

MIB = 1 << 20
MEASURED, READ, ASSUMED = "measured", "our code", "assumed"


class Figure(NamedTuple):
    """A figure with its unit and its origin."""

    value: float
    unit: str
    origin: str
    source: str

    def row(self):
        """Its row in docs/SCALE.md."""
        value = f"{self.value:,.3f}".rstrip("0").rstrip(".")
        return f"| {value} {self.unit} | {self.origin} | {self.source} |"


SPEED, ESTIMATE, VIDEO, USAGE = (
    f"crates/core/src/{name}.rs" for name in ("estimate/speed", "estimate", "av/speed", "cost/usage")
)
WAIT, RETRY = "functions/api/src/wait.rs", "crates/cli/src/retry.rs"
CALIBRATION = {
    "video_core_s": Figure(77 / 60, "CPU-s per second of 1080p", MEASURED, "BENCHMARKS.md: 77 s per minute"),
    "sound_core_s": Figure(constant(VIDEO, "SOUND_MS") / 1000, "CPU-s per second of audio", READ, VIDEO),
    "stills_s": Figure(constant(VIDEO, "STILLS_MS") / 1000, "CPU-s per video, for its stills", READ, VIDEO),
    "speech_core_s": Figure(132 / 3600, "CPU-s per second of speech", MEASURED, "BENCHMARKS.md: 132 s per hour"),
    "model_s": Figure(constant(SPEED, "MODEL_MS") / 1000, "CPU-s per transcription, to load the model", READ, SPEED),
    "image_pixels_a_ms": Figure(constant(SPEED, "IMAGE_PIXELS"), "pixels per CPU-ms of an image", READ, SPEED),
    "attempt_s": Figure(constant(SPEED, "ATTEMPT_MS") / 1000, "s per attempt", READ, SPEED),
    "moved_s_a_mib": Figure(constant(ESTIMATE, "MIB_MS") / 1000, "s per MiB of the source", READ, ESTIMATE),
    "function_s": Figure(0.1, "s per call of a small function", ASSUMED, "COST.md; 1 to 20 ms on the local cloud"),
    "dispatch_s": Figure(0.06, "s per batch of `dispatch`", ASSUMED, "two calls to AWS, for all messages at once"),
    "start_execution_s": Figure(0.04, "s per StartExecution by a light run", ASSUMED, "one call to AWS"),
    "light_mb": Figure(constant(USAGE, "LIGHT_MB"), "MB of a light run", READ, USAGE),
    "handed_over_s": Figure(
        constant(USAGE, "HANDED_OVER_MS") / 1000, "s of a light run that hands its job over", READ, USAGE
    ),
    "turn_free_s": Figure(0.02, "s to release a turn", ASSUMED, "two calls to DynamoDB"),
    "turn_passed_s": Figure(0.06, "s to pass a turn on", ASSUMED, "seven calls to DynamoDB and SQS"),
    "stream_poll_s": Figure(0.25, "s until Lambda reads the stream", ASSUMED, "four polls per second"),
    "spot_missing": Figure(0.05, "of container starts find no Spot capacity", ASSUMED, "no source"),
    "spot_price": Figure(1 / 3, "of the on-demand price for Spot", ASSUMED, "DEPLOY.md: about a third"),
    "poll_share": Figure(0.25, "of waiting clients poll", ASSUMED, "most others use push"),
    "poll_s": Figure(10.0, "s between polls", ASSUMED, "API.md: 1 to 30"),
    "long_poll_share": Figure(0.02, "of waiting clients hold a request", ASSUMED, "`Prefer: wait=20`"),
    "long_poll_s": Figure(constant(WAIT, "MOST_S"), "s that a request is held", READ, WAIT),
    "submit_writes": Figure(6.0, "writes to the jobs table per submission", ASSUMED, "record, turn, message sent"),
    "progress_writes": Figure(1000 / number(USAGE, r"ran_ms / (\d+)"), "writes per second and container", READ, USAGE),
    "client_tries": Figure(number(RETRY, r"tries: (\d+),"), "tries of a refused client, in 12 s", READ, RETRY),
}


class Task(NamedTuple):
    """An ECS task: its size, its run time once it has started, and its on-demand cost in micro-dollars."""

    vcpu: float
    run_s: float
    micro_dollars: float


class Work(NamedTuple):
    """What a job needs: seconds of render-image or tasks, state transitions as a Standard execution, writes to the jobs
    table when it ends, and writes to S3. The cost, in micro-dollars, includes everything except the tasks. Without
    tasks, a light run does the work, and the cost includes no transitions."""

    render_s: float
    tasks: tuple
    transitions: float
    writes: float
    object_writes: float
    micro_dollars: float


class Times:
    """The figures of `CALIBRATION` as attributes; `changes` overrides some of them."""

    def __init__(self, settings=None, changes=None):
        self.settings = settings or Settings.read()
        figures = {name: figure.value for name, figure in CALIBRATION.items()} | (changes or {})
        if len(figures) > len(CALIBRATION):
            raise ValueError(f"unknown figures: {figures.keys() - CALIBRATION.keys()}")
        self.__dict__.update(figures)
        self.prices, self.journey, self.handed_over = prices(), journey(), handed_over()
        self.requests = {name: self.prices[price] / 1e6 for name, price in REQUESTS.items()}

    def client_pause_s(self, tried, chance):
        """Pause of a client after `tried` tries, like `Backoff::pause` in crates/cli/src/retry.rs."""
        return min(0.25 * 2 ** (tried - 1), 8.0) * (0.5 + chance / 2)

    def turn_s(self, passed):
        return self.turn_passed_s if passed else self.turn_free_s

    def ideal_s(self, work):
        """Time from the submission to the end of a job that never waits."""
        light_s = self.dispatch_s + 2 * self.function_s
        if not work.tasks:
            return light_s + work.render_s
        run_s = self.settings.worker_start_s + max(task.run_s for task in work.tasks)
        return light_s + self.start_execution_s + 2 * self.function_s + run_s + self.function_s

    def usual_micro_dollars(self, work):
        """Cost of a job's tasks if no start is throttled."""
        part = self.spot_missing + (1 - self.spot_missing) * self.spot_price
        return part * sum(task.micro_dollars for task in work.tasks)

    # ---- work ---------------------------------------------------------------------------------

    def work(self, kind, size):
        """The work of an upload, by the rules of `Branch::of` and `WorkerSize::of`."""
        moved_s = size.upload_bytes / MIB * self.moved_s_a_mib + self.attempt_s
        if kind == "image":
            run_s = size.pixels / self.image_pixels_a_ms / 1000 + moved_s
            if size.upload_bytes <= self.settings.render_max_bytes:
                return self._job(size, run_s + self.function_s, [], [(10, run_s)])
            return self._job(size, 0.0, [self._transcode(run_s)], [(10, run_s)])
        speech = self.speech_core_s * size.seconds + self.model_s
        vcpu = self.settings.transcribe_vcpu
        transcribe = self._task(
            vcpu, self.settings.transcribe_gb, self.settings.transcribe_disk_gb, speech / vcpu + moved_s
        )
        if kind == "audio":
            made = self._transcode(self.sound_core_s * size.seconds + moved_s)
            return self._job(size, 0.0, [made, transcribe], [(8, made.run_s), (5, transcribe.run_s)])
        # No rung is larger than 1080p, but decoding 4K is assumed to double the CPU time.
        factor = min(2.0, size.pixels / (1920 * 1080))
        cpu_s = (self.video_core_s * factor + self.sound_core_s) * size.seconds + self.stills_s
        large = size.pixels > 2560 * 1440 or size.pixels * size.seconds > 1920 * 1080 * 600
        made = self._transcode(cpu_s, moved_s, large)
        return self._job(size, 0.0, [made, transcribe], [(20, made.run_s), (5, transcribe.run_s)])

    def _transcode(self, cpu_s, moved_s=0.0, large=False):
        settings = self.settings
        vcpu = settings.large_vcpu if large else settings.transcode_vcpu
        memory = settings.large_gb if large else settings.transcode_gb
        return self._task(vcpu, memory, settings.transcode_disk_gb, cpu_s / vcpu + moved_s)

    def _task(self, vcpu, memory_gb, disk_gb, run_s):
        """Fargate bills at least one minute. Like `core::cost`, this excludes the image pull."""
        prices = self.prices
        hour = vcpu * prices["fargateVcpuHour"] + memory_gb * prices["fargateGbHour"]
        hour += (disk_gb - 20) * prices["fargateDiskGbHour"]
        return Task(vcpu, run_s, hour * max(60.0, run_s) / 3600)

    def _job(self, size, render_s, tasks, attempts):
        """`attempts`: for each worker, the number of its artifacts and its run time."""
        counts = dict(self.journey)
        if len(tasks) > 1:
            counts["state_transitions"] += len(tasks)
        transitions, light_s = counts["state_transitions"], self.handed_over_s
        if tasks:
            for name, count in self.handed_over.items():
                counts[name] += count
        else:
            counts["state_transitions"], light_s = 0, 2 * self.function_s + render_s
        news = 0.0
        for artifacts, run_s in attempts:
            new = min(run_s // 2, 85) + artifacts + 3
            counts["object_writes"] += artifacts + 1
            counts["object_reads"] += math.ceil(size.upload_bytes / (32 * MIB))
            counts["record_writes"] += 3 * new
            counts["record_reads"] += new
            news += artifacts + 3
        cost = sum([counts[name] * price for name, price in self.requests.items()])
        memory_ms = counts["lambda"] * 256 * 100 + render_s * 1000 * self.settings.render_memory_mb
        cost += memory_ms * self.prices["lambdaMillionGbSeconds"] / (1024 * 1000 * 1e6)
        # AWS bills 100 ms of a light run at a time.
        billed_s = math.ceil(light_s * 10) / 10
        cost += billed_s * self.light_mb * self.prices["lightMillionGbSeconds"] / (1024 * 1e6)
        cost += self.prices["millionLightRuns"] / 1e6
        return Work(render_s, tuple(tasks), transitions, news, counts["object_writes"], cost)


REQUESTS = {
    "lambda": "millionLambdaRequests",
    "state_transitions": "millionStateTransitions",
    "object_writes": "millionObjectWrites",
    "object_reads": "millionObjectReads",
    "record_writes": "millionRecordWrites",
    "record_reads": "millionRecordReads",
    "queue": "millionQueueRequests",
    "api": "millionApiRequests",
}
