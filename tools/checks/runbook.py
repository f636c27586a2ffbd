"""docs/RUNBOOK.md explains every alarm of template.yaml, and no other.

Who is woken by an alarm looks it up by its name.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checks import template

PAGE = Path("docs/RUNBOOK.md")
PREFIX = "smmu-${Stage}-"
HEADING = re.compile(r"^### (?P<names>[a-z-]+(?:, [a-z-]+)*)$", re.MULTILINE)


def alarms(stack: dict[str, Any]) -> set[str]:
    """Names of the template's alarms, without the stage."""
    found = (one["Properties"] for one in stack["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm")
    return {properties["AlarmName"]["Fn::Sub"].removeprefix(PREFIX) for properties in found}


def explained(page: str) -> set[str]:
    """Names that the page has a heading for."""
    return {name for heading in HEADING.finditer(page) for name in heading["names"].split(", ")}


def differences(stack: dict[str, Any], page: str) -> Iterator[str]:
    """Alarms without a heading, and headings without an alarm."""
    for name in sorted(alarms(stack) - explained(page)):
        yield f"{PAGE} does not explain the alarm {name}"
    for name in sorted(explained(page) - alarms(stack)):
        yield f"{PAGE} explains {name}, which is no alarm of template.yaml"


def findings(root: Path) -> Iterator[str]:
    yield from differences(template.load(root / "template.yaml"), (root / PAGE).read_text())
