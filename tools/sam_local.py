"""What `sam local invoke` needs to call functions on the local cloud.

`sam_local.py template FILE` prints a built template in which every function has an AWS_ENDPOINT_URL: SAM gives a
function only values of variables that its template names.

`sam_local.py environment NAME` prints the environment of the function NAME as it is deployed on the local cloud at
AWS_ENDPOINT_URL, with the address by which containers reach that cloud, SMMU_BRIDGE_URL, in its place.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from checks import template


def with_endpoint(document: dict[str, Any]) -> dict[str, Any]:
    """The template, with the variable in every function's environment."""
    function = document.setdefault("Globals", {}).setdefault("Function", {})
    function.setdefault("Environment", {}).setdefault("Variables", {})["AWS_ENDPOINT_URL"] = ""
    return document


def environment(name: str) -> dict[str, dict[str, str]]:
    """In the form of `--env-vars`."""
    import boto3  # not needed by what is tested without AWS

    configuration = boto3.client("lambda").get_function_configuration(FunctionName=name)
    variables = configuration["Environment"]["Variables"]
    return {"Parameters": {**variables, "AWS_ENDPOINT_URL": os.environ["SMMU_BRIDGE_URL"]}}


def main() -> int:
    what, argument = sys.argv[1:]
    made = with_endpoint(template.load(Path(argument))) if what == "template" else environment(argument)
    json.dump(made, sys.stdout, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
