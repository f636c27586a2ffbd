"""Dependencies run one way: functions, workers, cli, local → cloud, speech → media → core, resample.

No function imports another. cloud does not know media, media and speech do not know cloud or AWS. Only
tests/ may use everything. Dev-dependencies count as dependencies here, except that a test may
use the tests of its own crate's dependencies.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from checks import workspace

# Allowed dependencies of each room. Each of functions/* and workers/* is a room of its own.
ALLOWED = {
    "crates/core": set(),
    "crates/fence": set(),
    "crates/resample": set(),
    "crates/media": {"crates/core", "crates/resample"},
    "crates/cloud": {"crates/core"},
    "crates/speech": {"crates/core", "crates/media"},
    "crates/cli": {"crates/core"},
    "functions": {"crates/core", "crates/cloud", "crates/media"},
    "workers": {"crates/core", "crates/cloud", "crates/media"},
    # The only room that links the speech engine.
    "workers/transcribe": {"crates/core", "crates/cloud", "crates/media", "crates/speech"},
    # The api function's table of endpoints, as a document.
    "openapi": {"crates/core", "functions/api"},
    "local": {"crates/core"},
}
UNBOUND = "tests"

AWS = re.compile(r"aws[-_].*|lambda_.*|serde_dynamo")
PIXELS = re.compile(r"image|fast_image_resize|turbojpeg.*|libwebp.*|libavif.*|moxcms|kamadak-exif")


def allowed_rooms(room: str) -> set[str] | None:
    """Allowed dependencies of a room; None if the room is unknown."""
    return ALLOWED.get(room, ALLOWED.get(room.split("/")[0]))


def arrow_findings(data: dict) -> Iterator[str]:
    """Forbidden dependencies between members."""
    members = workspace.members(data)
    rooms = {name: workspace.room(data, package) for name, package in members.items()}
    for name, package in sorted(members.items()):
        room = rooms[name]
        if room == UNBOUND:
            continue
        allowed = allowed_rooms(room)
        if allowed is None:
            yield f"{room}: a room outside the layout; add it to tools/checks/dependency_arrows.py"
            continue
        for dependency in package["dependencies"]:
            target = rooms.get(dependency["name"])
            if target is not None and target != room and target not in allowed:
                yield f"{room} must not depend on {target}"


def foreign_findings(data: dict) -> Iterator[str]:
    """Crates that a room must not depend on, directly or indirectly."""
    for member, pattern, reason in (
        ("smmu-media", AWS, "media does not know AWS"),
        ("smmu-speech", AWS, "speech does not know AWS"),
        ("smmu-cloud", PIXELS, "cloud does not know pixels"),
    ):
        for name, through in workspace.closure(data, member).items():
            if pattern.fullmatch(name):
                yield f"{reason}: {' > '.join(through)}"


def findings(root: Path) -> Iterator[str]:
    data = workspace.metadata(root)
    yield from arrow_findings(data)
    yield from foreign_findings(data)
