#!/usr/bin/env python3
"""Seconds from dropping a short file to its result on the local cloud, beside the work alone in the same run.

    smmu-local run [--parameter WorkerFunctions=disabled] -- bench/short.py --programs FOLDER --clips FOLDER

The time starts before the upload is requested, and ends when the result can be read: a photo's last rendition, a
clip's first playable rung and its end, a voice note's transcript. The work alone is the worker's program run on the
same file, without the cloud; the overhead is the rest. They run one at a time, in turn, so other load affects all.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from api import Api, upload_request
from measure import run

POLL_S = 0.1
TEXT = "Please bring milk, bread and apples. The train leaves at seven from the second platform. I will call you again."


def made(folder, name, *words):
    """A file that ffmpeg makes."""
    path = folder / name
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", *map(str, words), path], check=True)
    return path


def inputs(folder, clips):
    """The photo, the clip and the voice note. The clip is silent: with sound, it would also be transcribed."""
    clip = made(folder, "clip.mp4", "-i", clips / "1080p-24s.mp4", "-t", 15, "-c:v", "copy", "-an")
    photo = made(folder, "photo.jpg", "-i", clip, "-frames:v", 1, "-vf", "scale=4000:3000", "-q:v", 3)
    spoken = folder / "spoken.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "140", "-w", spoken, TEXT], check=True)
    note = made(folder, "note.m4a", "-stream_loop", -1, "-i", spoken, "-t", 20, "-c:a", "aac")
    return photo, clip, note


def drop(api, path, kind):
    """Uploads a file. Returns the seconds until each of its outputs could be read, and until the job had ended."""
    content = path.read_bytes()
    begun = time.monotonic()
    grant = api.ask("POST", "/media/upload/init", upload_request(content, kind))
    upload = grant["upload"]
    request = urllib.request.Request(upload["url"], content, upload["headers"], method=upload["method"])
    urllib.request.urlopen(request, timeout=60).close()
    job = api.ask("POST", "/media/upload/complete", {"mediaId": grant["mediaId"]})
    seen = {}
    while True:
        now = time.monotonic() - begun
        for output in job.get("outputs", []):
            if output["state"] == "ready":
                seen.setdefault(output["name"], now)
        if job["status"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(POLL_S)
        job = api.ask("GET", f"/jobs/{job['jobId']}")
    if job["status"] != "COMPLETED":
        raise SystemExit(f"the job failed: {job}")
    return seen, now


def alone(program, path, *options):
    """Seconds that a worker's program takes for a file."""
    with tempfile.TemporaryDirectory() as folder:
        return run([program, "file", *options, path, Path(folder, "out")]).wall_seconds


def line(name, times, work=None):
    """A row of the table: median, worst, and the overhead beside the work."""
    middle = statistics.median(times)
    p99 = statistics.quantiles(times, n=100, method="inclusive")[-1]
    beside = f"{work:9.2f} s{middle - work:9.2f} s" if work is not None else ""
    print(f"{name:44}{middle:7.2f} s{p99:7.2f} s{beside}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--programs", type=Path, required=True, help="folder of the workers' programs")
    arguments.add_argument("--clips", type=Path, required=True, help="folder that bench/clips.py has filled")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--photos", type=int, default=100)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(given, *inputs(Path(folder), given.clips))


def measure(given, photo, clip, note):
    """Drops the files, in turn, and prints the table."""
    api = Api(os.environ["SMMU_API"], os.environ["SMMU_TOKEN"])
    for path, kind in ((photo, "image/jpeg"), (clip, "video/mp4"), (note, "audio/mp4")):
        drop(api, path, kind)  # The first start of each function is not measured.
    photos = [drop(api, photo, "image/jpeg")[1] for _ in range(given.photos)]
    playable, clips, clip_works, texts, notes, note_works = [], [], [], [], [], []
    for _ in range(given.rounds):
        ready, ended = drop(api, clip, "video/mp4")
        playable.append(ready["master.m3u8"])
        clips.append(ended)
        clip_works.append(alone(given.programs / "smmu-transcode", clip))
        ready, ended = drop(api, note, "audio/mp4")
        texts.append(ready["transcript.json"])
        notes.append(ended)
        note_works.append(alone(given.programs / "smmu-transcribe", note))
    print(f"{'from drop to':44}{'p50':>9}{'p99':>9}{'work':>11}{'overhead':>11}")
    line(f"photo of 12 MP, completed ({given.photos})", photos)
    line(f"clip of 15 s, playable ({given.rounds})", playable)
    line("clip of 15 s, completed", clips, statistics.median(clip_works))
    line(f"voice note of 20 s, text ({given.rounds})", texts)
    line("voice note of 20 s, completed", notes, statistics.median(note_works))


if __name__ == "__main__":
    main()
