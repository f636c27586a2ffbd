#!/usr/bin/env python3
"""Transcribes speech alternately with our engine and with faster-whisper, and prints the ratio.

    bench/speech.py --hear PROGRAM --judge PROGRAM --model FOLDER [--media FOLDER] [--rounds N] [--hour] [--check]

`--hear` and `--judge` are the examples of crates/speech; `--model` is a folder made by tools/speech-models.sh. The
peer (bench/requirements-speech.txt) runs in this interpreter's environment with the same folder: 8 bits, two
threads, voice detection on, and the fastest options that lose no words. Each decodes the same files: recordings of
people from `--media` if given, and sentences spoken by espeak-ng at known times.

Wall time is that of the files only and, "with load", that of the process without the peer's imports. User CPU, without
the imports, and memory include all child processes. With --check the exit code is 1 if a target (docs/BENCHMARKS.md) is
missed.
"""

import argparse
import array
import json
import re
import statistics
import subprocess
import sys
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

from measure import run

HERE = Path(__file__).resolve().parent
RATE = 16_000
# Recordings of people are repeated until they last this long.
PEOPLE_SECONDS = 150
HOUR_SECONDS = 3600
WALL_TARGETS = {1: 0.75, 5: 0.90}
WER_TOLERANCE = 0.01
COLUMNS = {"wall": 8, "with load": 11, "CPU": 9, "memory": 11}
JFK = "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
SENTENCES = [
    "The weather was cold and wet this morning, but the sun came out in the afternoon.",
    "Please remember to bring the books back to the library before the end of the week.",
    "My brother works in a large hospital in the middle of the city.",
    "We are going to travel by train because it is cheaper than flying.",
    "She opened the window and listened to the birds in the garden.",
    "The meeting will start at nine, and everybody should be there on time.",
    "There is a small shop on the corner where they sell bread and fresh fruit.",
    "He has worked on this problem for three years, and now he knows the answer.",
]


@dataclass
class Sound:
    """Mono samples, their text, and the start of each sentence in seconds."""

    name: str
    samples: array.array
    text: str
    starts: list

    def write(self, folder):
        path = folder / f"{self.name}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes(self.samples.tobytes())
        return path

    @property
    def seconds(self):
        return len(self.samples) / RATE


@dataclass
class Cost:
    """Cost of one run over one file."""

    wall_seconds: float
    loaded_seconds: float
    user_seconds: float
    peak_mib: float


def samples_of(path):
    """The samples of a file, mixed down to mono."""
    command = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", path, "-ar", RATE, "-ac", 1, "-f", "s16le", "-"]
    return array.array("h", subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=True).stdout)


def silence(seconds):
    return array.array("h", bytes(2 * int(seconds * RATE)))


def recordings(media):
    """Recordings of people, with their text."""
    yield media / "jfk.wav", JFK
    books = media / "librivox"
    for line in (books / "transcription.txt").read_text().splitlines():
        name, text = line.split(maxsplit=1)
        yield books / f"{name}.wav", text


def people(media):
    samples, texts = silence(1), []
    clips = [(samples_of(path), text) for path, text in recordings(media)]
    while len(samples) < PEOPLE_SECONDS * RATE:
        for clip, text in clips:
            samples += clip + silence(1.2)
            texts.append(text)
    return Sound("people", samples, " ".join(texts), [])


def machine(work):
    """Synthetic speech of sentences, with pauses of several lengths between them."""
    samples, starts = silence(2), []
    path = work / "said.wav"
    for number, sentence in enumerate(SENTENCES * 3):
        subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "-w", path, sentence], check=True)
        said = samples_of(path)
        # Leading and trailing silence does not belong to the sentence.
        loud = [at for at, sample in enumerate(said) if abs(sample) > 300]
        starts.append(len(samples) / RATE)
        samples += said[loud[0] : loud[-1]] + silence((0.8, 2.3, 1.4, 3.1, 1.0)[number % 5])
    return Sound("machine", samples, " ".join(SENTENCES * 3), starts)


def hour(sound):
    samples = array.array("h")
    while len(samples) < HOUR_SECONDS * RATE:
        samples += sound.samples
    return Sound("hour", samples[: HOUR_SECONDS * RATE], "", [])


class Ours:
    def __init__(self, arguments):
        self.hear, self.model = arguments.hear, arguments.model

    def transcribe(self, file, beam, folder):
        done = run([self.hear, self.model, json.dumps({"language": "en", "beamSize": beam}), folder, file])
        line = json.loads(done.printed)
        cost = Cost(line["wallSeconds"], done.wall_seconds, done.user_seconds, done.tree_peak_mib)
        text = (folder / "0" / "transcript.txt").read_text()
        captions = folder / "0" / "captions.vtt"
        return cost, text, cue_starts(captions.read_text()) if captions.exists() else []


class Peer:
    """faster-whisper, with or without word timestamps, which ours always has."""

    def __init__(self, model, words):
        self.model, self.words = model, words

    def transcribe(self, file, beam, _folder):
        # -P: otherwise Python would import our av.py instead of the package of that name.
        done = run([sys.executable, "-P", HERE / "whisper_peer.py", self.model, beam, int(self.words), file])
        line = json.loads(done.printed)
        wall = line["wallSeconds"]
        cost = Cost(wall, wall + line["loadSeconds"], line["userSeconds"], done.tree_peak_mib)
        return cost, line["text"], line["cues"]


def cue_starts(vtt):
    """Start times of the cues of a WebVTT file, in seconds."""
    found = re.findall(r"^(?:(\d+):)?(\d+):(\d+\.\d+) -->", vtt, re.MULTILINE)
    return [int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds) for hours, minutes, seconds in found]


def cue_error(cues, truths):
    """Median distance from the start of a sentence to that of the nearest cue, in seconds."""
    return statistics.median(min(abs(cue - truth) for cue in cues) for truth in truths)


def median(costs):
    return Cost(*(statistics.median(column) for column in zip(*(vars(cost).values() for cost in costs), strict=True)))


def wrong_words(judge, sound, texts, work):
    """Word error rate of each text."""
    said = work / "said.txt"
    said.write_text(sound.text)
    files = []
    for number, text in enumerate(texts):
        files.append(work / f"heard-{number}.txt")
        files[-1].write_text(text)
    return [errors / words for errors, words in json.loads(run([judge, said, *files]).printed)]


def compare(arguments, tools, sound, beam, work):
    """Prints one table and returns the missed targets."""
    file = sound.write(work)
    costs, heard = {tool: [] for tool in tools}, {}
    for number in range(arguments.rounds):
        for name, tool in tools.items():
            folder = work / f"{sound.name}-{beam}-{name}-{number}".replace(" ", "-")
            cost, *heard[name] = tool.transcribe(file, beam, folder)
            costs[name].append(cost)
    texts = [text for text, _ in heard.values()]
    rates = dict(zip(tools, wrong_words(arguments.judge, sound, texts, work), strict=True))
    medians = {name: median(found) for name, found in costs.items()}
    own = medians["ours"]
    print(f"\n{sound.name}, {sound.seconds:.0f} s, beam {beam}, {arguments.rounds} rounds")
    columns = "".join(f"{name:>{width}}{'ratio':>7}" for name, width in COLUMNS.items())
    print(f"{'':<28}{columns}{'WER':>8}{'cues':>9}")
    for name, cost in medians.items():
        ratios = [mine / other for mine, other in zip(vars(own).values(), vars(cost).values(), strict=True)]
        cues = f"{cue_error(heard[name][1], sound.starts) * 1000:6.0f} ms" if sound.starts else ""
        print(
            f"{name:<28}{cost.wall_seconds:6.2f} s{ratios[0]:7.2f}{cost.loaded_seconds:9.2f} s{ratios[1]:7.2f}"
            f"{cost.user_seconds:7.2f} s{ratios[2]:7.2f}{cost.peak_mib:7.0f} MiB{ratios[3]:7.2f}"
            f"{rates[name]:8.1%}{cues:>9}",
            flush=True,
        )
    return missed(sound, beam, medians, rates)


def missed(sound, beam, medians, rates):
    own, peer = medians["ours"], medians["faster-whisper"]
    found = {
        f"wall {own.wall_seconds / peer.wall_seconds:.2f}": own.wall_seconds > WALL_TARGETS[beam] * peer.wall_seconds,
        f"CPU {own.user_seconds / peer.user_seconds:.2f}": own.user_seconds > peer.user_seconds,
        f"memory {own.peak_mib / peer.peak_mib:.2f}": own.peak_mib > peer.peak_mib,
        f"WER {rates['ours']:.1%}": rates["ours"] > rates["faster-whisper"] + WER_TOLERANCE,
    }
    return [f"{sound.name}, beam {beam}: {what}" for what, is_missed in found.items() if is_missed]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hear", required=True, help="the example `hear`")
    parser.add_argument("--judge", required=True, help="the example `judge`")
    parser.add_argument("--model", required=True, type=Path, help="a model's folder")
    parser.add_argument("--media", type=Path, help="a folder with jfk.wav and librivox/")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hour", action="store_true", help="one more run of ours over an hour, for its memory")
    parser.add_argument("--check", action="store_true", help="fail if a target is missed")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="smmu-bench-") as name:
        work = Path(name)
        tools = {
            "ours": Ours(arguments),
            "faster-whisper": Peer(arguments.model, words=False),
            "faster-whisper, word times": Peer(arguments.model, words=True),
        }
        sounds = [machine(work)]
        if arguments.media:
            sounds.insert(0, people(arguments.media))
        else:
            print("no recordings of people: --media is not given")
        lines = []
        for sound in sounds:
            for beam in WALL_TARGETS:
                lines += compare(arguments, tools, sound, beam, work)
        if arguments.hour:
            cost, *_ = tools["ours"].transcribe(hour(sounds[0]).write(work), 1, work / "hour")
            print(f"\nan hour: {cost.wall_seconds:.0f} s, {cost.user_seconds:.0f} s of CPU, {cost.peak_mib:.0f} MiB")
        walls = ", ".join(f"{target:.2f} at beam {beam}" for beam, target in WALL_TARGETS.items())
        print(f"targets: wall at most {walls}; CPU and memory at most 1.00; WER within {WER_TOLERANCE:.0%}")
        for line in lines:
            print(f"missed: {line}")
        return 1 if lines and arguments.check else 0


if __name__ == "__main__":
    sys.exit(main())
