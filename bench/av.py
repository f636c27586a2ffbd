#!/usr/bin/env python3
"""Transcodes clips alternately with smmu-transcode and with one ffmpeg run per output, and prints the ratio.

    bench/av.py --transcode PROGRAM --clips FOLDER --samples FOLDER [--rounds N] [--check]

`--clips` is the output of clips.py, `--samples` that of tools/av-samples.sh. The peer's settings are read from
our own command lines (lines.py). It encodes the progressive download separately, as a simple script does;
"copy" is the same peer with the download copied from the top rung, as in our program.

User CPU, wall time and memory include all child processes. With --check the exit code is 1
if a target (docs/BENCHMARKS.md) is missed.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import lines
import stand_in
from measure import Run, run

COMPARED = ["1080p-24s.mp4", "720p-portrait-24s.mp4"]
MINUTE = "1080p-60s.mp4"
QUIET = "audio-quiet-cover.mp3"
DOWNLOAD = "video.mp4"
CPU_TARGET = 0.75
SSIM_TOLERANCE = 0.005
# Number of frames of each rung compared with the source.
SSIM_FRAMES = 240

# Records the command line and the times of each run in a file.
RECORDER = """#!/bin/sh
begun=$({date} +%s.%N)
{fence} "$@"
code=$?
echo "$begun $({date} +%s.%N) $*" >{records}/$$
exit $code
"""


@dataclass
class Cost:
    """Cost of one way to make all outputs."""

    user_seconds: float
    wall_seconds: float
    tree_peak_mib: float


@dataclass
class Ours:
    run: Run
    cost: Cost
    # Command lines of ffmpeg, ordered by start.
    lines: list
    # Time during which at least one ffmpeg ran.
    ffmpeg_seconds: float


def recorded(folder):
    """The command lines of ffmpeg, in order, and the seconds during which at least one ran."""
    rows = sorted((path.read_text().split() for path in folder.iterdir()), key=lambda row: float(row[0]))
    found, busy, until = [], 0.0, 0.0
    for begun, ended, *words in rows:
        program, line = stand_in.called(words) or (None, None)
        if program != "ffmpeg":
            continue
        found.append(line)
        busy += max(0.0, float(ended) - max(float(begun), until))
        until = max(until, float(ended))
    return found, busy


def ours(transcode, source, folder):
    """Transcodes a file with our program into a folder."""
    with tempfile.TemporaryDirectory(prefix="smmu-bench-") as name:
        records = Path(name) / "records"
        records.mkdir()
        places = {"date": shutil.which("date"), "records": records}
        program = stand_in.with_fence(transcode, Path(name) / "bin", RECORDER, **places)
        done = run([program, "file", source, folder])
        words, busy = recorded(records)
    return Ours(done, Cost(done.user_seconds, done.wall_seconds, done.tree_peak_mib), words, busy)


def plan_of_peer(recorded_lines):
    """One run per output, and the run that copies the download, both derived from our own command lines."""
    single, copying, rung, sound = [], None, None, None
    for line in map(lines.parsed, recorded_lines):
        names = [lines.file_name(output[-1]) for output in line.outputs]
        if names == [DOWNLOAD]:
            copying = line
            continue
        for number, name in enumerate(names):
            single.append(line.only(number))
            # The first rung is the largest one.
            if rung is None and re.fullmatch(r"video-\d+p\.\w+", name):
                rung = line, number
            if sound is None and re.fullmatch(r"audio\.\w+", name):
                sound = line, number
    if copying is None or rung is None:
        sys.exit("our command lines have changed: no download, or no rung, is among them")
    return single, copying, encoding_download(rung, sound)


def encoding_download(rung, sound):
    """A run that encodes the download too: the top rung and the sound in one file."""
    line, number = rung
    coding = lines.without_container(line.outputs[number])
    if sound:
        if sound[0] is not line:
            sys.exit("our command lines have changed: sound and rungs come from different runs")
        coding += lines.without_container(line.outputs[sound[1]])
    single = line.only(number)
    return lines.Line(
        single.head, single.graph, [[*coding, "-f", "mp4", "-movflags", "+faststart", f"file:{DOWNLOAD}"]]
    )


def peer(plan, source, folder):
    """Runs ffmpeg once per output. Returns the cost with the download encoded, and with it copied."""
    single, copying, encoding = plan
    folder.mkdir()
    (folder / "source").symlink_to(source)

    def cost(line):
        # Progress and measurements on pipes are ignored: they are for our program.
        done = run(["ffmpeg", *line.words()], cwd=folder)
        return Cost(done.user_seconds, done.wall_seconds, done.tree_peak_mib)

    common = [cost(line) for line in single]
    return total([*common, cost(encoding)]), total([*common, cost(copying)])


def total(costs):
    return Cost(
        sum(cost.user_seconds for cost in costs),
        sum(cost.wall_seconds for cost in costs),
        max(cost.tree_peak_mib for cost in costs),
    )


def median(costs):
    fields = ("user_seconds", "wall_seconds", "tree_peak_mib")
    return Cost(*(statistics.median(getattr(cost, field) for cost in costs) for field in fields))


def stderr_of(*words):
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-nostats", *map(str, words), "-f", "null", "-"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")
    return done.stderr


def ssim(rung, source):
    """SSIM of the first frames of a rung compared with the source at the rung's size."""
    # Compares frame by frame, independent of timestamps.
    counted = "settb=1/90000,setpts=N"
    scaled = "[1:v][0:v]scale2ref=flags=bicubic[wanted][made]"
    graph = f"{scaled};[made]{counted}[a];[wanted]{counted}[b];[a][b]ssim"
    said = stderr_of("-i", rung, "-i", source, "-lavfi", graph, "-frames:v", SSIM_FRAMES)
    return float(re.search(r"SSIM.* All:([\d.]+)", said)[1])


def loudness(path):
    """Integrated loudness in LUFS and true peak in dBTP."""
    summary = stderr_of("-i", path, "-map", "0:a:0", "-af", "ebur128=peak=true:framelog=verbose").rsplit("Summary:", 1)[
        1
    ]
    return tuple(float(re.search(rf"{name}:\s+(\S+)", summary)[1]) for name in ("I", "Peak"))


def compare(arguments, work, name):
    """Compares our program with its peer on one clip. Prints a table and returns the missed targets."""
    source = (arguments.clips / name).resolve()
    rows = {"ours": [], "one run per output": [], "the same, copy": []}
    for number in range(arguments.rounds):
        mine = ours(arguments.transcode, source, work / f"{name}-ours-{number}")
        encoded, copied = peer(plan_of_peer(mine.lines), source, work / f"{name}-peer-{number}")
        for row, cost in zip(rows.values(), (mine.cost, encoded, copied), strict=True):
            row.append(cost)
    costs = {row: median(found) for row, found in rows.items()}
    own = costs["ours"]
    print(f"\n{name}, {arguments.rounds} rounds")
    print(f"{'':<20}{'user CPU':>10}{'ratio':>7}{'wall':>10}{'ratio':>7}{'memory':>11}{'ratio':>7}")
    for row, cost in costs.items():
        print(
            f"{row:<20}{cost.user_seconds:8.1f} s{own.user_seconds / cost.user_seconds:7.2f}"
            f"{cost.wall_seconds:8.1f} s{own.wall_seconds / cost.wall_seconds:7.2f}"
            f"{cost.tree_peak_mib:7.0f} MiB{own.tree_peak_mib / cost.tree_peak_mib:7.2f}"
        )
    ratio = own.user_seconds / costs["one run per output"].user_seconds
    missed = [f"{name}: CPU {ratio:.2f}"] if ratio > CPU_TARGET else []
    return missed + compare_quality(source, work / f"{name}-ours-0", work / f"{name}-peer-0")


def compare_quality(source, ours_folder, peer_folder):
    missed = []
    for rung in sorted(ours_folder.glob("video-*.mp4")):
        mine, theirs = ssim(rung, source), ssim(peer_folder / rung.name, source)
        print(f"SSIM {rung.name:<20} ours {mine:.4f}, peer {theirs:.4f}")
        if abs(mine - theirs) > SSIM_TOLERANCE:
            missed.append(f"{rung.name} of {source.name}: SSIM {mine:.4f} against {theirs:.4f}")
    if not list(ours_folder.glob("video-*.mp4")):
        sys.exit("our outputs have changed: there is no rung among them")
    return missed


def minute(arguments, work):
    """Measures one minute of 1080p, and the share of ffmpeg's own time."""
    done = ours(arguments.transcode, (arguments.clips / MINUTE).resolve(), work / "minute")
    print(f"\n{MINUTE}: {done.cost.user_seconds:.1f} s of user CPU, {done.cost.wall_seconds:.1f} s,", end=" ")
    print(f"{done.cost.tree_peak_mib:.0f} MiB at most; {len(done.lines)} runs of ffmpeg")
    print(f"whole time / time in which ffmpeg ran: {done.cost.wall_seconds / done.ffmpeg_seconds:.3f}")
    first, playable, before = ready(done.run, work / "minute")
    print(f"first output after {first:.1f} s; first rung playable after {playable:.1f} s,", end=" ")
    print(f"{before / 2**20:.1f} MiB of tracks published until then")


def ready(done, folder):
    """Seconds until the first output and until the players' first rung could be played with its sound, and the
    bytes of those two tracks, which are published before all others."""
    first = min(done.until_written(path) for path in folder.iterdir())
    listed = (folder / "master.m3u8").read_text().splitlines()
    rung = next(line for line in listed if line and not line.startswith("#"))
    # A playlist is written when its track is complete.
    playlists = [folder / rung, folder / "audio.m3u8"]
    tracks = sum(path.with_suffix(".mp4").stat().st_size for path in playlists)
    return first, max(map(done.until_written, playlists)), tracks


def quiet_recording(arguments, work):
    source = (arguments.samples / QUIET).resolve()
    folder = work / "quiet"
    ours(arguments.transcode, source, folder)
    gain = json.loads((folder / "manifest.json").read_text())["av"]["loudness"]["gainDb"]
    print(f"\n{QUIET}, gain {gain:.1f} dB")
    for path in [source, folder / "audio.m4a", folder / "audio.opus"]:
        integrated, peak = loudness(path)
        print(f"{path.name:<26}{integrated:7.1f} LUFS{peak:7.1f} dBTP")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transcode", type=Path, required=True, help="smmu-transcode, built with optimisation")
    parser.add_argument("--clips", type=Path, required=True, help="the folder that clips.py wrote")
    parser.add_argument("--samples", type=Path, required=True, help="the folder that tools/av-samples.sh wrote")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--check", action="store_true", help="fail if a target is missed")
    arguments = parser.parse_args()
    missed = []
    with tempfile.TemporaryDirectory(prefix="smmu-bench-") as name:
        work = Path(name)
        for clip in COMPARED:
            missed += compare(arguments, work, clip)
        minute(arguments, work)
        quiet_recording(arguments, work)
    print(f"\ntargets: CPU at most {CPU_TARGET:.2f} of one run per output, SSIM equal within {SSIM_TOLERANCE}")
    for line in missed:
        print(f"missed: {line}")
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
