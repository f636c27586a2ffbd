#!/usr/bin/env python3
"""Cold starts: every function in the Lambda runtime emulator, compared with a minimal one in Rust and one in Python.

    smmu-local run -- bench/cold.py --emulator RIE --functions DIR --minimal PROGRAM [--rounds N]

`--functions` is an output folder of `sam build` in the release profile. The functions call the local cloud that this
runs in, and get their environment from it. The peer (peer_api.py) answers the same POST /media/upload/init as `api`,
with FastAPI, Mangum and boto3.

Init lasts from the start of the process until it asks for its first event. The first call includes deferred work, the
second does not. Programs take turns, each start is a new process, and results are medians. Nothing uses TLS, so the
time that connections opened at start save on AWS does not show.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import boto3
from measure import resident_bytes, tree_of

HERE = Path(__file__).resolve().parent
EVENTS = HERE.parent / "events"
SECRET = "a secret of thirty-two bytes or more"
# A program's name, its SAM resource, and its sample event.
FUNCTIONS = {
    "api": ("ApiFunction", "api-init"),
    "on-upload": ("OnUploadFunction", "on-upload-created"),
    "dispatch": ("DispatchFunction", None),
    "validate-input": ("ValidateInputFunction", "validate-input-job"),
    "detect-type": ("DetectTypeFunction", "detect-type-job"),
    "render-image": ("RenderImageFunction", "render-image-job"),
    "update-status": ("UpdateStatusFunction", "update-status-complete"),
    "reconcile": ("ReconcileFunction", "reconcile-tick"),
    "purge": ("PurgeFunction", "purge-messages"),
    "notify": ("NotifyFunction", "notify-ended"),
    "deliver": ("DeliverFunction", "deliver-messages"),
    "sockets": ("SocketsFunction", "sockets-connect"),
}
FRONT, RUNTIME_API = "127.0.0.1:18480", "127.0.0.1:19401"
INIT = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)\)")
CALL = re.compile(r"INVOKE RTDONE\(status: (\w+).*?duration: ([\d.]+)ms\)")


@dataclass
class Program:
    """A program to start and call twice."""

    name: str
    command: list[str]
    bytes: int
    event: dict
    environment: dict[str, str]


@dataclass
class Start:
    """One cold start."""

    init_ms: float
    first_ms: float
    second_ms: float
    mib: float


def token():
    """A token of some user, signed with SECRET (RFC 7515, appendix A.1)."""

    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = part(json.dumps({"sub": "bench", "exp": 4_000_000_000}).encode())
    signed = head + b"." + body
    return (signed + b"." + part(hmac.digest(SECRET.encode(), signed, hashlib.sha256))).decode()


def event_of(name):
    """A sample event with a valid token."""
    event = json.loads((EVENTS / f"{name}.json").read_text())
    if "headers" in event:
        event["headers"]["authorization"] = f"Bearer {token()}"
    return event


def environment_of(function):
    """The function's environment in the local cloud, with SECRET as the trusted secret."""
    variables = boto3.client("lambda").get_function_configuration(FunctionName=f"smmu-dev-{function}")
    of_sdk = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    trust = {
        "SMMU_AUTH_ALGORITHM": "HS256",
        "SMMU_AUTH_SECRET": SECRET,
        "SMMU_AUTH_ISSUER": "",
        "SMMU_AUTH_AUDIENCE": "",
    }
    lambdas_own = {
        "PATH": "/usr/bin:/bin",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_NAME": function,
    }
    return {**variables["Environment"]["Variables"], **of_sdk, **trust, **lambdas_own}


def programs(functions, minimal):
    """All measured programs."""
    floor = {"PATH": "/usr/bin:/bin", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256"}
    yield Program("minimal, Rust", [str(minimal)], minimal.stat().st_size, {}, floor)
    for name, (resource, event) in FUNCTIONS.items():
        program = functions / resource / "bootstrap"
        # The sample event of dispatch has no real job. An empty batch costs the same up to that point.
        event = event_of(event) if event else {"Records": []}
        yield Program(name, [str(program)], program.stat().st_size, event, environment_of(name))
    packages = Path(boto3.__file__).parent.parent
    size = sum(
        file.stat().st_size for file in packages.rglob("*") if file.is_file() and file.parts[-2] != "__pycache__"
    )
    python = [sys.executable, "-m", "awslambdaric", "peer_api.handler"]
    environment = {**environment_of("api"), "PYTHONPATH": str(HERE)}
    yield Program("init, Python", python, size, event_of("api-init"), environment)


def start(emulator, program):
    """Starts a program under the emulator and calls it twice."""
    with tempfile.TemporaryFile("w+") as log:
        command = [emulator, "--log-level", "info", "--runtime-interface-emulator-address", FRONT]
        command += ["--runtime-api-address", RUNTIME_API, *program.command]
        child = subprocess.Popen(command, stdout=log, stderr=log, env=program.environment, cwd=HERE)
        try:
            answers = [call(child, program.event) for _ in range(2)]
            # Empty if the program has ended, which the log shows below.
            started = [pid for pid in tree_of(child.pid) if pid != child.pid]
            mib = max(map(resident_bytes, started), default=0) / 2**20
        finally:
            child.terminate()
            child.wait()
        log.seek(0)
        told = log.read()
    inits, calls = INIT.findall(told), CALL.findall(told)
    if len(inits) != 1 or [status for status, _ in calls] not in (["success"] * 2, ["error"] * 2):
        sys.exit(f"{program.name} did not start and respond as expected:\n{told}\n{answers}")
    return Start(float(inits[0]), float(calls[0][1]), float(calls[1][1]), mib), answers[0]


def call(child, event):
    """Sends an event as soon as the emulator listens."""
    url = f"http://{FRONT}/2015-03-31/functions/function/invocations"
    deadline = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, json.dumps(event).encode(), timeout=60) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.read().decode()
        except urllib.error.URLError:
            time.sleep(0.01)
    return "it did not answer"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--emulator", required=True)
    arguments.add_argument("--functions", type=Path, required=True)
    arguments.add_argument("--minimal", type=Path, required=True)
    arguments.add_argument("--rounds", type=int, default=9)
    given = arguments.parse_args()
    # Absolute, because programs are started in another folder.
    measured = list(programs(given.functions.resolve(), given.minimal.resolve()))
    starts = {program.name: [] for program in measured}
    for _ in range(given.rounds):
        for program in measured:
            one, answer = start(given.emulator, program)
            starts[program.name].append(one)
            if program.name in ("api", "init, Python") and json.loads(answer).get("statusCode") != 201:
                sys.exit(f"{program.name} granted nothing: {answer}")
    report(measured, starts)


def report(measured, starts):
    """Prints a line per program. The last column is init plus first call, as a ratio of Python's."""

    def median(name, what):
        return statistics.median(getattr(one, what) for one in starts[name])

    print(f"{'':16}{'MB':>8}{'init ms':>10}{'1st call':>10}{'2nd call':>10}{'MiB':>8}{'of Python':>12}")
    python = median("init, Python", "init_ms") + median("init, Python", "first_ms")
    for program in measured:
        init, first, second, mib = (median(program.name, what) for what in ("init_ms", "first_ms", "second_ms", "mib"))
        ratio = (init + first) / python
        figures = f"{program.bytes / 1e6:8.1f}{init:10.1f}{first:10.1f}{second:10.1f}{mib:8.1f}{ratio:12.3f}"
        print(f"{program.name:16}{figures}")
    over_floor = median("api", "init_ms") / median("minimal, Rust", "init_ms")
    of_python = median("api", "init_ms") / median("init, Python", "init_ms")
    print(f"init of api: {over_floor:.1f} of the minimal function's, {of_python:.3f} of Python's")


if __name__ == "__main__":
    main()
