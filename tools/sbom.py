"""Prints a CycloneDX 1.6 bill of materials of the deployed programs in JSON.

All data comes from `cargo metadata` and Cargo.lock: the packages linked into the functions and workers for the
deployment's target, with checksums, licences and dependencies. The same commit gives the same bytes.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TARGET = "x86_64-unknown-linux-gnu"
# Dependencies of the feature `schema`, which only openapi/ enables and no deployed program has.
SCHEMAS = ("schemars", "schemars_derive")


def purl(package: dict[str, Any]) -> str:
    """The package URL of a crate."""
    return f"pkg:cargo/{package['name']}@{package['version']}"


def linked(metadata: dict[str, Any], roots: Iterable[str]) -> dict[str, list[str]]:
    """Packages linked into `roots` and their dependencies, by id. Excludes build and dev-dependencies."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    schemas = {package["id"] for package in metadata["packages"] if package["name"] in SCHEMAS}
    found: dict[str, list[str]] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        needs = [need["pkg"] for need in nodes[name]["deps"] if any(kind["kind"] is None for kind in need["dep_kinds"])]
        needs = [need for need in needs if need not in schemas]
        found[name] = needs
        waiting += needs
    return found


def is_deployed(package: dict[str, Any]) -> bool:
    """True if a member of the workspace is a function or a worker."""
    return Path(package["manifest_path"]).parent.parent.name in ("functions", "workers")


def component(package: dict[str, Any], checksums: dict[tuple[str, str], str]) -> dict[str, Any]:
    made = {"type": "library", "bom-ref": purl(package), "name": package["name"], "version": package["version"]}
    if package["license"]:
        # Cargo's older notation for OR, which is invalid in SPDX.
        made["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if checksum := checksums.get((package["name"], package["version"])):
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return made | {"purl": purl(package)}


def bill(metadata: dict[str, Any], lock: dict[str, Any]) -> dict[str, Any]:
    """The document."""
    packages = {package["id"]: package for package in metadata["packages"]}
    members = [packages[name] for name in metadata["workspace_members"]]
    deployed = sorted((package for package in members if is_deployed(package)), key=purl)
    found = linked(metadata, [package["id"] for package in deployed])
    checksums = {(one["name"], one["version"]): one["checksum"] for one in lock["package"] if "checksum" in one}
    everything = sorted((packages[name] for name in found), key=purl)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "smart-media-uploader",
                "name": "smart-media-uploader",
                "version": deployed[0]["version"],
            }
        },
        "components": [component(package, checksums) for package in everything],
        "dependencies": [
            {"ref": "smart-media-uploader", "dependsOn": [purl(package) for package in deployed]},
            *(
                {"ref": purl(package), "dependsOn": sorted({purl(packages[need]) for need in found[package["id"]]})}
                for package in everything
            ),
        ],
    }


def main() -> None:
    command = ["cargo", "metadata", "--format-version=1", "--locked", f"--filter-platform={TARGET}"]
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    json.dump(bill(metadata, tomllib.loads((ROOT / "Cargo.lock").read_text())), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
