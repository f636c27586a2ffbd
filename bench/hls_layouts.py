"""Makes a minute of video with speech and captions in two layouts of HLS, with our own programs.

"Ours" is the unchanged output. "Usual" is the layout of ffmpeg's HLS muxer and many services: segments of 6 s from the
start, with the largest rung first. A wrapper script for ffmpeg that drops the options of early keyframes makes it.
"""

import re
import shutil
import subprocess
from pathlib import Path

import speech
import stand_in

SECONDS = 60
CAPTIONS = ("captions.m3u8", "captions.vtt")
WITHOUT_EARLY_KEYFRAMES = """#!/bin/sh
for word; do
    shift
    if [ "$word" = -force_key_frames ] || [ "$word" = -x264-params ]; then skipped=1
    elif [ -n "$skipped" ]; then skipped=
    else set -- "$@" "$word"
    fi
done
exec {fence} "$@"
"""


def called(*command):
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)


def with_speech(clip, work):
    """The picture of a clip with synthetic speech."""
    said = speech.machine(work)
    said.samples = said.samples[: SECONDS * speech.RATE]
    spoken = work / "spoken.mp4"
    tracks = ("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-b:a", "128k", "-ar", 48_000)
    called("ffmpeg", "-nostdin", "-v", "error", "-i", clip, "-i", said.write(work), *tracks, "-t", SECONDS, spoken)
    return spoken


def made(program, clip, out):
    called(program, "file", clip, out)
    return out


def usual(transcode, clip, work):
    program = stand_in.with_fence(transcode, work / "programs", WITHOUT_EARLY_KEYFRAMES)
    out = made(program, clip, work / "usual")
    master = out / "master.m3u8"
    master.write_text(largest_first(master.read_text()))
    return out


def largest_first(master):
    """A master playlist with its variants ordered by descending bandwidth."""
    head, *variants = re.split(r"^(?=#EXT-X-STREAM-INF:)", master, flags=re.MULTILINE)
    # The text after the last variant belongs to no variant.
    last = re.match(r".*\n.*\n", variants[-1])[0]
    tail = variants[-1][len(last) :]
    variants[-1] = last
    variants.sort(key=lambda variant: -int(re.search(r"[:,]BANDWIDTH=(\d+)", variant)[1]))
    return head + "".join(variants) + tail


def captioned(folders, transcribe, joiner, clip, work):
    """Adds the captions of the clip to layouts."""
    heard = made(transcribe, clip, work / "heard-words")
    for folder in folders:
        for name in CAPTIONS:
            shutil.copy(heard / name, folder)
        called(joiner, folder / "master.m3u8", "English", "en")
    return (heard / "captions.vtt").read_text()


def track_files(folder):
    """The rungs, the largest first, and the sound."""
    rungs = sorted(Path(folder).glob("video-*p.mp4"), key=lambda path: -int(re.search(r"(\d+)p\.mp4$", path.name)[1]))
    return [*rungs, Path(folder) / "audio.mp4"]
