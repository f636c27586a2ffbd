"""Every crate inherits the lints of the root Cargo.toml; without that line clippy silently skips them."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

from checks import workspace


def manifest_findings(room: str, manifest: dict) -> Iterator[str]:
    if manifest.get("lints") != {"workspace": True}:
        yield f"{room}/Cargo.toml: needs `[lints] workspace = true`, and no lints of its own"


def findings(root: Path) -> Iterator[str]:
    data = workspace.metadata(root)
    for package in workspace.members(data).values():
        manifest = tomllib.loads(Path(package["manifest_path"]).read_text())
        yield from manifest_findings(workspace.room(data, package), manifest)
