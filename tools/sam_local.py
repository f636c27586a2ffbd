"""What `sam local invoke` needs to call functions on the local cloud.

`sam_local.py template FILE` prints a built template in which every function has the variables of ENDPOINTS: SAM gives
a function only values of variables that its template names.

`sam_local.py environment NAME ENDPOINT KEYS` prints the environment of the function NAME as it is deployed on the local
cloud, with the addresses by which containers reach that cloud: for AWS's services, and for the keys of tokens.
"""

import json
import sys
from pathlib import Path
from typing import Any

from checks import template

ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER")


def with_endpoints(document: dict[str, Any]) -> dict[str, Any]:
    """The template, with the variables in every function's environment."""
    function = document.setdefault("Globals", {}).setdefault("Function", {})
    function.setdefault("Environment", {}).setdefault("Variables", {}).update(dict.fromkeys(ENDPOINTS, ""))
    return document


def environment(name: str, *endpoints: str) -> dict[str, dict[str, str]]:
    """In the form of `--env-vars`."""
    import boto3  # not needed by what is tested without AWS

    configuration = boto3.client("lambda").get_function_configuration(FunctionName=name)
    variables = configuration["Environment"]["Variables"]
    return {"Parameters": {**variables, **dict(zip(ENDPOINTS, endpoints, strict=True))}}


def main() -> int:
    what, *arguments = sys.argv[1:]
    made = with_endpoints(template.load(Path(arguments[0]))) if what == "template" else environment(*arguments)
    json.dump(made, sys.stdout, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
