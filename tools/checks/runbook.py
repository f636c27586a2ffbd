"""docs/RUNBOOK.md explains every alarm of template.yaml, and no other; every message that it quotes exists.

Operators look up an alarm by its name, and search the logs for the quoted text.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checks import template, tracked

PAGE = Path("docs/RUNBOOK.md")
PREFIX = "smmu-${Stage}-"
HEADING = re.compile(r"^### (?P<names>[a-z-]+(?:, [a-z-]+)*)$", re.MULTILINE)
CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
QUOTE = re.compile(r'"([^"\n]+)"')
COMMENT = re.compile(r"^\s*(//|# ).*$", re.MULTILINE)
# A Rust text that continues on the next line.
CONTINUED = re.compile(r"\\\n\s*")
# Messages of logs, and titles of the dashboard.
SOURCES = ("functions/*.rs", "crates/*.rs", "workers/*.rs", "template.yaml")


def alarms(stack: dict[str, Any]) -> set[str]:
    """Names of the template's alarms, without the stage."""
    found = (one["Properties"] for one in stack["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm")
    return {properties["AlarmName"]["Fn::Sub"].removeprefix(PREFIX) for properties in found}


def explained(page: str) -> set[str]:
    """Names in the headings of the page."""
    return {name for heading in HEADING.finditer(page) for name in heading["names"].split(", ")}


def differences(stack: dict[str, Any], page: str) -> Iterator[str]:
    """Alarms without a heading, and headings without an alarm."""
    for name in sorted(alarms(stack) - explained(page)):
        yield f"{PAGE} does not explain the alarm {name}"
    for name in sorted(explained(page) - alarms(stack)):
        yield f"{PAGE} explains {name}, which is not an alarm of template.yaml"


def unknown_quotes(page: str, sources: str) -> Iterator[str]:
    """Texts in quotation marks, outside code, that no source contains outside its comments."""
    code = CONTINUED.sub("", COMMENT.sub("", sources))
    for quote in sorted(set(QUOTE.findall(CODE.sub("", page)))):
        if quote not in code:
            yield f'{PAGE} quotes "{quote}", which is neither a log message nor a title of the dashboard'


def findings(root: Path) -> Iterator[str]:
    page = (root / PAGE).read_text()
    yield from differences(template.load(root / "template.yaml"), page)
    yield from unknown_quotes(page, "\n".join(text for _, text in tracked.text_files(root, *SOURCES)))
