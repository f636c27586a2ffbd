"""How long a viewer on a slow line waits: `players.py --transcode PROGRAM --clips FOLDER --modules FOLDER`.

A minute of 1080p is made twice by our own program: as it is, and in the layout that ffmpeg's HLS muxer and many
services have: segments of 6 s from the start, the largest rung first. The second is made by an `ffmpeg` in front of the
real one that drops the option of early keyframes. Both are played by bench/players/play.mjs. A row's ratio is ours
to the other's; with --check the exit code is 1 where a target (docs/BENCHMARKS.md) is missed.

Then mpv, VLC and GStreamer play every output of that minute, and of its sound alone, to the end.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import native_players

CLIP = "1080p-60s.mp4"
# Seconds to the first frame with hls.js, by the line in kb/s; and how much larger all segments may be.
TARGETS = {800: 2.0, 1500: 1.2, 4000: 0.8}
LARGER = 1.02
WITHOUT_EARLY_KEYFRAMES = """#!/bin/sh
for word; do
    shift
    if [ "$word" = -force_key_frames ]; then skipped=1
    elif [ -n "$skipped" ]; then skipped=
    else set -- "$@" "$word"
    fi
done
exec %s "$@"
"""


def made(transcode, clip, out, path=None):
    environment = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"} if path else None
    subprocess.run([transcode, "file", clip, out], check=True, env=environment, stdout=subprocess.DEVNULL)
    return out


def usual(transcode, clip, folder):
    """The usual layout, in a folder."""
    programs = folder / "programs"
    programs.mkdir()
    stand_in = programs / "ffmpeg"
    stand_in.write_text(WITHOUT_EARLY_KEYFRAMES % shutil.which("ffmpeg"))
    stand_in.chmod(0o755)
    out = made(transcode, clip, folder / "usual", programs)
    master = out / "master.m3u8"
    variants = re.findall(r"#EXT-X-STREAM-INF:BANDWIDTH=(\d+).*\n.*\n", master.read_text())
    lines = [match[0] for match in re.finditer(r"#EXT-X-STREAM-INF:.*\n.*\n", master.read_text())]
    ordered = [line for _, line in sorted(zip(map(int, variants), lines, strict=True), reverse=True)]
    head = master.read_text().split("#EXT-X-STREAM-INF", 1)[0]
    master.write_text(head + "".join(ordered))
    return out


def segment_bytes(folder):
    """Of all rungs and the sound."""
    tracks = [*folder.glob("video-*.mp4"), folder / "audio.mp4"]
    return sum(track.stat().st_size for track in tracks)


def seconds(value):
    return "never" if value is None else f"{value:.2f} s"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--transcode", type=Path, required=True)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--modules", type=Path, required=True)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    missed = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = arguments.clips / CLIP
        ours = made(arguments.transcode, clip, folder / "ours")
        other = usual(arguments.transcode, clip, folder)
        larger = segment_bytes(ours) / segment_bytes(other)
        script = Path(__file__).parent.resolve() / "players" / "play.mjs"
        command = ["node", script, f"usual={other}", f"ours={ours}"]
        rows = json.loads(subprocess.run(command, cwd=arguments.modules, check=True, stdout=subprocess.PIPE).stdout)
        sound = folder / "sound.wav"
        subprocess.run(["ffmpeg", "-v", "error", "-i", clip, "-vn", sound], check=True)
        heard = made(arguments.transcode, sound, folder / "heard")
        played = [*native_players.play_all(ours), *native_players.play_all(heard)]
    print("| player | line | layout | first frame | stalls in 12 s | height, first and then | jump to nine tenths |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        heights = f"{row['startHeight']}, {row['endHeight']}"
        waits = f"{seconds(row['firstS'])} | {row['stalls']} | {heights} | {seconds(row['jumpS'])}"
        print(f"| {row['player']} | {row['kbps'] / 1000} Mb/s | {row['layout']} | {waits} |")
        if row["layout"] == "ours" and row["player"] == "hls.js":
            within = row["firstS"] is not None and row["firstS"] <= TARGETS[row["kbps"]]
            if not within or row["stalls"]:
                missed.append(f"{row['kbps']} kb/s: {seconds(row['firstS'])}, {row['stalls']} stalls")
    print(f"\nSegments of all rungs: {larger:.4f} of the usual layout's bytes")
    if larger > LARGER:
        missed.append(f"segments are {larger:.4f} as large")
    print(f"Played to the end by mpv, VLC and GStreamer: {sum(not wrong for *_, wrong in played)} of {len(played)}")
    missed += [f"{player} of {name}: {wrong}" for player, name, wrong in played if wrong]
    for line in missed:
        print(f"target missed: {line}")
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
