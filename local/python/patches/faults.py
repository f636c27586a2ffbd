"""Faults, injected only if SMMU_FAULTS is set: what an AWS account does now and then to every program.

SMMU_FAULTS is JSON (`Faults` in local/src/faults.rs): a seed, a probability for each sort of fault, and bounds. The
seed fixes the sequence of decisions. Which call meets which decision depends on the order of concurrent calls.
A test can also plan faults of chosen calls, see `Plan`.

Only calls with credentials of a role's session are affected: those of functions and workers, and presigned requests of
clients. Calls of root are not, so a stack can be deployed and examined while faults are on.
"""

import asyncio
import collections
import contextlib
import contextvars
import functools
import glob
import json
import math
import random
import re
import sys
import threading
import time
from urllib.parse import unquote

import ministack.app as app
from ministack.services import ecs, lambda_svc, sqs
from ministack.services import stepfunctions as sfn

from patches import express, reviewed
from patches.roles import STATE_EXECUTION

# Path at which the number of injected faults is read, by service and sort, and to which planned faults are posted.
REPORT_PATH = "/_smmu/faults"
# Sorts of planned faults of an execution, and not of the call that starts it.
OF_STARTS = ("twice", "repeated", "vanishes")
# The planned fault of the execution that is started by the request which is being served.
STARTED = contextvars.ContextVar("started", default=None)
# The credential scope of a session's request ("Elements of an AWS API request signature": KEY/DATE/REGION/SERVICE).
SESSION_SCOPE = re.compile(r"Credential=ASIA[A-Z0-9]+/[0-9]{8}/[a-z0-9-]+/([a-z0-9-]+)/aws4_request")
# Errors that each service documents for its own failures and for throttling: status and code.
ERRORS = {
    "s3": [(500, "InternalError"), (503, "SlowDown"), (503, "ServiceUnavailable")],
    "dynamodb": [(500, "InternalServerError"), (400, "ProvisionedThroughputExceededException")],
    "sqs": [(500, "InternalFailure"), (503, "ServiceUnavailable")],
    "states": [(500, "InternalFailure"), (503, "ServiceUnavailable"), (400, "ThrottlingException")],
}


class Dice:
    """Decides with a seed, and counts what was injected. Used by several threads."""

    def __init__(self, settings):
        self.settings = settings
        self.random = random.Random(settings["seed"])
        self.lock = threading.Lock()
        self.counts = collections.Counter()

    def roll(self, service, sort):
        """Returns whether to inject this sort of fault now."""
        with self.lock:
            hit = self.random.random() < self.settings[sort]
            if hit:
                self.counts[f"{service} {sort}"] += 1
            return hit

    def count(self, service, sort):
        with self.lock:
            self.counts[f"{service} {sort}"] += 1

    def choice(self, options):
        with self.lock:
            return self.random.choice(options)

    def shuffle(self, items):
        with self.lock:
            self.random.shuffle(items)

    def seconds(self, bound):
        """Returns a time of up to a bound of the settings, which is in milliseconds."""
        with self.lock:
            return self.random.uniform(0, self.settings[bound]) / 1000


class Plan:
    """Faults of chosen calls, posted as JSON to REPORT_PATH.

    `service`, `method`, `agent` and `contains` choose calls: `agent` is a text in the User-Agent, and `contains` one in
    the path of a call of S3, or in the body of a call of another service. `times` or `seconds` says how often or how
    long. `sort` is

    - `refused`: the call fails with `status` and `code` before it is carried out;
    - `shortened`: the connection closes in the middle of the answer;
    - `flipped`: a byte in the middle of the answer's body is another;
    - `expired`: the call fails with ExpiredToken, and so do all later calls that it chooses with the same credentials;
    - `twice`: the Express execution that the call starts also runs under a second ARN at the same time;
    - `repeated`: the Express execution that the call starts runs twice at the same time, under one ARN;
    - `vanishes`: the Express execution that the call starts neither continues nor ends when it would enter the state
      `state`.
    """

    def __init__(self):
        self.faults = []

    def add(self, fault):
        if "seconds" in fault:
            fault["until"] = time.monotonic() + fault["seconds"]
        fault["credentials"] = None
        self.faults.append(fault)

    async def find(self, service, scope, receive):
        """Returns the planned fault of a call, if any, and a `receive` that has the whole body."""
        faults = [fault for fault in self.faults if fault["service"] == service]
        if not faults:
            return None, receive
        text = scope["path"]
        if service != "s3":
            body = await read_body(receive)
            text, receive = body.decode("latin-1"), body_again(body)
        return next((fault for fault in faults if self.takes(fault, scope, text)), None), receive

    def takes(self, fault, scope, text):
        if fault.get("method", scope["method"]) != scope["method"] or fault["contains"] not in text:
            return False
        if fault.get("agent", "") not in header(scope, b"user-agent"):
            return False
        if fault["sort"] in OF_STARTS and not header(scope, b"x-amz-target").endswith(".StartExecution"):
            return False
        if time.monotonic() >= fault.get("until", math.inf):
            return False
        if fault["sort"] == "expired":
            found = credentials(scope)
            fault["credentials"] = fault["credentials"] or found
            return found == fault["credentials"]
        fault["times"] = fault.get("times", math.inf) - 1
        return fault["times"] >= 0


def header(scope, wanted):
    """Returns the value of a header, or an empty one."""
    return next((value for name, value in scope["headers"] if name.lower() == wanted), b"").decode("latin-1")


def credentials(scope):
    """Returns the access key that signed a request."""
    found = re.search(r"Credential=([A-Z0-9]+)/", header(scope, b"authorization"))
    return found and found[1]


async def read_body(receive):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


def body_again(body):
    """Returns a `receive` for a body that was read."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


def patch_faults(settings):
    """Injects all faults with the rates of `settings`."""
    dice = Dice(settings)
    patch_calls(dice)
    patch_deliveries(dice)
    patch_states(dice)
    patch_starts(dice)
    patch_capacity(dice)
    if settings["skewed"]:
        patch_clocks(dice)


def faulted_service(scope):
    """Returns the service of a request with a session's credentials, if its calls can fail."""
    fields = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"authorization"]
    query = unquote(scope.get("query_string", b"").decode("latin-1"))
    fields += ["Credential=" + part.partition("=")[2] for part in query.split("&") if "X-Amz-Credential=" in part]
    found = next(filter(None, map(SESSION_SCOPE.search, fields)), None)
    return found[1] if found and found[1] in ERRORS else None


def patch_calls(dice):
    """A call fails before it is carried out, its answer is lost or cut off afterwards, or it takes long.

    AWS ("Error responses", ErrorResponses of S3; "Error handling with DynamoDB", Programming.Errors; "Common errors",
    CommonErrors of SQS and Step Functions): a 5xx says nothing about whether the request was carried out, and clients
    retry these and throttling errors.

    ministack: always answers, at once.
    """
    serve = reviewed(app, "app", "scope", "receive", "send")
    plan = Plan()

    async def disturbed(scope, receive, send):
        if scope["type"] == "http" and scope["path"] == REPORT_PATH:
            if scope["method"] == "POST":
                plan.add(json.loads(await read_body(receive)))
            return await report(dice, send)
        service = faulted_service(scope) if scope["type"] == "http" else None
        if service is None:
            return await serve(scope, receive, send)
        planned, receive = await plan.find(service, scope, receive)
        if planned:
            dice.count(service, planned["sort"])
            match planned["sort"]:
                case "twice" | "repeated" | "vanishes":
                    token = STARTED.set(planned)
                    try:
                        return await serve(scope, receive, send)
                    finally:
                        STARTED.reset(token)
                case "shortened":
                    return await serve(scope, receive, cutting(send))
                case "flipped":
                    return await serve(scope, receive, flipping(send))
                case "expired":
                    error = (400, "ExpiredToken")
                case "refused":
                    error = (planned["status"], planned["code"])
            await drain(receive)
            return await fail(service, scope, send, error)
        if dice.roll(service, "slow"):
            await asyncio.sleep(dice.seconds("slow_ms"))
        if dice.roll(service, "refused"):
            await drain(receive)
            return await fail(service, scope, send, dice.choice(ERRORS[service]))
        if dice.roll(service, "lost"):
            await serve(scope, receive, discard)
            return await fail(service, scope, send, dice.choice(ERRORS[service]))
        # A HEAD response has no body that could be cut off.
        if scope["method"] != "HEAD" and dice.roll(service, "cut"):
            return await serve(scope, receive, cutting(send))
        return await serve(scope, receive, send)

    app.app = disturbed


async def drain(receive):
    """Reads the body of a request, as servers do before they answer, so that the connection can be used again."""
    await read_body(receive)


async def discard(_message):
    pass


async def fail(service, scope, send, error):
    """Answers with an error of the service, and without an error code if the request was HEAD, as AWS does."""
    status, code = error
    if service == "s3":
        kind, body = b"application/xml", f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
    else:
        kind, body = b"application/x-amz-json-1.0", json.dumps({"__type": code, "message": "injected"}).encode()
    await answer(send, status, kind, b"" if scope["method"] == "HEAD" else body)


async def report(dice, send):
    with dice.lock:
        body = json.dumps(dice.counts, sort_keys=True).encode()
    await answer(send, 200, b"application/json", body)


async def answer(send, status, kind, body):
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def cutting(send):
    """Returns a `send` that passes on the head and half of the first piece of a body.

    The head states the whole length, as on AWS; for an empty body, one byte. An application that returns before it
    has sent the whole body makes the server close the connection.
    """
    started = False

    async def send_half(message):
        nonlocal started
        if message["type"] == "http.response.start":
            headers = [(name.lower(), value) for name, value in message["headers"]]
            length = sum(int(value) for name, value in headers if name == b"content-length") or 1
            others = [header for header in headers if header[0] != b"content-length"]
            await send({**message, "headers": [*others, (b"content-length", str(length).encode())]})
        elif not started:
            started = True
            body = message.get("body", b"")
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})

    return send_half


def flipping(send):
    """Returns a `send` that changes a byte in the middle of the first piece of a body."""
    done = False

    async def send_flipped(message):
        nonlocal done
        body = message.get("body", b"")
        if body and not done:
            done = True
            middle = len(body) // 2
            message = {**message, "body": body[:middle] + bytes([body[middle] ^ 0xFF]) + body[middle + 1 :]}
        await send(message)

    return send_flipped


def patch_deliveries(dice):
    """Messages of a standard queue arrive late, in another order, and again although they were deleted.

    AWS ("Amazon SQS standard queues", standard-queues; at-least-once delivery and best-effort ordering): a message "can
    be delivered more than once, and occasionally out of order".

    ministack: delivers each message at once, in order, and once unless its function fails.
    """
    collect = reviewed(sqs, "_collect_msgs", "q", "max_n", "vis_timeout")
    send = reviewed(sqs, "_act_send_message", "data", "qurl")

    @functools.wraps(collect)
    def collect_disturbed(q, max_n, vis_timeout):
        if q["is_fifo"]:
            return collect(q, max_n, vis_timeout)
        if len(q["messages"]) > 1 and dice.roll("sqs", "reordered"):
            dice.shuffle(q["messages"])
        batch = collect(q, max_n, vis_timeout)
        for message in batch:
            if dice.roll("sqs", "duplicated"):
                again = {**message, "receipt_handle": None, "visible_at": time.time() + dice.seconds("late_ms")}
                q["messages"].append(again)
        return batch

    @functools.wraps(send)
    def send_late(data, qurl):
        if "DelaySeconds" not in data and dice.roll("sqs", "late"):
            data = {**data, "DelaySeconds": math.ceil(dice.seconds("late_ms"))}
        # The poller replaces the list of messages under this lock; a message added meanwhile would be lost.
        with sqs._queues_lock:
            return send(data, qurl)

    sqs._collect_msgs = collect_disturbed
    sqs._act_send_message = sqs._HANDLERS["SendMessage"] = send_late


def patch_states(dice):
    """A state's call of a function fails before the function runs, or its result is lost.

    AWS ("Handle Lambda service exceptions", bp-lambda-serviceexception): "Lambda can occasionally experience transient
    service errors"; a state sees 500 as Lambda.ServiceException, Lambda.AWSLambdaException or
    Lambda.SdkClientException, and should retry them.

    ministack: always calls the function.
    """
    invoke = reviewed(sfn, "_invoke_resource", "resource", "input_data")
    names = ("Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException")

    def invoke_disturbed(resource, input_data):
        if "states:::lambda:invoke" not in resource:
            return invoke(resource, input_data)
        if dice.roll("lambda", "refused"):
            raise sfn._ExecutionError(dice.choice(names), "injected before the call")
        if not dice.roll("lambda", "lost"):
            return invoke(resource, input_data)
        with contextlib.suppress(sfn._ExecutionError):
            invoke(resource, input_data)
        raise sfn._ExecutionError(dice.choice(names), "injected after the call")

    sfn._invoke_resource = invoke_disturbed


def patch_starts(dice):
    """An Express execution runs twice at the same time, or vanishes.

    AWS ("Execution guarantees", express-at-least-once-execution): asynchronous Express Workflows run at least once, and
    their state is not kept between transitions. Whether a second run has the same ARN is not documented, so both
    happen. Planned only: an execution vanishes, as one of which nothing is heard although it was started.

    The patches of Express executions: run each start once.
    """
    begin = reviewed(express, "begin", "execution", "most_seconds")

    def begin_disturbed(execution, most_seconds):
        planned = STARTED.get() or {}
        # Not for what the execution starts itself.
        STARTED.set(None)
        sort = planned.get("sort")
        begin({**execution, "vanishes": planned["state"]} if sort == "vanishes" else execution, most_seconds)
        if sort is None and dice.roll("express", "repeated"):
            sort = dice.choice(("twice", "repeated"))
        if sort in ("twice", "repeated"):
            begin(express.once_more(execution, sort == "repeated"), most_seconds)

    express.begin = begin_disturbed


def patch_capacity(dice):
    """Fargate has no capacity for the first part of each period.

    AWS ("RunTask", API_RunTask: `failures`; "Stopped tasks error messages": "Capacity is unavailable at this time"):
    the response lists a failure instead of a task; a `.sync` state then fails with AmazonECS.Unknown.

    ministack: always has capacity.
    """
    run_task = reviewed(ecs, "_run_task", "data")
    started = time.monotonic()

    @functools.wraps(run_task)
    def run_if_capacity(data):
        passed = (time.monotonic() - started) * 1000 % dice.settings["period_ms"]
        if STATE_EXECUTION.get() is None or passed >= dice.settings["withheld_ms"]:
            return run_task(data)
        dice.count("ecs", "withheld")
        failures = [{"reason": "Capacity is unavailable at this time. Please try again later."}]
        raise sfn._ExecutionError("AmazonECS.Unknown", json.dumps({"tasks": [], "failures": failures}))

    ecs._run_task = run_if_capacity


def patch_clocks(dice):
    """Some execution environments of functions have a clock that is ahead or behind, by libfaketime.

    AWS ("Elements of an AWS API request signature", reference_sigv-create-signed-request): signatures are accepted if
    their time is within five minutes of the service's clock, so a machine can be off by almost as much.

    ministack: functions have the clock of this machine.
    """
    make = reviewed(lambda_svc, "_provided_worker_env", "config", "code_dir", "port")
    library = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)
    if library is None:
        sys.exit("libfaketime is missing, without which no clock can be off: tools/setup.sh test")

    @functools.wraps(make)
    def make_with_clock(config, code_dir, port):
        environment = make(config, code_dir, port)
        if not dice.roll("lambda", "skewed"):
            return environment
        offset = dice.choice("+-") + str(dice.settings["skew_s"])
        # Only the time of day is off. Durations are measured with another clock.
        clock = {"LD_PRELOAD": library, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
        return environment | clock

    lambda_svc._provided_worker_env = make_with_clock
