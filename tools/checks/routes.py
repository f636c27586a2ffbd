"""Every route can call its function, and no HTTP route receives preflights, which API Gateway should answer itself.

ArnLike matches a Lambda permission's SourceArn: each of the six parts between colons separately, with `*` across
slashes ("IAM JSON policy elements: Condition operators"). API Gateway calls as
`execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`, and for the route $default as `API/STAGE/$default`
(aws/serverless-application-model #1860). `API/*/*/*` does not cover $default, which would return 500. A WebSocket API
calls as `API/STAGE/ROUTEKEY`.

A route for all methods also receives OPTIONS ("Configure CORS for HTTP APIs"): the function would have to answer every
preflight, without a token.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from checks import template

VARIABLE = re.compile(r"\$\{([\w:.]+)\}")
# Parts of the ARN with which API Gateway calls. The values do not matter.
REGION, ACCOUNT, STAGE = "eu-central-1", "123456789012", "$default"
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}


def arn_like(pattern: str, arn: str) -> bool:
    """True if an ARN matches a pattern of the operator ArnLike."""

    def part_like(pattern: str, part: str) -> bool:
        return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), part) is not None

    patterns, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(patterns) == len(parts) == 6 and all(map(part_like, patterns, parts))


def filled(text: Any) -> str:
    """A property's text with the variables of `!Sub` replaced: a resource becomes its logical id."""
    if isinstance(text, dict):
        text = text.get("Fn::Sub", "")
    return VARIABLE.sub(lambda name: PSEUDO.get(name[1], name[1]), text)


def reference(value: Any) -> str:
    """The logical id in a `!Ref`, a `!GetAtt` or an integration's target."""
    if isinstance(value, dict) and "Ref" in value:
        return value["Ref"]
    if isinstance(value, dict) and "Fn::GetAtt" in value:
        return value["Fn::GetAtt"][0]
    # A WebSocket API's integration names its function by the URI of Lambda's own API.
    wrapped = re.search(r"/functions/(\w+)\.Arn/invocations$", filled(value))
    return wrapped[1] if wrapped else filled(value).removeprefix("integrations/")


def caller(api: str, route_key: str, stage: str = STAGE) -> str:
    """The source ARN with which API Gateway calls the function of a route."""
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{stage}/{route_key.replace(' ', '')}"


def of_type(stack: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of a type, by logical id."""
    return {name: one.get("Properties", {}) for name, one in stack["Resources"].items() if one["Type"] == kind}


def differences(stack: dict[str, Any]) -> Iterator[str]:
    """Routes without permission, and routes that receive preflights."""
    permissions = [
        one
        for one in of_type(stack, "AWS::Lambda::Permission").values()
        if one.get("Principal") == "apigateway.amazonaws.com" and one.get("Action") == "lambda:InvokeFunction"
    ]
    integrations = of_type(stack, "AWS::ApiGatewayV2::Integration")
    stages = {reference(one["ApiId"]): one["StageName"] for one in of_type(stack, "AWS::ApiGatewayV2::Stage").values()}
    apis = of_type(stack, "AWS::ApiGatewayV2::Api")
    for name, route in of_type(stack, "AWS::ApiGatewayV2::Route").items():
        key, api = route["RouteKey"], reference(route["ApiId"])
        speaks_http = apis.get(api, {}).get("ProtocolType") != "WEBSOCKET"
        if speaks_http and (key == "$default" or key.split(" ")[0] in ("ANY", "OPTIONS")):
            yield f"{name}: {key} takes preflights, which API Gateway then does not answer; write each method out"
        function = reference(integrations[reference(route["Target"])]["IntegrationUri"])
        called_as = caller(api, key, stages.get(api, STAGE))
        if not any(
            reference(one["FunctionName"]) == function and arn_like(filled(one.get("SourceArn", "")), called_as)
            for one in permissions
        ):
            yield f"{name}: no Lambda permission lets API Gateway call {function} as {called_as}"


def findings(root: Path) -> Iterator[str]:
    for finding in differences(template.load(root / "template.yaml")):
        yield f"template.yaml: {finding}"
