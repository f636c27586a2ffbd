"""crates/core stands on no package that brings in async, AWS, a clock, files, a network or chance.

What its own source may not use is in crates/core/clippy.toml; this is so that a dependency cannot do it instead.
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
    """What core's dependencies, direct and indirect, bring in that core may not have."""
    for name, through in workspace.closure(metadata, "smmu-core").items():
        if FORBIDDEN_PACKAGES.fullmatch(name):
            yield f"crates/core must not depend on {name} (through {' > '.join(through)})"


def findings(root: Path) -> Iterator[str]:
    yield from package_findings(workspace.metadata(root))
