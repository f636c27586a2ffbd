#!/usr/bin/env python3
"""Latency of every route of the API on the local cloud, beside `GET /health` in the same run.

    smmu-local run -- bench/api.py --document docs/openapi.json [--requests N]

What a route costs beyond /health is its own: token, DynamoDB, S3. Absolute times are those of the emulator and of how
the functions were built. One request after the other; routes take turns, so that what else the machine does meets all
of them. The program fails where the document has a route that is not measured.
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
    """The API as one user. Each request has a connection of its own, which is made before its time begins."""

    def __init__(self, address, token):
        self.base = urlsplit(address)
        self.headers = {"Authorization": f"Bearer {token}"}

    def call(self, method, path, body=None, expected=range(200, 300)):
        """The answer to a request as JSON, or as text, and how long it took in milliseconds."""
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
        """The answer alone."""
        return self.call(*request, **options)[0]


def wish(content, kind):
    """What an upload is asked for with."""
    return {
        "filename": "a",
        "contentType": kind,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def finished_job(api, content, kind):
    """A job that has completed."""
    grant = api.ask("POST", "/media/upload/init", wish(content, kind))
    upload = grant["upload"]
    request = urllib.request.Request(upload["url"], content, upload["headers"], method=upload["method"])
    urllib.request.urlopen(request, timeout=60).close()
    job = api.ask("POST", "/media/upload/complete", {"mediaId": grant["mediaId"]})
    while job["status"] in ("QUEUED", "RUNNING"):
        time.sleep(0.2)
        job = api.ask("GET", f"/jobs/{job['jobId']}")
    if job["status"] != "COMPLETED":
        sys.exit(f"the video that is measured with: {job}")
    return job


def clip():
    """A second of video."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        source = ["-f", "lavfi", "-i", "testsrc=size=320x180:rate=10:duration=1"]
        subprocess.run(["ffmpeg", "-loglevel", "error", *source, "-pix_fmt", "yuv420p", path], check=True)
        return path.read_bytes()


def routes(api):
    """Every route, as `(what the document calls it, what makes its next request)`. Those that change something have a
    media of their own, or do again what is done already.
    """
    job = finished_job(api, clip(), "video/mp4")
    media = job["mediaId"]
    playlist = next(output["playbackPath"] for output in job["outputs"] if output["name"] == "master.m3u8")
    parts = api.ask("POST", "/media/upload/init", {"filename": "a", "size": 20_000_000, "parts": True})["mediaId"]
    part = {"parts": [{"number": 1, "sha256": "0" * 64}]}
    cancelled = [finished_job(api, clip(), "video/mp4")["mediaId"]]
    running = api.ask("POST", f"/media/{cancelled[0]}/jobs")["jobId"]
    api.ask("POST", f"/jobs/{running}/cancel")

    def new_media():
        return api.ask("POST", "/media/upload/init", wish(os.urandom(16), "image/png"))["mediaId"]

    def run_again():
        # A media has a hundred runs, and one of them at a time.
        media = api.ask("GET", f"/media/{cancelled[0]}")
        if len(media.get("runs", [])) >= 100:
            cancelled[0] = finished_job(api, clip(), "video/mp4")["mediaId"]
        return ("POST", f"/media/{cancelled[0]}/jobs")

    return [
        ("GET /health", lambda: ("GET", "/health")),
        ("GET /openapi.json", lambda: ("GET", "/openapi.json")),
        ("GET /.well-known/oauth-protected-resource", lambda: ("GET", "/.well-known/oauth-protected-resource")),
        ("POST /media/upload/init", lambda: ("POST", "/media/upload/init", wish(os.urandom(16), "image/png"))),
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
        ("GET /account", lambda: ("GET", "/account")),
    ]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--document", type=Path, required=True)
    arguments.add_argument("--requests", type=int, default=200)
    given = arguments.parse_args()
    api = Api(os.environ["SMMU_API"], os.environ["SMMU_TOKEN"])
    measured = routes(api)
    # It leaves nothing to measure, so it is measured last.
    erase = "DELETE /account"
    paths = json.loads(given.document.read_text())["paths"]
    documented = {f"{method.upper()} {path}" for path, one in paths.items() for method in one}
    if documented != {name for name, _ in measured} | {erase}:
        sys.exit(f"not measured, or not there: {documented ^ ({name for name, _ in measured} | {erase})}")
    took = {name: [] for name, _ in measured} | {erase: []}
    for _ in range(given.requests):
        for name, request in measured:
            asked = request()
            answer, took_ms = api.call(*asked)
            took[name].append(took_ms)
            if name == "POST /media/{mediaId}/jobs":
                api.ask("POST", f"/jobs/{answer['jobId']}/cancel")
    for _ in range(given.requests):
        took[erase].append(api.call("DELETE", "/account")[1])
    report(took)


def report(took):
    """A line for each route: median and ninth decile in milliseconds, and the median beside /health's."""
    floor = statistics.median(took["GET /health"])
    print(f"{'route':44}{'p50 ms':>8}{'p90 ms':>8}{'more than /health':>20}{'ratio':>8}")
    for name, times in took.items():
        p50, p90 = statistics.median(times), statistics.quantiles(times, n=10)[-1]
        print(f"{name:44}{p50:8.1f}{p90:8.1f}{p50 - floor:20.1f}{p50 / floor:8.2f}")


if __name__ == "__main__":
    main()
