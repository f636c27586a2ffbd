#!/usr/bin/env python3
"""Renders photos alternately with our renderer, libvips and Pillow, and prints the ratio of ours to theirs.

Photos of 12 megapixels are also rendered from HEIC (peer: Pillow with pillow-heif, which uses libheif) and from JPEG XL
(peer: djxl, then Pillow); libvips' wheel opens neither.

    bench/images.py --render PROGRAM --inputs PROGRAM [--rounds N] [--check]

`--render` and `--inputs` are the examples `render` and `bench_inputs` of crates/media. The peers come from
bench/requirements.txt and run in this interpreter's environment, each image in its own process. User CPU
of a peer is counted after its imports; ours from the start of the process. Memory is the peak of the
process; "idle" is a Python interpreter with only the imports.

With --check the exit code is 1 if a target (docs/BENCHMARKS.md) is missed.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

from measure import run

HERE = Path(__file__).resolve().parent
LADDERS = {"1280": [1280, 640, 320, 160], "2048": [2048, 1280, 640, 320, 160]}
PEERS = ["vips", "pillow"]
# These two formats have other peers, and only smaller photos, because encoding them is slow.
PEERS_OF = {".heic": ["pillow"], ".jxl": ["djxl"]}
SMALL = "12mp"
FIRST_OUTPUT_RUNS = 5
CPU_TARGET = 0.80
MEMORY_TARGET = 1.0


def ours(render, source, ladder, folder):
    profile = folder.with_suffix(".json")
    profile.write_text(json.dumps({"ladder": LADDERS[ladder]}))
    done = run([render, source, folder, profile])
    return done.user_seconds, done.peak_mib


def first_output(render, source, work):
    """Milliseconds until the first output with the default profile, and until the last."""
    rows = []
    for number in range(FIRST_OUTPUT_RUNS):
        folder = work / f"{source.name}-first-{number}"
        done = run([render, source, folder])
        written = [done.until_written(path) * 1000 for path in folder.iterdir()]
        rows.append((min(written), max(written)))
    return map(statistics.median, zip(*rows, strict=True))


def peer(name, source, ladder, folder):
    folder.mkdir()
    edges = ",".join(map(str, LADDERS[ladder]))
    done = run([sys.executable, HERE / "peer.py", name, source, edges, folder])
    return json.loads(done.printed)["user_seconds"], done.peak_mib


def quality(reference, files):
    """PSNR in dB of images compared with a Lanczos reduction of the lossless original."""
    return json.loads(run([sys.executable, HERE / "peer.py", "psnr", reference, *files]).printed)


def measure(arguments, work, source, ladder):
    """Medians over the rounds of (seconds, MiB) per tool, and the PSNR of each tool's 640 pixel JPEG. Also the spread
    of the rounds' CPU ratios, relative to their median."""
    samples = {tool: [] for tool in ["ours", *peers_of(source)]}
    for number in range(arguments.rounds):
        for tool in samples:
            folder = work / f"{source.name}-{ladder}-{tool}-{number}"
            if tool == "ours":
                samples[tool].append(ours(arguments.render, source, ladder, folder))
            else:
                samples[tool].append(peer(tool, source, ladder, folder))
    medians = {tool: tuple(map(statistics.median, zip(*rows, strict=True))) for tool, rows in samples.items()}
    first = samples[peers_of(source)[0]]
    ratios = [one[0] / other[0] for one, other in zip(samples["ours"], first, strict=True)]
    spread = (max(ratios) - min(ratios)) / statistics.median(ratios)
    lossless = source.with_suffix(".png")
    files = [work / f"{source.name}-{ladder}-{tool}-0" / "jpeg-640.jpg" for tool in samples]
    return medians, dict(zip(samples, quality(lossless, files), strict=True)), spread


def peers_of(source):
    return PEERS_OF.get(source.suffix, PEERS)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--render", required=True, help="the example `render`")
    parser.add_argument("--inputs", required=True, help="the example `bench_inputs`")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="only inputs whose name contains this")
    parser.add_argument("--check", action="store_true", help="fail if a target is missed")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="smmu-bench-") as name:
        work = Path(name)
        inputs = work / "inputs"
        run([arguments.inputs, inputs])
        for lossless in sorted(inputs.glob("*.png")):
            run([sys.executable, HERE / "peer.py", "webp", lossless, lossless.with_suffix(".webp")])
            for suffix in PEERS_OF if lossless.stem == SMALL else []:
                run([sys.executable, HERE / "peer.py", suffix[1:], lossless, lossless.with_suffix(suffix)])
        idle = {tool: run([sys.executable, HERE / "peer.py", tool]).peak_mib for tool in PEERS}
        print("idle memory, MiB: " + ", ".join(f"{tool} {memory:.0f}" for tool, memory in idle.items()))
        print(
            "for each peer: its user CPU and memory, and ours as a ratio of each; "
            "spread: of the first ratio over the rounds"
        )
        missed = []
        for source in sorted(inputs.iterdir()):
            for ladder in LADDERS:
                if arguments.only not in source.name:
                    continue
                medians, psnr, spread = measure(arguments, work, source, ladder)
                seconds, memory = medians["ours"]
                row = f"{source.name:<10}{ladder:>5} | ours {seconds:6.2f} s {memory:3.0f} MiB"
                for tool in peers_of(source):
                    other_seconds, other_memory = medians[tool]
                    cpu, mem = seconds / other_seconds, memory / other_memory
                    row += (
                        f" | {tool} {other_seconds:6.2f} s {other_memory:3.0f} MiB, CPU {cpu:4.2f}, memory {mem:4.2f}"
                    )
                    if tool == "vips" and (cpu > CPU_TARGET or mem > MEMORY_TARGET):
                        missed.append(f"{source.name} to {ladder}: CPU {cpu:.2f}, memory {mem:.2f}")
                decibels = " / ".join(f"{value:.2f}" for value in psnr.values())
                print(f"{row} | PSNR {decibels} dB | spread {spread:.0%}", flush=True)
        for source in sorted(inputs.glob("*.jpg")):
            first, last = first_output(arguments.render, source, work)
            print(f"{source.name}: first output after {first:.0f} ms of {last:.0f}")
        print(f"targets against vips: CPU at most {CPU_TARGET:.2f}, memory at most {MEMORY_TARGET:.2f}")
        for line in missed:
            print(f"missed: {line}")
        return 1 if missed and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
