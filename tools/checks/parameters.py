"""Every parameter of template.yaml has one row in docs/CONFIGURATION.md, and every row a parameter.

Operators look up what they can set there; an outdated row lets them set a parameter that a deployment refuses.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checks import template

PAGE = Path("docs/CONFIGURATION.md")
# The rows after the header of the table. Several parameters may share a row.
TABLE = re.compile(r"^\| parameter \|.*\n\|[-|]+\n(?P<rows>(?:\|.*\n)*)", re.MULTILINE)
NAME = re.compile(r"`(\w+)`")


def described(page: str) -> Counter[str]:
    """How often each parameter is in the first column of the table."""
    rows = [row.split("|")[1] for table in TABLE.finditer(page) for row in table["rows"].splitlines()]
    return Counter(name for cell in rows for name in NAME.findall(cell))


def differences(stack: dict[str, Any], page: str) -> Iterator[str]:
    """Parameters without exactly one row, and rows without a parameter."""
    parameters, rows = stack["Parameters"].keys(), described(page)
    for name in sorted(parameters - rows.keys()):
        yield f"{PAGE} has no row for the parameter {name}"
    for name in sorted(rows.keys() - parameters):
        yield f"{PAGE} has a row for {name}, which is not a parameter of template.yaml"
    for name in sorted(name for name, count in rows.items() if count > 1):
        yield f"{PAGE} has more than one row for {name}"


def findings(root: Path) -> Iterator[str]:
    yield from differences(template.load(root / "template.yaml"), (root / PAGE).read_text())
