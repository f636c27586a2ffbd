"""crates/core knows no async, no AWS, no environment, no clock, no file system, no network, no chance.

Sources are searched for the words, and the packages that core stands on are searched for crates
that bring such things in, so that a dependency cannot do what the source may not.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from checks import rust_source, workspace

FORBIDDEN_CODE = {
    "async": r"\basync\b|\.await\b",
    "the environment": r"\benv::|\boption_env!",
    "the clock": r"\bSystemTime\b|\bInstant\b|\bnow_utc\b|\bnow_local\b|\bUtc::now\b",
    "the file system": r"\bfs::|\bFile::|\.canonicalize\(|\.metadata\(\)",
    "the network": r"\bnet::|\bTcpStream\b|\bUdpSocket\b",
    "processes or threads": r"\bprocess::|\bthread::",
    "chance": r"\brand::|\bgetrandom\b|\bRandomState\b",
    "standard streams": r"\be?print(?:ln)?!|\bdbg!|\bstdin\(|\bstdout\(|\bstderr\(",
}
FORBIDDEN_PACKAGES = re.compile(
    r"aws[-_].*|lambda_.*|tokio(-.*)?|async-.*|futures(-.*)?|smol|mio|hyper(-.*)?|reqwest|ureq"
    r"|rand(_.*)?|getrandom|fastrand|ulid|uuid|chrono|tempfile|rustix|libc|nix|tracing(-.*)?|log"
)


def source_findings(path: Path, source: str) -> Iterator[str]:
    """What one source file of core does that core may not."""
    code = rust_source.code_only(source)
    for what, pattern in FORBIDDEN_CODE.items():
        for match in re.finditer(pattern, code):
            line = rust_source.line_of(code, match.start())
            yield f"{path}:{line}: crates/core must not know {what}: {match[0]!r}"


def package_findings(metadata: dict) -> Iterator[str]:
    """What core's dependencies, direct and indirect, bring in that core may not have."""
    for name, through in workspace.closure(metadata, "smmu-core").items():
        if FORBIDDEN_PACKAGES.fullmatch(name):
            yield f"crates/core must not depend on {name} (through {' > '.join(through)})"


def findings(root: Path) -> Iterator[str]:
    for path in sorted((root / "crates/core/src").rglob("*.rs")):
        yield from source_findings(path.relative_to(root), path.read_text())
    yield from package_findings(workspace.metadata(root))
