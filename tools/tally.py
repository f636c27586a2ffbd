"""Prints a summary of the parts of a run: a table, then one line `N passed, N failed`.

Reads a file with one line per part: exit code, seconds, log file and name, separated by tabs.
A part's tests are counted from the summary lines of the runner that wrote its log (libtest,
unittest, Node's, check.py, or this program itself). A part without such lines counts as one check. A part that exits
non-zero has failed even if its log reports success: a crash before the summary must not look like success.
The exit code 77 means that a part could not run here.
"""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
LIBTEST = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;")
UNITTEST_RAN = re.compile(r"^Ran (\d+) tests? in [0-9.]+s$")
UNITTEST_BAD = re.compile(r"^FAILED \((.+)\)$")
# In TAP, or as Node prints it for people.
NODE = re.compile(r"^[#\u2139] (pass|fail|cancelled) (\d+)$")
NOT_RUN = 77
OWN = re.compile(r"^(?:own checks: )?(\d+) passed, (\d+) failed$")


@dataclass(frozen=True)
class Part:
    """The result of one part."""

    name: str
    seconds: int
    passed: int
    failed: int
    run: bool = True


def counts(log: str) -> tuple[int, int] | None:
    """Tests passed and failed, from the summary lines of a log; None if it has none."""
    passed = failed = 0
    seen = False
    for line in COLOUR.sub("", log).splitlines():
        if match := LIBTEST.match(line) or OWN.match(line):
            seen = True
            passed += int(match[1])
            failed += int(match[2])
        elif match := UNITTEST_RAN.match(line):
            seen = True
            passed += int(match[1])
        elif match := UNITTEST_BAD.match(line):
            bad = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", match[1]))
            passed -= bad
            failed += bad
        elif match := NODE.match(line):
            seen = True
            if match[1] == "pass":
                passed += int(match[2])
            else:
                failed += int(match[2])
    return (passed, failed) if seen else None


def judge(name: str, code: int, seconds: int, log: str) -> Part:
    """The result of a part, from its log and its exit code."""
    if code == NOT_RUN:
        return Part(name, seconds, 0, 0, run=False)
    passed, failed = counts(log) or (int(code == 0), 0)
    if code != 0 and failed == 0:
        failed = 1
    return Part(name, seconds, passed, failed)


def read_parts(table: Path) -> list[Part]:
    """Reads the table of parts and each part's log."""
    parts = []
    for line in table.read_text().splitlines():
        code, seconds, log, name = line.split("\t", 3)
        text = Path(log).read_text(errors="replace")
        parts.append(judge(name, int(code), int(seconds), text))
    return parts


def main() -> int:
    parts = read_parts(Path(sys.argv[1]))
    passed = sum(part.passed for part in parts)
    failed = sum(part.failed for part in parts)
    print(f"\n  {'passed':>6}  {'failed':>6}  {'seconds':>7}")
    for part in parts:
        note = "" if part.run else ": not run here, see above"
        print(f"  {part.passed:>6}  {part.failed:>6}  {part.seconds:>7}  {part.name}{note}")
    total = f"{passed} passed, {failed} failed"
    # A nested run passes its counts to the outer one, so only the outermost prints the line.
    if outer := os.environ.get("SMMU_TALLY_FILE"):
        Path(outer).write_text(total + "\n")
        print(f"  together: {total}")
    else:
        print(f"\n{total}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
