"""No test is disabled. A test that cannot run is made runnable or removed."""

import re
from collections.abc import Iterator
from pathlib import Path

from checks import tracked

# Only at the start of a line, where rustfmt puts attributes, so strings and comments do not match.
RUST = re.compile(r"^\s*#!?\[(?:cfg_attr\([^\]]*,\s*)?ignore\b", re.MULTILINE)
PYTHON = re.compile(r"@(?:unittest\.)?skip(?:If|Unless)?\b|\bself\.skipTest\(|\bpytest\.mark\.(?:skip|xfail)")


def source_findings(path: str, text: str) -> Iterator[str]:
    """Disabled tests in one Rust or Python file."""
    pattern = RUST if path.endswith(".rs") else PYTHON
    for match in pattern.finditer(text):
        line = text.count("\n", 0, match.end()) + 1
        yield f"{path}:{line}: a test is switched off: {match[0].strip()}"


def findings(root: Path) -> Iterator[str]:
    for path, text in tracked.text_files(root, "*.rs", "*.py"):
        if not path.startswith(("tools/checks/ignored_tests", "tools/tests/test_crates")):
            yield from source_findings(path, text)
