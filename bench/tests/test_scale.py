"""Tests of the burst model: its building blocks against formulas, and small runs of the whole model."""

import math
import random
import unittest
from dataclasses import replace
from pathlib import Path

import scale
from scale_inputs import Retry, Settings
from scale_load import Load, Size
from scale_model import KINDS, Simulation
from scale_parts import Bucket, Servers
from scale_quotas import NEW, USUAL
from scale_work import CALIBRATION, Times

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
SETTINGS = scale.LET_IN
# A peak of two minutes with 12 uploads per second, in a day of 100,000 uploads.
SMALL_LOAD = Load(uploads_a_day=1e5, peak_s=120.0, before_s=60.0, after_s=120.0, drain_s=3600.0)


def poisson(rate, count, seed):
    """Arrival times of a Poisson process."""
    draw, now = random.Random(seed), 0.0
    for _ in range(count):
        now += draw.expovariate(rate)
        yield now


def erlang_c(servers, offered):
    """Probability of waiting in an M/M/c queue; `offered` is the load in busy servers."""
    terms = [offered**n / math.factorial(n) for n in range(servers)]
    last = offered**servers / math.factorial(servers) * servers / (servers - offered)
    return last / (sum(terms) + last)


def run(quotas=USUAL, settings=SETTINGS, load=SMALL_LOAD, changes=None, seed=1):
    return Simulation(load, quotas, settings, Times(settings, changes), seed).run()


def mean_wait(simulation):
    waits = [wait for kind in KINDS for wait in simulation.waits[kind]]
    return sum(waits) / len(waits)


class PartsTest(unittest.TestCase):
    def test_one_server_with_a_fixed_time_waits_as_in_pollaczek_khinchine(self):
        # M/D/1: the mean wait is rho * s / (2 * (1 - rho)).
        servers, rate, seconds = Servers(1), 20.0, 0.04
        waits = [servers.serve(now, seconds) - now for now in poisson(rate, 200_000, seed=7)]
        rho = rate * seconds
        self.assertAlmostEqual(sum(waits) / len(waits), rho * seconds / (2 * (1 - rho)), delta=0.002)

    def test_several_servers_with_exponential_times_wait_as_in_erlang_c(self):
        # M/M/5: the mean wait is C / (c * mu - lambda).
        servers, rate, draw = Servers(5), 100.0, random.Random(8)
        waits = [servers.serve(now, draw.expovariate(25)) - now for now in poisson(rate, 300_000, seed=9)]
        expected = erlang_c(5, rate / 25) / (5 * 25 - rate)
        self.assertAlmostEqual(sum(waits) / len(waits), expected, delta=0.1 * expected)

    def test_a_bucket_gives_its_burst_and_then_its_rate(self):
        bucket = Bucket(20.0, 100.0)
        taken = sum(bucket.take(now / 1000) for now in range(10_001))
        self.assertEqual(taken, 100 + 200)

    def test_a_bucket_delays_requests_in_order(self):
        bucket = Bucket(10.0, 5.0)
        delays = [bucket.delay(0.0, 1) for _ in range(8)]
        self.assertEqual(delays, [0, 0, 0, 0, 0, 0.1, 0.2, 0.3])

    def test_full_jitter_is_between_zero_and_the_longest_pause(self):
        policy = Retry(5, 3000, 2, 300)
        self.assertEqual([policy.delay(tried, 1.0) for tried in (0, 1, 5, 6, 2000)], [5, 10, 160, 300, 300])
        self.assertEqual(policy.delay(3, 0.0), 0.0)


class InputsTest(unittest.TestCase):
    def test_settings_are_those_of_the_template(self):
        read = Settings.read()
        template = (DOCS.parent / "template.yaml").read_text()
        section = template[template.index("\n  ThrottleRate:") :]
        self.assertIn(f"Default: {read.throttle_rate:.0f}\n", section[:80])
        self.assertEqual((read.large_vcpu, read.large_gb), (4.0, 8.0))
        self.assertEqual(read.demand_retry, Retry(5, 3000, 2, 300))
        self.assertEqual(read.lambda_retry, Retry(2, 3000, 2, 300))
        self.assertEqual(read.light_retry, Retry(1, 6, 2, 8))

    def test_the_page_lists_every_figure_with_its_origin(self):
        page = (DOCS / "SCALE.md").read_text()
        for figure in CALIBRATION.values():
            self.assertIn(figure.row(), page)

    def test_figures_are_read_from_the_code(self):
        times = Times()
        read = (times.long_poll_s, times.progress_writes, times.client_tries, times.image_pixels_a_ms)
        self.assertEqual(read, (20, 0.5, 7, 18_000))

    def test_measured_figures_are_those_of_the_benchmarks(self):
        page = (DOCS / "BENCHMARKS.md").read_text()
        self.assertIn("A minute of 1080p takes 77 s of user CPU", page)
        self.assertEqual(CALIBRATION["video_core_s"].value, 77 / 60)
        self.assertIn("An hour of sound took 111 s of wall time, 132 s of CPU", page)
        self.assertEqual(CALIBRATION["speech_core_s"].value, 132 / 3600)

    def test_an_unknown_figure_is_refused(self):
        with self.assertRaises(ValueError):
            Times(changes={"vidoe_core_s": 1.0})

    def test_a_photo_costs_what_the_page_on_cost_says(self):
        # docs/COST.md: processing 1,000 photos of 1.5 s costs $0.16.
        times = Times()
        pixels = (1.5 - times.attempt_s - 4 * times.moved_s_a_mib) * 1000 * times.image_pixels_a_ms
        photo = times.work("image", Size(4 << 20, pixels))
        self.assertAlmostEqual(photo.micro_dollars * 1000 / 1e6, 0.16, delta=0.01)

    def test_users_upload_as_often_as_the_stated_mean(self):
        load, draw = Load(), random.Random(3)
        drawn = [load.user_uploads(draw) for _ in range(200_000)]
        self.assertAlmostEqual(sum(drawn) / len(drawn), load.uploads_a_user, delta=0.05 * load.uploads_a_user)

    def test_the_day_has_the_requested_number_of_uploads(self):
        load = Load()
        day = load.base_rate * (86_400 - load.peak_s) + load.peak_rate * load.peak_s
        self.assertAlmostEqual(day, load.uploads_a_day)
        self.assertAlmostEqual(load.peak_rate, 10 * 1e6 / 86_400)


class WholeTest(unittest.TestCase):
    def test_every_upload_ends_exactly_once(self):
        # `end` raises AssertionError if an upload ends twice.
        done = run(settings=scale.TODAY)
        for kind in KINDS:
            self.assertEqual(done.arrived[kind], done.completed[kind] + done.refused[kind])
        self.assertEqual((done.open, done.events, done.busy, done.rendering, done.containers), (0, [], 0, 0, 0))

    def test_uploads_that_have_not_ended_are_counted_as_open(self):
        done = run(replace(USUAL, functions=12, vcpu=(8.0, 8.0)), scale.TODAY)
        self.assertGreater(done.open, 0)
        self.assertEqual(done.arrived.total(), done.completed.total() + done.refused.total() + done.open)

    def test_uploads_beyond_the_rate_of_the_api_are_refused(self):
        done = run(settings=replace(scale.TODAY, throttle_rate=5.0, throttle_burst=5.0))
        self.assertGreater(done.refused.total(), 100)
        self.assertEqual(run().refused.total(), 0)

    def test_with_unlimited_quotas_no_job_waits(self):
        plenty = replace(
            USUAL,
            functions=10**6,
            vcpu=(1e9, 1e9),
            run_task_rate=1e9,
            launch_rate=1e9,
            launch_burst=1e9,
            starts_rate=1e9,
        )
        settings = replace(SETTINGS, dispatch_concurrency=1000, running_per_user=0)
        done = run(plenty, settings, changes={"spot_missing": 0.0})
        self.assertLess(max(max(done.waits[kind]) for kind in KINDS), 1e-6)
        self.assertEqual((done.throttles.total(), done.retries.total()), (0, 0))
        self.assertEqual(done.launched["on demand"], 0)

    def test_the_same_seed_gives_the_same_result(self):
        first, again, other = run(), run(), run(seed=2)
        self.assertEqual((first.waits, first.costs), (again.waits, again.costs))
        self.assertNotEqual(first.arrived, other.arrived)

    def test_quotas_do_not_change_what_is_uploaded(self):
        self.assertEqual(run().arrived, run(NEW).arrived)

    def test_a_small_run_has_its_recorded_result(self):
        done = run(replace(USUAL, vcpu=(100.0, 60.0)))
        self.assertEqual(done.arrived.total(), done.completed.total())
        self.assertEqual(SMALL_RUN, (done.arrived.total(), done.launched.total(), round(mean_wait(done), 3)))

    def test_a_higher_quota_shortens_the_mean_wait(self):
        lists = (
            [replace(USUAL, vcpu=(vcpu, vcpu)) for vcpu in (40.0, 80.0, 400.0)],
            [replace(USUAL, run_task_rate=rate) for rate in (1.0, 2.0, 20.0)],
            [replace(USUAL, functions=count) for count in (15, 30, 1000)],
            [replace(USUAL, transitions_rate=rate, transitions_burst=rate) for rate in (15.0, 20.0, 5000.0)],
        )
        for quotas in lists:
            waits = [mean_wait(run(one, changes={"long_poll_share": 0.0})) for one in quotas]
            self.assertEqual(waits, sorted(waits, reverse=True))
            self.assertGreater(waits[0], waits[-1])

    def test_containers_start_no_faster_than_the_quota_allows(self):
        # After the burst of one, containers start at the rate of the quota.
        done = run(replace(USUAL, run_task_rate=1.0))
        self.assertGreater(done.now, done.launched.total() / 1.0 - 2)
        self.assertGreater(done.throttles["RunTask"], 0)

    def test_a_user_has_no_more_jobs_at_once_than_turns(self):
        few = run(settings=replace(SETTINGS, running_per_user=1))
        self.assertGreater(mean_wait(few), 10 * mean_wait(run()))
        self.assertGreater(few.peaks["turns waited for"], 10)

    def test_held_requests_stop_jobs_unless_the_api_is_limited(self):
        quotas = replace(USUAL, functions=30, vcpu=(40.0, 40.0))
        held = {"long_poll_share": 0.5}
        stopped = run(quotas, changes=held)
        limited = run(quotas, replace(SETTINGS, api_concurrency=10), changes=held)
        self.assertGreater(stopped.throttles["functions"], 1000)
        self.assertLess(limited.throttles["functions"], stopped.throttles["functions"] / 10)
        self.assertGreater(limited.completed.total(), stopped.completed.total())

    def test_limits_scale_with_their_quotas_and_run_task_has_the_lowest(self):
        rates = dict(scale.carried(USUAL, SETTINGS, Load(), Times(SETTINGS)))
        self.assertEqual(min(rates, key=rates.get), "RunTask")
        self.assertEqual(rates["`ThrottleRate`"], SETTINGS.throttle_rate)
        twice = dict(scale.carried(replace(USUAL, functions=2000), SETTINGS, Load(), Times(SETTINGS)))
        self.assertAlmostEqual(twice["functions at once"], 2 * rates["functions at once"])

    def test_percentiles_count_missing_values_as_infinite(self):
        self.assertEqual(scale.percentiles([3.0, 1.0, 2.0, 4.0], 4), (2.0, 4.0, 4.0))
        self.assertEqual(scale.percentiles([3.0, 1.0], 4), (3.0, math.inf, math.inf))


# Number of uploads, number of containers, and mean wait of an upload of the peak in seconds, for seed 1.
SMALL_RUN = (1304, 592, 24.221)

if __name__ == "__main__":
    unittest.main()
