"""No test is switched off. A test that cannot run is made able to, or removed."""

import re
from collections.abc import Iterator
from pathlib import Path

from checks import rust_source, tracked

RUST = re.compile(r"#!?\[(?:cfg_attr\([^\]]*,\s*)?ignore\b")
PYTHON = re.compile(r"@(?:unittest\.)?skip(?:If|Unless)?\b|\bself\.skipTest\(|\bpytest\.mark\.(?:skip|xfail)")


def source_findings(path: str, text: str) -> Iterator[str]:
    """Switched-off tests in one Rust or Python file."""
    code, pattern = (rust_source.code_only(text), RUST) if path.endswith(".rs") else (text, PYTHON)
    for match in pattern.finditer(code):
        yield f"{path}:{rust_source.line_of(code, match.start())}: a test is switched off: {match[0]}"


def findings(root: Path) -> Iterator[str]:
    for path, text in tracked.text_files(root, "*.rs", "*.py"):
        if not path.startswith(("tools/checks/ignored_tests", "tools/tests/test_crates")):
            yield from source_findings(path, text)
