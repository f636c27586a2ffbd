"""A discrete-event model of the pipeline under a burst of uploads, against AWS's quotas.

Every upload is one `Upload`, which goes through the steps of ARCHITECTURE.md: init, upload, turn, dispatch, light run,
then functions and the end, or a Standard execution with workers. Retries have the pauses of their state machine, so
waiting uploads compete as on AWS: free capacity goes to the next one that asks, not to the one that has waited longest.
Polls of the API and writes to the table are too many to simulate one by one, so they are counted once per second.

Load and retries use separate random generators, so the same seed gives the same uploads under all quotas.
"""

import math
import random
from collections import Counter
from heapq import heappop, heappush

from scale_inputs import number
from scale_parts import Bucket, Servers

KINDS = ("image", "video", "audio")
CAPACITIES = ("Spot", "on demand")
# Messages of a batch, and how often dispatch receives each: for its start, and after the light run.
BATCH, RECEIPTS = 10, 2
HOLD = "crates/core/src/job/hold.rs"
# Light runs that a job begins, if no function is free for the first ones, and seconds between two.
LIGHT_STARTS = number(HOLD, r"const LIGHT_STARTS: u32 = (\d+);")
RESTART_S = number(HOLD, r"const SECONDS: u32 = (\d+);") + 1
# Mean time of a light run's retries.
RETRIES_S = 15.5


class User:
    """A user, who uploads several files of one kind in a row. `left` counts those still to come."""

    __slots__ = ("kind", "left", "running", "waiting")

    def __init__(self, kind, left):
        self.kind, self.left, self.running, self.waiting = kind, left, 0, []


class Upload:
    """An upload and its job. `light`: in a run of the light state machine, not in a Standard execution."""

    __slots__ = ("begun", "ended", "in_peak", "light", "open_tasks", "size", "submitted_at", "tries", "user", "work")

    def __init__(self, user, size, work, in_peak):
        self.user, self.size, self.work, self.in_peak = user, size, work, in_peak
        self.tries = self.open_tasks = self.begun = 0
        self.submitted_at = 0.0
        self.ended, self.light = False, True


class Container:
    """One worker of a job, from the first attempt to start it."""

    __slots__ = ("on_demand", "task", "tries", "upload")
    light = False

    def __init__(self, upload, task, on_demand):
        self.upload, self.task, self.on_demand, self.tries = upload, task, on_demand, 0


class Simulation:
    """One run of a `Load` with `Quotas`, `Settings` and `Times`."""

    def __init__(self, load, quotas, settings, times, seed=1):
        self.load, self.quotas, self.settings, self.times = load, quotas, settings, times
        self.workload, self.chance = random.Random(seed), random.Random(seed + 1).random
        self.now, self.events, self.order = 0.0, [], 0
        self.init_route = Bucket(settings.throttle_rate, settings.throttle_burst)
        self.transitions = Bucket(quotas.transitions_rate, quotas.transitions_burst)
        self.starts = Bucket(quotas.starts_rate, quotas.starts_burst)
        self.run_task = Bucket(quotas.run_task_rate, quotas.run_task_rate)
        self.launches = [Bucket(quotas.launch_rate, quotas.launch_burst) for _ in (False, True)]
        self.vcpu = [0.0, 0.0]
        self.dispatchers = Servers(settings.dispatch_concurrency)
        self.stream = Servers(quotas.stream_shards)
        # Busy instances: of the functions that the state machine calls, of render-image among them, and of dispatch.
        self.busy = self.rendering = self.dispatching = 0
        # Of api, and among these the ones that hold a request.
        self.api_busy = self.long_polls = 0.0
        self.api_requests = 0
        # Jobs that have not ended; containers; workers that wait for a container; jobs that wait for a function.
        self.open = self.containers = self.asking = self.held_up = 0
        # Results.
        self.arrived, self.completed, self.refused = Counter(), Counter(), Counter()
        self.throttles, self.peaks = Counter(), Counter()
        # Uploads of the peak: accepted by kind, all and refused, the waits by kind of those that have ended, and the
        # waits for a turn of those that have got one.
        self.let_in, self.of_peak = Counter(), Counter()
        self.waits = {kind: [] for kind in KINDS}
        self.turn_waits, self.launched = [], Counter()
        # By kind: retries, and transitions of jobs that a light run could have ended, but handed over.
        self.retries, self.handed_over = Counter(), Counter()
        self.table_writes = 0.0
        self.waiting_by_minute = []
        # Micro-dollars by kind, without retries: the actual cost, and the cost if no start had been throttled.
        self.costs, self.usual_costs = Counter(), Counter()

    # ---- time ---------------------------------------------------------------------------------

    def at(self, seconds, action, subject=None):
        """Schedules an action. Actions scheduled for the same time run in the order of these calls."""
        self.order += 1
        heappush(self.events, (seconds, self.order, action, subject))

    def run(self):
        """Runs until every job has ended, at most until the horizon of the load."""
        self.at(0.0, self.next_user)
        self.at(1.0, self.second)
        events, horizon = self.events, self.load.horizon_s
        while events and events[0][0] <= horizon:
            self.now, _, action, subject = heappop(events)
            action(subject)
        return self

    def second(self, _):
        """Once per second, counts what is not simulated one by one, and records peaks."""
        self.dispatching = self.dispatchers.busy(self.now)
        self.count_api()
        writes = self.table_writes + self.containers * self.times.progress_writes
        self.table_writes = 0.0
        self.note("table writes", writes)
        self.throttles["table"] += max(0.0, writes - self.quotas.table_writes)
        self.note("functions", min(self.quotas.functions, self.busy + self.api_busy + self.dispatching))
        self.note("containers", self.containers)
        self.note("waiting", self.asking + self.held_up)
        self.note("open", self.open)
        if self.now % 60 < 1:
            self.waiting_by_minute.append((self.now, self.asking + self.held_up))
        if self.open or self.now < self.load.uploads_end_s:
            self.at(self.now + 1, self.second)

    def note(self, name, value):
        if value > self.peaks[name]:
            self.peaks[name] = value

    def count_api(self):
        """Requests of waiting clients, and the instances of api that they and the requests of uploads occupy."""
        times, room = self.times, self.free(of_api=True)
        polls = self.open * times.poll_share / times.poll_s
        asking = max(0.0, self.open * times.long_poll_share - self.long_polls)
        wanted = polls + asking
        admitted = min(wanted, self.settings.throttle_rate)
        self.throttles["polls"] += wanted - admitted
        part = admitted / wanted if wanted else 0.0
        short = (self.api_requests + polls * part) * times.function_s
        self.long_polls *= 1 - 1 / times.long_poll_s
        held = min(asking * part, max(0.0, room - short - self.long_polls))
        self.throttles["api: no instance"] += asking * part - held
        self.long_polls += held
        self.api_busy = min(short, max(0.0, room)) + self.long_polls
        self.note("requests", self.api_requests + wanted)
        self.api_requests = 0

    # ---- instances of functions ---------------------------------------------------------------

    def free(self, of_api=False):
        """Number of instances that api, or all other functions together, can still start."""
        reserved = self.settings.api_concurrency
        others = self.busy + self.dispatching
        if reserved:
            return reserved if of_api else self.quotas.functions - reserved - others
        return self.quotas.functions - others - (0 if of_api else self.api_busy)

    def begin_function(self, subject, then, again, render=False, give_up=None):
        """Starts a function for the state machine and calls `then`; if none is free, calls `again` after the pause of a
        retry. After the last retry of a light run, calls `give_up`."""
        limit = self.settings.render_concurrency
        if self.free() >= 1 and not (render and limit and self.rendering >= limit):
            self.busy += 1
            self.rendering += render
            self.held_up -= subject.tries > 0
            subject.tries = 0
            then(subject)
            return
        self.throttles["render-image" if render else "functions"] += 1
        policy = self.settings.light_retry if subject.light else self.settings.lambda_retry
        if subject.light and subject.tries == policy.attempts:
            self.held_up -= 1
            subject.tries = 0
            give_up(subject)
            return
        self.held_up += subject.tries == 0
        self.retry(subject, policy, again)

    def end_function(self, render=False):
        self.busy -= 1
        self.rendering -= render

    def retry(self, subject, policy, again):
        """Schedules the retry of a state, which counts as a state transition unless the run is a light one."""
        pause = policy.delay(subject.tries, self.chance())
        subject.tries += 1
        if not subject.light:
            pause += self.transitions.delay(self.now, 1)
            self.retries[(subject.user if isinstance(subject, Upload) else subject.upload.user).kind] += 1
        self.at(self.now + pause, again, subject)

    # ---- uploads ------------------------------------------------------------------------------

    def next_user(self, _):
        """Schedules the next user."""
        load, draw = self.load, self.workload
        rate = load.rate(self.now) / load.uploads_a_user
        if rate == 0 or self.now >= load.uploads_end_s:
            return
        gap = draw.expovariate(rate)
        change = load.next_change(self.now)
        if self.now + gap >= change:
            # The exponential distribution has no memory, so the rest of the gap can be drawn again at the new rate.
            self.at(change, self.next_user)
            return
        self.at(self.now + gap, self.new_user)

    def new_user(self, _):
        self.arrive(User(self.load.kind(self.workload), self.load.user_uploads(self.workload)))
        self.next_user(None)

    def arrive(self, user):
        """A user begins the next upload."""
        draw, times = self.workload, self.times
        size = self.load.size(user.kind, draw)
        upload = Upload(user, size, times.work(user.kind, size), self.load.in_peak(self.now))
        self.arrived[user.kind] += 1
        self.of_peak["arrived"] += upload.in_peak
        user.left -= 1
        if user.left:
            self.at(self.now + self.load.gap_s(size, draw), self.arrive, user)
        self.init(upload)

    def init(self, upload):
        """`POST /media/upload/init`. If it is refused, the client retries."""
        if not self.init_route.take(self.now):
            self.throttles["api: rate"] += 1
        elif self.free(of_api=True) - self.api_requests * self.times.function_s - self.long_polls < 1:
            self.throttles["api: no instance"] += 1
        else:
            self.api_requests += 2
            upload.tries = 0
            self.at(self.now + self.load.upload_s(upload.size), self.submit, upload)
            return
        upload.tries += 1
        if upload.tries >= self.times.client_tries:
            self.of_peak["refused"] += upload.in_peak
            self.end(upload, self.refused)
            return
        self.at(self.now + self.times.client_pause_s(upload.tries, self.chance()), self.init, upload)

    def submit(self, upload):
        """The file has been uploaded: its job is recorded, and takes a turn or waits for one."""
        upload.submitted_at = self.now
        self.open += 1
        self.let_in[upload.user.kind] += upload.in_peak
        self.table_writes += self.times.submit_writes
        user = upload.user
        if user.waiting or user.running >= (self.settings.running_per_user or math.inf):
            user.waiting.append(upload)
            self.note("turns waited for", len(user.waiting))
        else:
            self.send(upload)

    def send(self, upload):
        """Sends the message, for which `dispatch` starts a light run. Batches are taken to be full: when they are not,
        dispatch is not the limit."""
        upload.user.running += 1
        if upload.in_peak:
            self.turn_waits.append(self.now - upload.submitted_at)
        start = self.dispatchers.serve(self.now, self.times.dispatch_s * RECEIPTS / BATCH)
        self.note("oldest message", start - self.now)
        self.at(start + self.times.dispatch_s, self.begin_light, upload)

    # ---- the light state machine --------------------------------------------------------------

    def begin_light(self, upload):
        """ValidateInput, DetectType, Branch: as an Express workflow, without transitions to wait for."""
        self.begin_function(upload, self.validating_light, self.begin_light, give_up=self.not_taken)

    def not_taken(self, upload):
        """No function was free: the job's message starts another run."""
        upload.begun += 1
        if upload.begun < LIGHT_STARTS:
            self.at(self.now + RESTART_S - RETRIES_S, self.begin_light, upload)
        else:
            self.hand_over(upload)

    def validating_light(self, upload):
        self.at(self.now + 2 * self.times.function_s, self.detected_light, upload)

    def detected_light(self, upload):
        self.end_function()
        if upload.work.tasks:
            self.hand_over(upload)
        else:
            self.render(upload)

    def hand_over(self, upload):
        """Starts the Standard execution, which begins from the start."""
        upload.light = False
        if not upload.work.tasks:
            self.handed_over[upload.user.kind] += upload.work.transitions
        wait = self.starts.delay(self.now, 1)
        self.at(self.now + wait + self.times.start_execution_s, self.enter, upload)

    # ---- the Standard state machine -----------------------------------------------------------

    def enter(self, upload):
        """ValidateInput, DetectType, Branch."""
        wait = self.transitions.delay(self.now, 3)
        self.note("transition delay", wait)
        self.at(self.now + wait, self.validate, upload)

    def validate(self, upload):
        self.begin_function(upload, self.validating, self.validate)

    def validating(self, upload):
        self.at(self.now + 2 * self.times.function_s, self.detected, upload)

    def detected(self, upload):
        self.end_function()
        work = upload.work
        wait = self.transitions.delay(self.now, work.transitions - 3)
        if not work.tasks:
            self.at(self.now + wait, self.render, upload)
            return
        upload.open_tasks = len(work.tasks)
        for task in work.tasks:
            self.asking += 1
            container = Container(upload, task, not self.settings.spot_first)
            self.at(self.now + wait, self.ask, container)

    def render(self, upload):
        self.begin_function(upload, self.rendering_now, self.render, render=True, give_up=self.hand_over)

    def rendering_now(self, upload):
        self.at(self.now + upload.work.render_s, self.rendered, upload)

    def rendered(self, upload):
        self.end_function(render=True)
        self.table_writes += upload.work.writes
        self.finish(upload)

    def ask(self, container):
        """`RunTask`, on Spot first. If Spot has no capacity, the on-demand state follows, which retries. Throttling has
        the same error name, and the same effect."""
        on_demand, quotas = container.on_demand, self.quotas
        if not self.run_task.take(self.now):
            self.throttles["RunTask"] += 1
        elif self.vcpu[on_demand] + container.task.vcpu > quotas.vcpu[on_demand]:
            self.throttles["vCPU, " + CAPACITIES[on_demand]] += 1
        elif not self.launches[on_demand].take(self.now):
            self.throttles["launches"] += 1
        elif on_demand or self.chance() >= self.times.spot_missing:
            self.launch(container)
            return
        if on_demand:
            self.retry(container, self.settings.demand_retry, self.ask)
        else:
            container.on_demand = True
            self.at(self.now + self.transitions.delay(self.now, 1), self.ask, container)

    def launch(self, container):
        on_demand, task = container.on_demand, container.task
        self.vcpu[on_demand] += task.vcpu
        self.containers += 1
        self.asking -= 1
        self.launched[CAPACITIES[on_demand]] += 1
        self.note("vCPU, " + CAPACITIES[on_demand], self.vcpu[on_demand])
        kind = container.upload.user.kind
        self.costs[kind] += task.micro_dollars * (1 if on_demand else self.times.spot_price)
        self.at(self.now + self.settings.worker_start_s + task.run_s, self.stopped, container)

    def stopped(self, container):
        self.vcpu[container.on_demand] -= container.task.vcpu
        self.containers -= 1
        upload = container.upload
        upload.open_tasks -= 1
        if not upload.open_tasks:
            self.complete(upload)

    def complete(self, upload):
        self.begin_function(upload, self.completing, self.complete)

    def completing(self, upload):
        self.at(self.now + self.times.function_s, self.completed_now, upload)

    def completed_now(self, upload):
        self.end_function()
        self.table_writes += upload.work.writes
        self.finish(upload)

    # ---- ends ---------------------------------------------------------------------------------

    def finish(self, upload):
        """Ends a job. The stream of the jobs table then passes its turn on."""
        self.open -= 1
        self.end(upload, self.completed)
        user, times = upload.user, self.times
        if upload.in_peak:
            self.waits[user.kind].append(max(0.0, self.now - upload.submitted_at - times.ideal_s(upload.work)))
        self.costs[user.kind] += upload.work.micro_dollars
        self.usual_costs[user.kind] += upload.work.micro_dollars + times.usual_micro_dollars(upload.work)
        waits = bool(user.waiting)
        start = self.stream.serve(self.now + times.stream_poll_s, times.turn_s(waits))
        self.note("stream delay", start - self.now)
        if waits:
            self.at(start + times.turn_s(waits), self.pass_on, user)
        else:
            # Nobody waits for the turn, so it is free at once: the next submission finds that this job has ended.
            user.running -= 1

    def pass_on(self, user):
        user.running -= 1
        if user.waiting:
            self.send(user.waiting.pop(0))

    def end(self, upload, outcome):
        if upload.ended:
            raise AssertionError("an upload ended twice")
        upload.ended = True
        outcome[upload.user.kind] += 1
