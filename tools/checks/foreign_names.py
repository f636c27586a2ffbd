"""No file names a package registry's host, or a path of one particular machine.

Such names only work for their author: others have mirrors, different home directories, or no network.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from checks import tracked

# Written so that the pattern does not match this file.
REGISTRY = re.compile(
    r"(?:index|static)[.]crates[.]io|pypi[.]org|pythonhosted[.]org|registry[.]npmjs[.]org"
    r"|registry[.]yarnpkg[.]com|(?:deb|security)[.]debian[.]org|proxy[.]golang[.]org|huggingface[.]co"
)
MACHINE_PATH = re.compile(r"(?<![\w.$}~/-])/(?:root|work|home/[a-z][\w-]*|Users/\w+|tmp/lab)(?=/)")
INDEX_OPTION = re.compile(r"^\s*--?(?:index-url|extra-index-url|find-links|trusted-host|i|f)\b")
LOCK_URL = re.compile(r"https?://[^\s\"']+|sparse\+\S+")
# The folder of a workspace, to which npm links, has no scheme.
RESOLVED_URL = re.compile(r'"resolved": "[^"]*:')
CRATES_INDEX = "https://github.com/rust-lang/crates.io-index"


def text_findings(path: str, text: str) -> Iterator[str]:
    """Registry hosts and machine paths in one file."""
    is_lock = path.endswith(("Cargo.lock", "package-lock.json"))
    for number, line in enumerate(text.splitlines(), 1):
        if match := REGISTRY.search(line):
            yield f"{path}:{number}: names a package registry: {match[0]}"
        elif match := MACHINE_PATH.search(line):
            yield f"{path}:{number}: names a path of one machine: {match[0]}"
        elif path.endswith(".txt") and (match := INDEX_OPTION.match(line)):
            yield f"{path}:{number}: chooses a package index: {line.strip()}"
        elif is_lock and _fetches(path, line):
            yield f"{path}:{number}: a lock file must not say where to fetch from: {line.strip()}"


def _fetches(path: str, line: str) -> bool:
    if path.endswith("package-lock.json"):
        return RESOLVED_URL.search(line) is not None
    return any(not url.startswith(CRATES_INDEX) for url in LOCK_URL.findall(line))


def findings(root: Path) -> Iterator[str]:
    for path, text in tracked.text_files(root):
        yield from text_findings(path, text)
