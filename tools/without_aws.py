"""Prints a built SAM template whose functions find no AWS: every service call is refused at once.

`sam local invoke` hands a function only the variables that its template names, so the address has to
be put there. Nothing listens on port 9 of a container.
"""

import json
import sys
from pathlib import Path
from typing import Any

from checks import template

NOWHERE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}


def without_aws(document: dict[str, Any]) -> dict[str, Any]:
    """The template with the address of nowhere in every function's environment."""
    function = document.setdefault("Globals", {}).setdefault("Function", {})
    function.setdefault("Environment", {}).setdefault("Variables", {}).update(NOWHERE)
    return document


if __name__ == "__main__":
    json.dump(without_aws(template.load(Path(sys.argv[1]))), sys.stdout, indent=1)
