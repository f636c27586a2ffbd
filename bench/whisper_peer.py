#!/usr/bin/env python3
"""Transcribes files with faster-whisper and prints one line of JSON about each; for speech.py.

    bench/whisper_peer.py MODEL BEAM WORDS FILE...

MODEL is a folder with tokenizer.json in it; WORDS is 1 for word timestamps, else 0.
"""

import json
import os
import sys
import time

from faster_whisper import WhisperModel

THREADS = 2


def main():
    model_dir, beam, words, *files = sys.argv[1:]
    begun, user_begun = time.monotonic(), os.times().user
    model = WhisperModel(model_dir, device="cpu", compute_type="int8", cpu_threads=THREADS, local_files_only=True)
    load_seconds = time.monotonic() - begun
    for file in files:
        begun = time.monotonic()
        found, _ = model.transcribe(
            file, beam_size=int(beam), word_timestamps=words == "1", vad_filter=True, condition_on_previous_text=False
        )
        segments = list(found)
        line = {
            "file": file,
            "loadSeconds": load_seconds,
            "wallSeconds": time.monotonic() - begun,
            # Without the imports of the interpreter.
            "userSeconds": os.times().user - user_begun,
            "text": " ".join(segment.text.strip() for segment in segments),
            "cues": [segment.start for segment in segments],
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main())
