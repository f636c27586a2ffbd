"""A discrete-event model of the pipeline under a burst of uploads, against AWS's quotas.

Every upload is one `Upload` that moves through the stages of ARCHITECTURE.md: init, upload, turn, dispatch, functions,
workers, end. Retries have the state machine's pauses, so waiting uploads compete as they do on AWS: whoever asks first
after something is free gets it, not who has waited longest. The API's polls and the table's writes are counted by the
second instead, since there are too many of them.

Workload and retries draw from two generators, so the same seed gives the same uploads under all quotas.
"""

import math
import random
from collections import Counter
from heapq import heappop, heappush

from scale_parts import Bucket, Servers

KINDS = ("image", "video", "audio")
CAPACITIES = ("Spot", "on demand")


class User:
    """One user's uploads, of one kind and close together."""

    __slots__ = ("kind", "left", "running", "waiting")

    def __init__(self, kind, left):
        self.kind, self.left, self.running, self.waiting = kind, left, 0, []


class Upload:
    """One upload and its job."""

    __slots__ = ("ended", "in_peak", "open_tasks", "size", "submitted_at", "tries", "user", "work")

    def __init__(self, user, size, work, in_peak):
        self.user, self.size, self.work, self.in_peak = user, size, work, in_peak
        self.tries = self.open_tasks = 0
        self.submitted_at = 0.0
        self.ended = False


class Container:
    """One worker of a job, from its first attempt to start."""

    __slots__ = ("on_demand", "task", "tries", "upload")

    def __init__(self, upload, task, on_demand):
        self.upload, self.task, self.on_demand, self.tries = upload, task, on_demand, 0


class Simulation:
    """One run, of a `Load`, `Quotas`, `Settings` and `Times`."""

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
        # Instances of functions: of the state machine's, of which render-image's; of dispatch, and of api.
        self.busy = self.rendering = self.dispatching = 0
        self.api_busy = self.long_polls = 0.0
        self.api_requests = 0
        # Jobs that have not ended, containers, and who waits for one or for a function.
        self.open = self.containers = self.asking = self.held_up = 0
        # Results.
        self.arrived, self.completed, self.refused = Counter(), Counter(), Counter()
        self.throttles, self.peaks = Counter(), Counter()
        # Of uploads of the peak that were let in: how many, and the waits of those that have ended, also for a turn.
        self.let_in, self.of_peak = Counter(), Counter()
        self.waits = {kind: [] for kind in KINDS}
        self.turn_waits, self.retries, self.launched = [], Counter(), Counter()
        self.table_writes = 0.0
        self.waiting_by_minute = []
        # Micro-dollars by kind: as it went, and if no container had been throttled; without retries.
        self.costs, self.usual_costs = Counter(), Counter()

    # ---- time ---------------------------------------------------------------------------------

    def at(self, seconds, action, subject=None):
        """Does something at a time; of two things at one time, what was asked for first."""
        self.order += 1
        heappush(self.events, (seconds, self.order, action, subject))

    def run(self):
        """Runs until everything has ended, at most to the load's horizon."""
        self.at(0.0, self.next_user)
        self.at(1.0, self.second)
        events, horizon = self.events, self.load.horizon_s
        while events and events[0][0] <= horizon:
            self.now, _, action, subject = heappop(events)
            action(subject)
        return self

    def second(self, _):
        """Once a second: what is counted, not followed."""
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
        """Requests of clients that wait, and the instances that they and the uploads' requests occupy."""
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
        """Instances that api, or all other functions, may still start."""
        reserved = self.settings.api_concurrency
        others = self.busy + self.dispatching
        if reserved:
            return reserved if of_api else self.quotas.functions - reserved - others
        return self.quotas.functions - others - (0 if of_api else self.api_busy)

    def begin_function(self, subject, then, again, render=False):
        """Starts a function of the state machine, or tries again later, as its states do."""
        limit = self.settings.render_concurrency
        if self.free() >= 1 and not (render and limit and self.rendering >= limit):
            self.busy += 1
            self.rendering += render
            self.held_up -= subject.tries > 0
            subject.tries = 0
            then(subject)
            return
        self.throttles["render-image" if render else "functions"] += 1
        self.held_up += subject.tries == 0
        self.retry(subject, self.settings.lambda_retry, again)

    def end_function(self, render=False):
        self.busy -= 1
        self.rendering -= render

    def retry(self, subject, policy, again):
        """A retry of a state, which counts as a transition."""
        pause = policy.delay(subject.tries, self.chance())
        subject.tries += 1
        self.retries[(subject.user if isinstance(subject, Upload) else subject.upload.user).kind] += 1
        self.at(self.now + pause + self.transitions.delay(self.now, 1), again, subject)

    # ---- uploads ------------------------------------------------------------------------------

    def next_user(self, _):
        """A user begins to upload; then the next one."""
        load, draw = self.load, self.workload
        rate = load.rate(self.now) / load.uploads_a_user
        if rate == 0 or self.now >= load.uploads_end_s:
            return
        gap = draw.expovariate(rate)
        change = load.next_change(self.now)
        if self.now + gap >= change:
            # Without memory: the rest of the gap is drawn anew at the new rate.
            self.at(change, self.next_user)
            return
        self.at(self.now + gap, self.new_user)

    def new_user(self, _):
        self.arrive(User(self.load.kind(self.workload), self.load.user_uploads(self.workload)))
        self.next_user(None)

    def arrive(self, user):
        """A user's next upload asks for its address."""
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
        """`POST /media/upload/init`, with the retries of the client."""
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
        """The object is there: the job is recorded, and takes a turn or waits for one."""
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
        """The message, which `dispatch` turns into an execution."""
        upload.user.running += 1
        if upload.in_peak:
            self.turn_waits.append(self.now - upload.submitted_at)
        start = self.dispatchers.serve(self.now, self.times.start_execution_s)
        start += self.starts.delay(start, 1)
        self.note("oldest message", start - self.now)
        self.at(start + self.times.start_execution_s, self.enter, upload)

    # ---- the state machine --------------------------------------------------------------------

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
        self.begin_function(upload, self.rendering_now, self.render, render=True)

    def rendering_now(self, upload):
        self.at(self.now + upload.work.render_s, self.rendered, upload)

    def rendered(self, upload):
        self.end_function(render=True)
        self.table_writes += upload.work.writes
        self.finish(upload)

    def ask(self, container):
        """`RunTask`: Spot first. Whatever that lacks, and throttling, which has the same name, leads to the state on
        demand, which waits."""
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
        """The job has ended. The stream of the table passes its turn on."""
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
            # Without anybody who waits, the next submission finds that this job has ended.
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
