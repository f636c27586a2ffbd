"""Judges what `sam local invoke` printed: `judge_answer.py FILE`. Exits 1 unless the function answered.

A function that finds no AWS still has to start, read its event and answer. Good answers are a result, a
refusal, and a Transient error. A Fault or an error of the runtime (it crashed, it timed out, it could
not read its event) is not an answer, and neither is an HTTP 500.
"""

import json
import sys
from pathlib import Path

# `errorType`s by which a function itself answers; see crates/cloud/src/invocation.rs.
ANSWERS = {"Refused", "Transient"}


def complaint(printed: str) -> str | None:
    """What is wrong with the answer; None when nothing is."""
    lines = printed.strip().splitlines()
    if not lines:
        return "no answer"
    try:
        answer = json.loads(lines[-1])
    except ValueError:
        return f"not JSON: {lines[-1]}"
    if not isinstance(answer, dict):
        return None
    if "errorType" in answer and answer["errorType"] not in ANSWERS:
        return f"{answer['errorType']}: {answer.get('errorMessage')}"
    if answer.get("statusCode") == 500:
        return f"HTTP 500: {answer.get('body')}"
    return None


def main() -> int:
    printed = Path(sys.argv[1]).read_text()
    print(printed.strip())
    wrong = complaint(printed)
    if wrong:
        print(f"not an answer: {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
