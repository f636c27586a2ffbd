#!/usr/bin/env python3
"""The functions of the contract tests: a client of the Lambda Runtime API, so that nothing must be built for them."""

import json
import os
import time
import urllib.request

RUNTIME = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"


class Failure(Exception):
    """Ends an invocation with an error of this type."""


def echo(event):
    """Answers every request with what it was asked."""
    claims = event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims", {})
    return {"path": event["rawPath"], "sub": claims.get("sub"), "parameters": event.get("pathParameters")}


def tell(_event):
    """Answers with the credentials that it has."""
    return {name: os.environ.get(f"AWS_{name}") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")}


def partial_batch(event):
    """Fails the messages that say so."""
    failed = [record["messageId"] for record in event["Records"] if record["body"] == "fail"]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def failing(event):
    """Fails as it is told."""
    raise Failure(event.get("type", "Untold"))


def slow(event):
    """Takes three seconds."""
    time.sleep(3)
    return echo(event)


def post(request, outcome, answer):
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(f"{RUNTIME}/{request}/{outcome}", body)).close()


ROLES = {"ApiFunction": echo, "PartialBatchFunction": partial_batch, "FailingFunction": failing}
ROLES |= {"TellFunction": tell, "StrangerFunction": tell, "SlowFunction": slow}
handle = next(role for name, role in ROLES.items() if name in os.environ["AWS_LAMBDA_FUNCTION_NAME"])
while True:
    with urllib.request.urlopen(f"{RUNTIME}/next") as invocation:
        request = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
        event = json.load(invocation)
    try:
        post(request, "response", handle(event))
    except Failure as failure:
        post(request, "error", {"errorType": str(failure), "errorMessage": "as told"})
