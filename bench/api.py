#!/usr/bin/env python3
"""Latency of every route of the API on the local cloud, compared with `GET /health` in the same run.

    smmu-local run -- bench/api.py --document docs/openapi.json [--requests N]

The time beyond /health is the route's own: token, DynamoDB, S3. Absolute times depend on the emulator and on the build
profile. Requests run one at a time, and routes take turns, so other load on the machine affects all of them. The
program fails if the document has a route that is not measured.
"""

import argparse
import hashlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

TYPE = {"Content-Type": "application/json"}


class Api:
    """The API as one user. Each request uses a new connection, opened before the measurement."""

    def __init__(self, address, token):
        self.base = urlsplit(address)
        self.headers = {"Authorization": f"Bearer {token}"}

    def call(self, method, path, body=None, expected=range(200, 300)):
        """The response to a request as JSON or text, and its duration in milliseconds."""
        text = json.dumps(body) if body is not None else None
        headers = {**self.headers, **TYPE} if text else self.headers
        connection = http.client.HTTPConnection(self.base.netloc, timeout=60)
        connection.connect()
        begun = time.perf_counter()
        connection.request(method, self.base.path + path, text, headers)
        answer = connection.getresponse()
        content = answer.read().decode()
        took_ms = (time.perf_counter() - begun) * 1000
        connection.close()
        if answer.status not in expected:
            sys.exit(f"{method} {path}: {answer.status} {content}")
        return (json.loads(content) if answer.headers.get_content_type() == "application/json" else content), took_ms

    def ask(self, *request, **options):
        """The response without the duration."""
        return self.call(*request, **options)[0]


def upload_request(content, kind):
    """Body of a request for an upload."""
    return {
        "filename": "a",
        "contentType": kind,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def finished_job(api, content, kind):
    """Submits a file and returns its completed job."""
    grant = api.ask("POST", "/media/upload/init", upload_request(content, kind))
    upload = grant["upload"]
    request = urllib.request.Request(upload["url"], content, upload["headers"], method=upload["method"])
    urllib.request.urlopen(request, timeout=60).close()
    job = api.ask("POST", "/media/upload/complete", {"mediaId": grant["mediaId"]})
    while job["status"] in ("QUEUED", "RUNNING"):
        time.sleep(0.2)
        job = api.ask("GET", f"/jobs/{job['jobId']}")
    if job["status"] != "COMPLETED":
        sys.exit(f"the job of the test video failed: {job}")
    return job


def clip():
    """A second of video."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        source = ["-f", "lavfi", "-i", "testsrc=size=320x180:rate=10:duration=1"]
        subprocess.run(["ffmpeg", "-loglevel", "error", *source, "-pix_fmt", "yuv420p", path], check=True)
        return path.read_bytes()


def routes(api):
    """The webhooks to delete, and every route as `(name in the document, function that makes the next request)`.
    Routes that change something use their own media, or repeat an idempotent request.
    """
    job = finished_job(api, clip(), "video/mp4")
    media = job["mediaId"]
    playlist = next(output["playbackPath"] for output in job["outputs"] if output["name"] == "master.m3u8")
    parts = api.ask("POST", "/media/upload/init", {"filename": "a", "size": 20_000_000, "parts": True})["mediaId"]
    part = {"parts": [{"number": 1, "sha256": "0" * 64}]}
    cancelled = [finished_job(api, clip(), "video/mp4")["mediaId"]]
    running = api.ask("POST", f"/media/{cancelled[0]}/jobs")["jobId"]
    api.ask("POST", f"/jobs/{running}/cancel")

    # Nothing listens at this URL; deliveries are retried for half a minute.
    wanted = {"url": "http://127.0.0.1:9/"}
    webhook, made = api.ask("POST", "/webhooks", wanted)["webhookId"], []

    def new_webhook():
        return ("POST", "/webhooks", wanted)

    def new_upload():
        return ("POST", "/media/upload/init", upload_request(os.urandom(16), "image/png"))

    def new_media():
        return api.ask(*new_upload())["mediaId"]

    def run_again():
        # A media can have at most a hundred runs, one at a time.
        media = api.ask("GET", f"/media/{cancelled[0]}")
        if len(media.get("runs", [])) >= 100:
            cancelled[0] = finished_job(api, clip(), "video/mp4")["mediaId"]
        return ("POST", f"/media/{cancelled[0]}/jobs")

    return made, [
        ("GET /health", lambda: ("GET", "/health")),
        ("GET /openapi.json", lambda: ("GET", "/openapi.json")),
        ("GET /.well-known/oauth-protected-resource", lambda: ("GET", "/.well-known/oauth-protected-resource")),
        ("POST /media/upload/init", new_upload),
        ("POST /media/upload/complete", lambda: ("POST", "/media/upload/complete", {"mediaId": media})),
        ("GET /jobs", lambda: ("GET", "/jobs")),
        ("GET /jobs/{jobId}", lambda: ("GET", f"/jobs/{job['jobId']}")),
        ("POST /jobs/{jobId}/cancel", lambda: ("POST", f"/jobs/{running}/cancel")),
        ("GET /jobs/{jobId}/playback/{name}", lambda: ("GET", playlist)),
        ("GET /media", lambda: ("GET", "/media")),
        ("GET /media/{mediaId}", lambda: ("GET", f"/media/{media}")),
        ("DELETE /media/{mediaId}", lambda: ("DELETE", f"/media/{new_media()}")),
        ("POST /media/{mediaId}/jobs", run_again),
        ("POST /media/{mediaId}/parts", lambda: ("POST", f"/media/{parts}/parts", part)),
        ("GET /media/{mediaId}/parts", lambda: ("GET", f"/media/{parts}/parts")),
        ("POST /webhooks", new_webhook),
        ("GET /webhooks", lambda: ("GET", "/webhooks")),
        ("GET /webhooks/{webhookId}", lambda: ("GET", f"/webhooks/{webhook}")),
        ("POST /webhooks/{webhookId}/rotate", lambda: ("POST", f"/webhooks/{webhook}/rotate")),
        (
            "POST /webhooks/{webhookId}/deliveries",
            lambda: ("POST", f"/webhooks/{webhook}/deliveries", {"jobId": job["jobId"]}),
        ),
        ("DELETE /webhooks/{webhookId}", lambda: ("DELETE", f"/webhooks/{made.pop()}")),
        ("POST /sockets", lambda: ("POST", "/sockets")),
        ("GET /account", lambda: ("GET", "/account")),
    ]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--document", type=Path, required=True)
    arguments.add_argument("--requests", type=int, default=200)
    given = arguments.parse_args()
    api = Api(os.environ["SMMU_API"], os.environ["SMMU_TOKEN"])
    made, measured = routes(api)
    # Measured last, because it deletes everything.
    erase = "DELETE /account"
    paths = json.loads(given.document.read_text())["paths"]
    documented = {f"{method.upper()} {path}" for path, one in paths.items() for method in one}
    if documented != {name for name, _ in measured} | {erase}:
        sys.exit(f"not measured, or not in the document: {documented ^ ({name for name, _ in measured} | {erase})}")
    took = {name: [] for name, _ in measured} | {erase: []}
    for _ in range(given.requests):
        for name, request in measured:
            asked = request()
            answer, took_ms = api.call(*asked)
            took[name].append(took_ms)
            if name == "POST /media/{mediaId}/jobs":
                api.ask("POST", f"/jobs/{answer['jobId']}/cancel")
            if name == "POST /webhooks":
                made.append(answer["webhookId"])
    for _ in range(given.requests):
        took[erase].append(api.call("DELETE", "/account")[1])
    report(took)


def report(took):
    """Prints a line per route: median and 90th percentile in milliseconds, and the median compared with /health."""
    floor = statistics.median(took["GET /health"])
    print(f"{'route':44}{'p50 ms':>8}{'p90 ms':>8}{'more than /health':>20}{'ratio':>8}")
    for name, times in took.items():
        p50, p90 = statistics.median(times), statistics.quantiles(times, n=10)[-1]
        print(f"{name:44}{p50:8.1f}{p90:8.1f}{p50 - floor:20.1f}{p50 / floor:8.2f}")


if __name__ == "__main__":
    main()
