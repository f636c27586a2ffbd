"""Every route of the HTTP API may call its function, and none takes the preflights that API Gateway answers itself.

A Lambda permission's SourceArn is matched by ArnLike: each of the six parts between colons by itself, `*` across
slashes ("IAM JSON policy elements: Condition operators"). API Gateway calls as
`execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`, and for the route $default as `API/STAGE/$default`
(aws/serverless-application-model #1860), so that `API/*/*/*` does not cover that one: it answers 500.

A route that takes every method takes OPTIONS too ("Configure CORS for HTTP APIs"): the function would have to answer
every preflight, without a token.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checks import template

VARIABLE = re.compile(r"\$\{([\w:.]+)\}")
# What API Gateway calls by itself; any value of these is as good as another.
REGION, ACCOUNT, STAGE = "eu-central-1", "123456789012", "$default"
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}


def arn_like(pattern: str, arn: str) -> bool:
    """Whether an ARN matches a pattern by the operator ArnLike."""

    def part_like(pattern: str, part: str) -> bool:
        return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), part) is not None

    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) == 6 and all(map(part_like, patterns, parts))


def filled(text: Any) -> str:
    """A property's text, as `!Sub` fills it; a resource is its logical id."""
    if isinstance(text, dict):
        text = text.get("Fn::Sub", "")
    return VARIABLE.sub(lambda name: PSEUDO.get(name[1], name[1]), text)


def reference(value: Any) -> str:
    """The logical id that a `!Ref`, a `!GetAtt` or an integration's target names."""
    if isinstance(value, dict) and "Ref" in value:
        return value["Ref"]
    if isinstance(value, dict) and "Fn::GetAtt" in value:
        return value["Fn::GetAtt"][0]
    return filled(value).removeprefix("integrations/")


def caller(api: str, route_key: str) -> str:
    """The ARN as which API Gateway calls the function of a route."""
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{STAGE}/{route_key.replace(' ', '')}"


def of_type(stack: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of a type, by logical id."""
    return {name: one.get("Properties", {}) for name, one in stack["Resources"].items() if one["Type"] == kind}


def differences(stack: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the routes of a template."""
    permissions = [
        one
        for one in of_type(stack, "AWS::Lambda::Permission").values()
        if one.get("Principal") == "apigateway.amazonaws.com" and one.get("Action") == "lambda:InvokeFunction"
    ]
    integrations = of_type(stack, "AWS::ApiGatewayV2::Integration")
    for name, route in of_type(stack, "AWS::ApiGatewayV2::Route").items():
        key = route["RouteKey"]
        if key == "$default" or key.split(" ")[0] in ("ANY", "OPTIONS"):
            yield f"{name}: {key} takes preflights, which API Gateway then does not answer; write each method out"
        function = reference(integrations[reference(route["Target"])]["IntegrationUri"])
        called_as = caller(reference(route["ApiId"]), key)
        if not any(
            reference(one["FunctionName"]) == function and arn_like(filled(one.get("SourceArn", "")), called_as)
            for one in permissions
        ):
            yield f"{name}: no Lambda permission lets API Gateway call {function} as {called_as}"


def findings(root: Path) -> Iterator[str]:
    for finding in differences(template.load(root / "template.yaml")):
        yield f"template.yaml: {finding}"
