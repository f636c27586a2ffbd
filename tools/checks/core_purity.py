"""crates/core depends on no package with async, AWS, a clock, files, a network or randomness.

crates/core/clippy.toml bans these in its own source; this check bans them in its dependencies.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from checks import workspace

FORBIDDEN_PACKAGES = re.compile(
    r"aws[-_].*|lambda_.*|tokio(-.*)?|async-.*|futures(-.*)?|smol|mio|hyper(-.*)?|reqwest|ureq"
    r"|rand(_.*)?|getrandom|fastrand|ulid|uuid|chrono|tempfile|rustix|libc|nix|tracing(-.*)?|log"
)


def package_findings(metadata: dict) -> Iterator[str]:
    """Forbidden packages among core's direct and indirect dependencies."""
    for name, through in workspace.closure(metadata, "smmu-core").items():
        if FORBIDDEN_PACKAGES.fullmatch(name):
            yield f"crates/core must not depend on {name} (through {' > '.join(through)})"


def findings(root: Path) -> Iterator[str]:
    yield from package_findings(workspace.metadata(root))
