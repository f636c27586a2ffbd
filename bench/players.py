"""Waiting times of viewers on slow lines: `players.py --programs FOLDER --clips FOLDER --modules FOLDER`.

A minute of 1080p with speech is made twice (hls_layouts.py), in our and in the usual layout, and played by
bench/players/play.mjs over slow lines. Then mpv, VLC and GStreamer play every output of that minute, and of its sound
as an audio file, to the end. With --check the exit code is 1 if a target (docs/BENCHMARKS.md) is missed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import hls_bytes
import hls_layouts
import native_players
import viewing

CLIP = "1080p-60s.mp4"
# Maximum size of all segments, relative to the usual layout.
LARGER = 1.02


def watched(modules, usual, ours):
    script = Path(__file__).parent.resolve() / "players" / "play.mjs"
    command = ["node", script, f"usual={usual}", f"ours={ours}"]
    return json.loads(subprocess.run(command, cwd=modules, check=True, stdout=subprocess.PIPE).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--programs", type=Path, required=True, help="smmu-transcode, smmu-transcribe, smmu-fence, examples"
    )
    parser.add_argument("--clips", type=Path, required=True, help="the folder that clips.py wrote")
    parser.add_argument(
        "--modules", type=Path, required=True, help="where bench/players/package-lock.json is installed"
    )
    parser.add_argument("--check", action="store_true", help="fail if a target is missed")
    arguments = parser.parse_args()
    transcode = arguments.programs / "smmu-transcode"
    with tempfile.TemporaryDirectory(prefix="smmu-bench-") as name:
        work = Path(name)
        clip = hls_layouts.with_speech(arguments.clips / CLIP, work)
        ours = hls_layouts.made(transcode, clip, work / "ours")
        usual = hls_layouts.usual(transcode, clip, work)
        transcribe, joiner = (arguments.programs / name for name in ("smmu-transcribe", "examples/with_captions"))
        cues = viewing.cues(hls_layouts.captioned([ours, usual], transcribe, joiner, clip, work))
        sizes = hls_bytes.compared(ours, usual)
        seen = watched(arguments.modules, usual, ours)
        heard = hls_layouts.made(transcode, work / "machine.wav", work / "heard")
        played = [*native_players.play_all(ours), *native_players.play_all(heard)]
    for rows in (viewing.start_rows(seen, cues), viewing.change_rows(seen), hls_bytes.rows(sizes)):
        print("\n".join(rows), end="\n\n")
    larger = hls_bytes.ratio(sizes)
    print(f"Segments of all rungs and the sound: {larger:.4f} of the usual layout's bytes")
    print(f"Played to the end by mpv, VLC and GStreamer: {sum(not wrong for *_, wrong in played)} of {len(played)}")
    missed = [*viewing.misses(seen, cues), *([f"segments are {larger:.4f} as large"] if larger > LARGER else [])]
    missed += [f"{player} of {name}: {wrong}" for player, name, wrong in played if wrong]
    for line in missed:
        print(f"target missed: {line}")
    return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
