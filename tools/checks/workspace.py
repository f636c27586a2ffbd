"""The cargo workspace, from `cargo metadata`."""

import functools
import json
import subprocess
from pathlib import Path


@functools.cache
def metadata(root: Path) -> dict:
    """Packages and the resolved graph, as in Cargo.lock."""
    command = ["cargo", "metadata", "--format-version=1", "--locked"]
    output = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(output)


def members(data: dict) -> dict[str, dict]:
    """The workspace's own packages by name."""
    own = set(data["workspace_members"])
    return {p["name"]: p for p in data["packages"] if p["id"] in own}


def room(data: dict, package: dict) -> str:
    """A member's folder in the workspace, such as `functions/api`."""
    folder = Path(package["manifest_path"]).parent
    return folder.relative_to(data["workspace_root"]).as_posix()


def closure(data: dict, name: str) -> dict[str, list[str]]:
    """All packages that `name` depends on, without dev-dependencies, each with its dependency path.

    Dependencies of build scripts and procedural macros are excluded too: those run on the builder and
    leave nothing in the product.
    """
    packages = {p["id"]: p for p in data["packages"]}
    nodes = {n["id"]: n for n in data["resolve"]["nodes"]}
    start = next(p["id"] for p in data["packages"] if p["name"] == name)
    ways: dict[str, list[str]] = {start: [name]}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        for dependency in nodes[here]["deps"]:
            kinds = {kind["kind"] for kind in dependency["dep_kinds"]}
            there = packages[dependency["pkg"]]
            macro = any("proc-macro" in target["kind"] for target in there["targets"])
            if None not in kinds or macro or there["id"] in ways:
                continue
            ways[there["id"]] = [*ways[here], there["name"]]
            waiting.append(there["id"])
    del ways[start]
    return {packages[id]["name"]: way for id, way in ways.items()}
