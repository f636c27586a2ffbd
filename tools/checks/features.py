"""A dependency of the product has the same features with and without the tests.

Cargo compiles a crate, and everything that depends on it, once for each set of features. If a test's dependency adds a
feature to a crate at the root of the tree, the AWS SDKs are compiled twice. To fix it, request the feature in
Cargo.toml.
"""

import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

COMMAND = ("cargo", "tree", "--locked", "--workspace", "--prefix", "none", "--format", "{p}\t{f}", "--edges")


def features(tree: str) -> dict[str, set[str]]:
    """The sets of features that each package of a tree is compiled with."""
    sets = defaultdict(set)
    for line in tree.splitlines():
        package, tab, names = line.removesuffix(" (*)").partition("\t")
        if tab:
            sets[package].add(names)
    return sets


def differences(product: dict[str, set[str]], with_tests: dict[str, set[str]]) -> Iterator[str]:
    """The packages of the product that tests need to be compiled once more."""
    for package, sets in sorted(product.items()):
        for more in sorted(with_tests.get(package, sets) - sets):
            yield f"{package} is compiled again for the tests, with other features: ask for them in Cargo.toml: {more}"


def findings(root: Path) -> Iterator[str]:
    """Everything that is compiled twice."""
    trees = [
        subprocess.run([*COMMAND, edges], cwd=root, check=True, capture_output=True, text=True).stdout
        for edges in ("normal,build", "normal,build,dev")
    ]
    yield from differences(*map(features, trees))
