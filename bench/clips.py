"""Makes the clips of bench/av.py: `clips.py FOLDER`. Minutes of CPU, once; an existing clip is left alone.

There are no free clips of a phone at hand that everybody could fetch, so they are made: a picture with
detail of every size (noise in octaves, which is how detail is spread in photographs), a smooth sky and hard
edges, looked at by an unsteady hand, with the noise of a sensor, coded as a phone codes it.
"""

import subprocess
import sys
from pathlib import Path

# Edge of the smallest octave's cells, and how much each finer one has of the sum.
OCTAVES = [(160, 0), (80, 0.4), (40, 0.3), (20, 0.25), (10, 0.2), (5, 0.12), (2, 0.08), (1, 0.03)]
STILL = (2560, 1440)
SOUND = "anoisesrc=color=pink:amplitude=0.2:seed=1:sample_rate=48000,tremolo=f=0.5:d=0.8"

# Name, width and height, seconds, rate in kb/s.
CLIPS = [
    ("1080p-24s.mp4", (1920, 1080), 24, 8000),
    ("720p-portrait-24s.mp4", (720, 1280), 24, 4000),
    ("1080p-60s.mp4", (1920, 1080), 60, 8000),
]


def ffmpeg(*words):
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y", *map(str, words)]
    subprocess.run(command, check=True)


def still(path):
    """One large picture with detail of every size."""
    width, height = STILL
    inputs, graph = [], []
    for number, (cell, share) in enumerate(OCTAVES):
        size = f"{-(-width // cell)}x{-(-height // cell)}"
        inputs += ["-f", "lavfi", "-i", f"color=gray:size={size},format=gbrp,noise=alls=100:all_seed={number + 5}"]
        graph.append(f"[{number}]scale={width}:{height}:flags=bicubic[octave{number}]")
        if number:
            below = f"sum{number - 1}" if number > 1 else "octave0"
            blended = f"blend=all_expr=A*{1 - share}+B*{share}"
            graph.append(f"[{below}][octave{number}]{blended}[sum{number}]")
    sky_size = f"{width}x{height * 2 // 5}"
    sky = f"gradients=size={sky_size}:nb_colors=2:c0=0x4a78b8:c1=0xc8d8e8:x0=0:y0=0:x1=0:y1={height}:seed=1"
    inputs += ["-f", "lavfi", "-i", sky]
    boxes = [
        f"drawbox=x={x}:y={y}:w=130:h={height - y}:color={colour}:t=fill"
        for x, y, colour in [(500, 430, "0x6b5a4c"), (1200, 380, "0x39424e"), (1900, 470, "0x8a7a66")]
    ]
    last = len(OCTAVES) - 1
    graph.append(
        f"[sum{last}]eq=contrast=1.8:saturation=0.8[ground];[ground][{len(OCTAVES)}]overlay,{','.join(boxes)}[still]"
    )
    ffmpeg(*inputs, "-filter_complex", ";".join(graph), "-map", "[still]", "-frames:v", 1, path)


def clip(source, path, size, seconds, kbps):
    """A walk over the picture with an unsteady hand."""
    width, height = size
    right, down = STILL[0] - width, STILL[1] - height
    x = f"{right / 2}+{right / 2 - 8}*sin(t/3)+6*sin(9*t)"
    y = f"{down / 2}+{down / 2 - 8}*sin(t/2)+6*cos(11*t)"
    picture = f"loop=loop=-1:size=1,settb=1/30,setpts=N,fps=30,crop={width}:{height}:x='{x}':y='{y}'"
    graph = f"[0]{picture},noise=c0s=5:c0f=t:all_seed=2,format=yuv420p[picture]"
    making = path.with_suffix(".making.mp4")
    ffmpeg(
        *("-i", source, "-f", "lavfi", "-i", SOUND, "-filter_complex", graph, "-map", "[picture]", "-map", "1:a"),
        *("-t", seconds, "-r", 30, "-c:v", "libx264", "-preset", "veryfast", "-g", 30),
        *("-b:v", f"{kbps}k", "-maxrate", f"{kbps * 3 // 2}k", "-bufsize", f"{kbps * 2}k"),
        *("-c:a", "aac", "-b:a", "160k", "-ac", 2, "-movflags", "+faststart", making),
    )
    making.rename(path)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    missing = [entry for entry in CLIPS if not (folder / entry[0]).exists()]
    if not missing:
        return
    picture = folder / "still.png"
    still(picture)
    for name, size, seconds, kbps in missing:
        print(f"making {name}", flush=True)
        clip(picture, folder / name, size, seconds, kbps)
    picture.unlink()


if __name__ == "__main__":
    main()
