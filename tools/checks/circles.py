"""The modules of core, cloud, the api and local have no circular dependencies.

Names are matched, not resolved: `crate::name` is a dependency on the module `name`, or on the module that lib.rs
re-exports it from. Tests are excluded.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

SOURCES = ("crates/core/src", "crates/cloud/src", "functions/api/src", "local/src")

TESTS = re.compile(r"#\[cfg\(test\)\]\s*(?:pub(?:\(\w+\))? )?mod \w+ \{.*", re.DOTALL)
TEST_FILES = {"tests", "testing", "fixtures"}
COMMENT = re.compile(r"//[^\n]*")
EXPORT = re.compile(r"pub(?:\([a-z]+\))? use (?:crate::)?(\w+)::(\{[^}]*\}|\w+);")
# `crate::{a, b::{c, d}}` or `crate::a::…`. Covers the nesting of braces found in this repository.
IMPORT = re.compile(r"\bcrate::(?:\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}|(\w+))")
INNER = re.compile(r"\{(?:[^{}]|\{[^{}]*\})*\}")


def source_of(path: Path) -> str:
    """The source of a file without comments and tests."""
    return TESTS.sub("", COMMENT.sub("", path.read_text(encoding="utf-8")))


def named(text: str) -> Iterator[str]:
    """Names that a source uses from the root of its crate."""
    for group, single in IMPORT.findall(text):
        for name in INNER.sub("", group).split(",") if group else [single]:
            if name := name.strip().split("::")[0].strip():
                yield name


def arrows(root: Path) -> dict[str, set[str]]:
    """The top-level modules of a crate, each with those that it uses."""
    modules = {path.stem for path in root.glob("*.rs")} - {"lib", "main"} - TEST_FILES
    exports = {
        name: module
        for module, names in EXPORT.findall(source_of(root / "lib.rs"))
        for name in re.findall(r"\w+", names)
    }
    uses = defaultdict(set, {module: set() for module in modules})
    for path in sorted(root.rglob("*.rs")):
        parts = path.relative_to(root).with_suffix("").parts
        module = parts[0]
        if module in modules and not TEST_FILES.intersection(parts):
            uses[module].update(exports.get(name, name) for name in named(source_of(path)))
    return {module: (used & modules) - {module} for module, used in uses.items()}


def circles(uses: dict[str, set[str]]) -> Iterator[str]:
    """A circular dependency among these modules, if any."""
    try:
        TopologicalSorter(uses).prepare()
    except CycleError as error:
        yield " <- ".join(error.args[1])


def findings(root: Path) -> Iterator[str]:
    for source in SOURCES:
        for circle in circles(arrows(root / source)):
            yield f"{source}: these modules form a circle: {circle}"
