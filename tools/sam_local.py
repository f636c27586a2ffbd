"""Prepares `sam local invoke` to call functions on the local cloud.

`sam_local.py template FILE` prints a built template in which every function has the variables of ENDPOINTS, because SAM
passes a function only variables named in its template. Functions with an image get the one of this machine
(workers/sam-local.Dockerfile), because SAM does not run images of ECR.

`sam_local.py environment NAME ENDPOINT KEYS` prints the environment of the function NAME deployed on the local cloud,
with the addresses at which containers reach that cloud: for AWS services, and for the keys of tokens.

`sam_local.py session FUNCTION FILE` prints, for a shell, the credentials of a session of the function's role on the
cloud of the environment in FILE.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from checks import template

ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER")


# The repository in the URI of a worker's image.
REPOSITORY = re.compile(r"/smmu-\$\{Stage\}-(\w+)-worker:")


def prepared(document: dict[str, Any]) -> dict[str, Any]:
    """Adds the variables to every function's environment, and replaces images."""
    with_endpoints(document.setdefault("Globals", {}).setdefault("Function", {}))
    for resource in document["Resources"].values():
        # SAM's globals are not for functions of this type.
        if resource["Type"] == "AWS::Lambda::Function":
            with_endpoints(resource["Properties"])
            resource["Properties"]["Code"] = {"ImageUri": local_image(resource["Properties"]["Code"])}
    return document


def with_endpoints(function: dict[str, Any]) -> None:
    """Adds the variables to a function's environment."""
    function.setdefault("Environment", {}).setdefault("Variables", {}).update(dict.fromkeys(ENDPOINTS, ""))


def local_image(code: dict[str, Any]) -> str:
    """The image for SAM of the worker whose image a function has (tools/worker-images.sh)."""
    (worker,) = REPOSITORY.findall(code["ImageUri"]["Fn::Sub"])
    return f"smmu-sam-local-{worker}:latest"


def environment(name: str, *endpoints: str) -> dict[str, dict[str, str]]:
    """The environment of a deployed function, in the format of `--env-vars`."""
    import boto3  # imported here, because the tests run without it

    configuration = boto3.client("lambda").get_function_configuration(FunctionName=name)
    variables = configuration["Environment"]["Variables"]
    return {"Parameters": {**variables, **dict(zip(ENDPOINTS, endpoints, strict=True))}}


def session(function: str, file: str) -> str:
    """Credentials of a session of a function's role, as `NAME=VALUE` lines."""
    import boto3

    variables = json.loads(Path(file).read_text())["Parameters"]
    name, cloud = f"smmu-{variables['SMMU_STAGE']}-{function}", {"endpoint_url": variables["AWS_ENDPOINT_URL"]}
    role = boto3.client("lambda", **cloud).get_function_configuration(FunctionName=name)["Role"]
    given = boto3.client("sts", **cloud).assume_role(RoleArn=role, RoleSessionName=name)["Credentials"]
    members = {"ACCESS_KEY_ID": "AccessKeyId", "SECRET_ACCESS_KEY": "SecretAccessKey", "SESSION_TOKEN": "SessionToken"}
    return "\n".join(f"AWS_{name}={given[member]}" for name, member in members.items())


def main() -> int:
    what, *arguments = sys.argv[1:]
    if what == "session":
        print(session(*arguments))
        return 0
    made = prepared(template.load(Path(arguments[0]))) if what == "template" else environment(*arguments)
    json.dump(made, sys.stdout, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
