"""Files under version control, including new ones that are not ignored."""

import subprocess
from collections.abc import Iterator
from pathlib import Path


def paths(root: Path, *patterns: str) -> list[str]:
    """Tracked and new, not ignored files, relative to the root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    output = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout
    names = {name for name in output.decode().split("\0") if name}
    return sorted(name for name in names if (root / name).is_file())


def text_files(root: Path, *patterns: str) -> Iterator[tuple[str, str]]:
    """Path and content of every text file."""
    for name in paths(root, *patterns):
        try:
            yield name, (root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
