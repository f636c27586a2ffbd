#!/usr/bin/env python3
"""Simulates a day of a million uploads, with a peak of ten times the mean rate, against AWS's quotas.

    bench/scale.py [--uploads N] [--factor N] [--minutes N] [--seed N] [--sensitivity]

Prints tables: the uploads per second that each quota allows, the effect of the peak in several accounts, and failures
with their remedies. --sensitivity also varies the inputs one at a time, which takes longer. No service is called.
docs/SCALE.md discusses the results.
"""

import argparse
import gc
import math
import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import NamedTuple

from scale_inputs import Settings
from scale_load import Load
from scale_model import BATCH, KINDS, RECEIPTS, Simulation
from scale_quotas import NEW, SMALL, USUAL, WANTED
from scale_work import CALIBRATION, Times

TODAY = Settings.read()
# A rate above that of the peak, so that no upload is refused.
LET_IN = replace(TODAY, throttle_rate=1000.0, throttle_burst=2000.0)
RECOMMENDED = replace(LET_IN, api_concurrency=300)


class Scenario(NamedTuple):
    """Quotas of an account, settings of the stack, and changes to figures of `CALIBRATION`."""

    name: str
    quotas: object
    settings: Settings
    changes: dict


SCENARIOS = (
    Scenario("new account", NEW, TODAY, {}),
    Scenario("in use", USUAL, TODAY, {}),
    Scenario("in use, let in", USUAL, LET_IN, {}),
    Scenario("recommended", WANTED, RECOMMENDED, {}),
)
# Baseline of the sensitivity analysis: no upload is refused, and containers are scarce.
BASE = SCENARIOS[2]
LIMITED = replace(LET_IN, api_concurrency=300)
HELD = {"long_poll_share": 0.05}
FASTER = replace(USUAL, run_task_rate=60.0, launch_rate=60.0, launch_burst=300.0)
# Failures, each followed by its remedy. A name that begins with "…" adds to the row above it.
MENDS = (
    Scenario("5% of clients hold a request", USUAL, LET_IN, HELD),
    Scenario("… `ApiConcurrency` 300", USUAL, LIMITED, HELD),
    Scenario("other Region", SMALL, LET_IN, {}),
    Scenario("RunTask and launches 60 per second", FASTER, LET_IN, {}),
    Scenario("… 8,000 vCPU on Spot", replace(FASTER, vcpu=(8000.0, 4000.0)), LET_IN, {}),
)


class Result(NamedTuple):
    """Reported results of a run: times in seconds, for uploads of the peak; US dollars per day."""

    name: str
    refused: float
    waits: dict
    turn_waits: tuple
    oldest_message_s: float
    transition_delay_s: float
    containers: float
    functions: float
    backlog_s: float
    on_demand: float
    dollars: dict
    retries: int
    throttles: dict
    peaks: dict


def percentiles(values, count, parts=(0.5, 0.95, 0.99)):
    """Nearest-rank percentiles of `count` values. Values that are missing count as infinite."""
    ordered = sorted(values)
    ranks = (max(0, math.ceil(part * count) - 1) for part in parts)
    return tuple(ordered[rank] if rank < len(ordered) else math.inf for rank in ranks)


def simulated(scenario, load, seed=1):
    """Runs a scenario."""
    # The simulation creates millions of objects and few cycles, so collecting cycles would only cost time.
    gc.disable()
    run = Simulation(load, scenario.quotas, scenario.settings, Times(scenario.settings, scenario.changes), seed).run()
    launched = run.launched.total()
    return Result(
        scenario.name,
        run.of_peak["refused"] / run.of_peak["arrived"],
        {kind: percentiles(run.waits[kind], run.let_in[kind]) for kind in KINDS},
        percentiles(run.turn_waits, run.let_in.total()),
        run.peaks["oldest message"],
        run.peaks["transition delay"],
        run.peaks["containers"],
        run.peaks["functions"],
        backlog_s(run),
        run.launched["on demand"] / launched if launched else 0.0,
        dollars_a_day(run),
        run.retries.total(),
        dict(run.throttles),
        dict(run.peaks),
    )


def backlog_s(run):
    """Seconds from the end of the peak until at most 1% of the largest number of waiting uploads still waits for a
    function or a container (or 50 uploads, if that is more). Infinite if the run ends first."""
    load, few = run.load, max(50.0, run.peaks["waiting"] / 100)
    late = [at for at, waiting in run.waiting_by_minute if waiting > few]
    if not late or late[-1] < load.peak_end_s:
        return 0.0
    return late[-1] - load.peak_end_s if late[-1] < load.horizon_s - 120 else math.inf


def dollars_a_day(run):
    """By kind: the cost of the simulated part, with its retries, and of the rest of the day at the usual cost."""
    transition = run.times.prices["millionStateTransitions"] / 1e6
    by_kind = {}
    for kind in KINDS:
        done, arrived = run.completed[kind], run.arrived[kind]
        rest = run.load.uploads_a_day * arrived / run.arrived.total() - arrived
        usual = run.usual_costs[kind] / done if done else 0.0
        more = run.retries[kind] + run.handed_over[kind]
        by_kind[kind] = (run.costs[kind] + more * transition + rest * usual) / 1e6
    return by_kind


def carried(quotas, settings, load, times, seed=1):
    """The uploads per second that each quota or setting allows: (name, uploads per second), lowest first."""
    draw, count = random.Random(seed), 20_000
    kinds = [load.kind(draw) for _ in range(count)]
    works = [times.work(kind, load.size(kind, draw)) for kind in kinds]
    tasks = [task for work in works for task in work.tasks]
    hold = settings.worker_start_s
    spot = 1 - times.spot_missing

    def mean(values):
        return sum(values) / count

    vcpu_s = mean(task.vcpu * (hold + task.run_s) for task in tasks)
    # init, complete, S3's event, ValidateInput, DetectType, UpdateStatus, reconcile, notify; two of them again for jobs
    # that are handed over; and render-image.
    instance_s = (8 + 2 * mean(work.tasks != () for work in works)) * times.function_s
    instance_s += mean(work.render_s for work in works)
    writes = times.submit_writes + mean(work.writes for work in works)
    writes += times.progress_writes * mean(hold + task.run_s for task in tasks)
    rates = {
        "`ThrottleRate`": settings.throttle_rate,
        "`DispatchConcurrency`": settings.dispatch_concurrency * BATCH / (times.dispatch_s * RECEIPTS),
        "StartExecution of light runs": quotas.light_starts,
        "StartExecution": quotas.starts_rate / mean(work.tasks != () for work in works),
        "state transitions": quotas.transitions_rate / mean(work.transitions for work in works if work.tasks),
        "functions at once": quotas.functions / instance_s,
        "RunTask": quotas.run_task_rate / (len(tasks) / count * (1 + times.spot_missing)),
        "launches on Spot": quotas.launch_rate / (len(tasks) / count * spot),
        "vCPU on Spot": quotas.vcpu[0] / (vcpu_s * spot),
        "vCPU on demand": quotas.vcpu[1] / (vcpu_s * times.spot_missing),
        "writes to a new table": quotas.table_writes / writes,
        "writes to S3": quotas.object_writes / mean(work.object_writes for work in works),
        "turns (stream)": quotas.stream_shards / times.turn_free_s,
        "API requests": quotas.requests / 2,
        "network interfaces": quotas.interfaces / mean(hold + task.run_s for task in tasks),
        "log streams": quotas.log_streams / (len(tasks) / count),
    }
    return sorted(rates.items(), key=lambda rate: rate[1])


# Each returns a function that sets an input to a value: of a scenario and a load, it returns changed copies.
def figure(name):
    return lambda scenario, load, value: (scenario._replace(changes={name: value}), load)


def of_load(name):
    return lambda scenario, load, value: (scenario, replace(load, **{name: value}))


def of_settings(name):
    return lambda scenario, load, value: (
        scenario._replace(settings=replace(scenario.settings, **{name: value})),
        load,
    )


def around(name):
    value = CALIBRATION[name].value
    return value / 2, value * 2, figure(name)


SENSITIVITY = {
    "videos instead of audio, 10 and 20%": (0.10, 0.20, of_load("video_share")),
    "length of videos, half and double": (12.5, 50.0, of_load("video_s")),
    "length of the peak, half and double": (0.5, 2.0, lambda s, load, by: (s, replace(load, peak_s=load.peak_s * by))),
    "start of a container, 30 and 120 s": (30.0, 120.0, of_settings("worker_start_s")),
    "CPU of video, half and double": around("video_core_s"),
    "a batch of dispatch, 30 and 120 ms": around("dispatch_s"),
    "clients that hold a request, 0 and 5%": (0.0, 0.05, figure("long_poll_share")),
    "starts that find no Spot, 0 and 50%": (0.0, 0.5, figure("spot_missing")),
    "exponent of uploads per user, 1.05 and 1.5": (1.05, 1.5, of_load("user_exponent")),
}


def seconds(value):
    if value == math.inf:
        return "open"
    return f"{value:,.0f} s" if value < 120 else f"{value / 60:,.0f} min" if value < 7200 else f"{value / 3600:,.1f} h"


def row(cells):
    return "| " + " | ".join(cells) + " |"


def table(head, rows):
    return "\n".join([row(head), row(["---"] * len(head)), *map(row, rows)])


def carried_table(load):
    """The uploads per second that each quota allows, in three of the scenarios."""
    cases = [(scenario.quotas, scenario.settings) for scenario in (SCENARIOS[0], SCENARIOS[1], SCENARIOS[-1])]
    columns = [dict(carried(quotas, settings, load, Times(settings))) for quotas, settings in cases]
    order = [name for name, _ in carried(*cases[1], load, Times(cases[1][1]))]
    cells = [
        [name, *(f"{column[name]:,.0f}" if column[name] >= 10 else f"{column[name]:.2g}" for column in columns)]
        for name in order
    ]
    return table(["carries, uploads a second", "new account", "in use", "recommended"], cells)


def results_table(results):
    """Results of `SCENARIOS`, one column for each."""
    triple = " / ".join

    def line(name, value):
        return [name, *(value(result) for result in results)]

    rows = [
        line("refused at the API", lambda r: f"{r.refused:.0%}"),
        *(
            line(f"wait of {PLURALS[kind]}, p50 / p95 / p99", lambda r, kind=kind: triple(map(seconds, r.waits[kind])))
            for kind in KINDS
        ),
        line("wait for a turn, p50 / p95 / p99", lambda r: triple(map(seconds, r.turn_waits))),
        line("oldest message", lambda r: seconds(r.oldest_message_s)),
        line("delay of transitions", lambda r: seconds(r.transition_delay_s)),
        line("delay of turns", lambda r: seconds(r.peaks["stream delay"])),
        line("containers at once", lambda r: f"{r.containers:,.0f}"),
        line("functions at once", lambda r: f"{r.functions:,.0f}"),
        line("containers on demand", lambda r: f"{r.on_demand:.0%}"),
        line("throttled: API", lambda r: f"{r.throttles.get('api: rate', 0):,.0f}"),
        line("throttled: polls", lambda r: f"{r.throttles.get('polls', 0):,.0f}"),
        line("throttled: no instance of api", lambda r: f"{r.throttles.get('api: no instance', 0):,.0f}"),
        line("throttled: other functions", lambda r: f"{sum(r.throttles.get(n, 0) for n in FUNCTIONS):,.0f}"),
        line("throttled: RunTask", lambda r: f"{r.throttles.get('RunTask', 0):,.0f}"),
        line("refused: vCPU", lambda r: f"{sum(r.throttles.get(n, 0) for n in VCPU):,.0f}"),
        line("throttled: table", lambda r: f"{r.throttles.get('table', 0):,.0f}"),
        line("retries of states", lambda r: f"{r.retries:,}"),
        line("backlog after the peak", lambda r: seconds(r.backlog_s)),
        *(line(f"dollars a day, {PLURALS[kind]}", lambda r, kind=kind: dollars(r, [kind])) for kind in KINDS),
    ]
    return table(["", *(result.name for result in results)], rows)


FUNCTIONS, VCPU = ("functions", "render-image"), ("vCPU, Spot", "vCPU, on demand")
PLURALS = {"image": "images", "video": "videos", "audio": "audio"}


def mends_table(results):
    """Results of `MENDS`, one row for each."""
    head = [
        "",
        "p95 wait of images",
        "p95 wait of videos",
        "functions at once",
        "containers on demand",
        "dollars a day",
    ]
    rows = [
        [
            result.name,
            seconds(result.waits["image"][1]),
            seconds(result.waits["video"][1]),
            f"{result.functions:,.0f}",
            f"{result.on_demand:.0%}",
            dollars(result),
        ]
        for result in results
    ]
    return table(head, rows)


def dollars(result, kinds=KINDS):
    """US dollars per day; "open" if the backlog of the peak was not processed within the run."""
    return f"{sum(result.dollars[kind] for kind in kinds):,.0f}" if result.backlog_s < math.inf else "open"


def sensitivity_runs(load):
    """(input, scenario, load) of each run: of every input, one with its low and one with its high value."""
    for name, (low, high, change) in SENSITIVITY.items():
        for value in (low, high):
            yield name, *change(BASE, load, value)


def sensitivity_table(base, runs):
    """Effect of each input on waits and cost, the largest effect on the waits of images and videos first."""

    def cells(result):
        return [
            seconds(result.waits["image"][1]),
            seconds(result.waits["video"][1]),
            dollars(result),
        ]

    pairs = {}
    for name, result in runs:
        pairs.setdefault(name, []).append(result)

    def effect(pair):
        low, high = (sum(min(one.waits[kind][1], 1e5) for kind in ("image", "video")) for one in pair)
        return abs(high - low)

    ordered = sorted(pairs.items(), key=lambda pair: -effect(pair[1]))
    both = [[name, *map(" … ".join, zip(cells(low), cells(high), strict=True))] for name, (low, high) in ordered]
    head = ["input", "p95 wait of images", "p95 wait of videos", "dollars a day"]
    return table(head, [["(none changed)", *cells(base)], *both])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=float, default=Load.uploads_a_day, help="uploads a day")
    parser.add_argument("--factor", type=float, default=Load.peak_factor, help="rate of the peak, in mean rates")
    parser.add_argument("--minutes", type=float, default=Load.peak_s / 60, help="length of the peak in minutes")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers")
    parser.add_argument("--sensitivity", action="store_true", help="also vary the inputs, one at a time")
    given = parser.parse_args()
    load = Load(uploads_a_day=given.uploads, peak_factor=given.factor, peak_s=given.minutes * 60)
    runs = list(sensitivity_runs(load)) if given.sensitivity else []
    with ProcessPoolExecutor() as pool:
        results = [pool.submit(simulated, scenario, load, given.seed) for scenario in SCENARIOS]
        mends = [pool.submit(simulated, scenario, load, given.seed) for scenario in MENDS]
        changed = [(name, pool.submit(simulated, scenario, one, given.seed)) for name, scenario, one in runs]
        rates = f"{load.base_rate:.1f} per second, and {load.peak_rate:.1f} per second for {given.minutes:g} minutes"
        print(f"{given.uploads:,.0f} uploads per day: {rates}.\n")
        print(carried_table(load), end="\n\n")
        done = [result.result() for result in results]
        print(results_table(done), end="\n\n")
        print("Failures and their remedies:\n")
        print(mends_table([result.result() for result in mends]))
        if changed:
            print(f'\nSensitivity of "{BASE.name}":\n')
            rows = [(name, result.result()) for name, result in changed]
            print(sensitivity_table(done[SCENARIOS.index(BASE)], rows))


if __name__ == "__main__":
    main()
