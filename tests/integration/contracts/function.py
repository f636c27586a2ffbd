#!/usr/bin/env python3
"""Functions for the contract tests. A client of the Lambda Runtime API in plain Python, so nothing has to be built."""

import json
import os
import time
import urllib.request

RUNTIME = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"


class Failure(Exception):
    """Ends an invocation with an error of this type."""


def echo(event):
    """Returns the path, user and parameters of the request."""
    claims = event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims", {})
    return {"path": event["rawPath"], "sub": claims.get("sub"), "parameters": event.get("pathParameters")}


def tell(_event):
    """Returns the credentials and the clock of the function."""
    names = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")
    return {name: os.environ.get(f"AWS_{name}") for name in names} | {"unixSeconds": time.time()}


def room(_event):
    """Returns what the command of its image said, its process, and its folder."""
    return {"said": os.environ["SAID"], "process": os.getpid(), "room": os.environ["SMMU_FUNCTION_ROOM"]}


def partial_batch(event):
    """Fails the messages with the body `fail`."""
    failed = [record["messageId"] for record in event["Records"] if record["body"] == "fail"]
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


# The batches of a stream that this process was given.
BATCHES = []


def stream(event):
    """Reports the record `fail` as failed, once. Answers a request with the ids of all batches."""
    if "Records" not in event:
        return BATCHES
    numbers = {one["dynamodb"]["Keys"]["id"]["S"]: one["dynamodb"]["SequenceNumber"] for one in event["Records"]}
    fails = "fail" in numbers and not any("fail" in batch for batch in BATCHES)
    BATCHES.append(list(numbers))
    return {"batchItemFailures": [{"itemIdentifier": numbers["fail"]}] if fails else []}


def failing(event):
    """Fails with the error type of the event."""
    raise Failure(event.get("type", "Untold"))


def slow(event):
    """Takes three seconds."""
    time.sleep(3)
    return echo(event)


def handshake(event):
    """Answers a handshake with the status that it asks for, and a message with the id of its connection."""
    context = event["requestContext"]
    if context["eventType"] == "MESSAGE":
        return {"statusCode": 200, "body": context["connectionId"]}
    query = event.get("queryStringParameters") or {}
    return {"statusCode": int(query.get("status", 200))}


def post(request, outcome, answer):
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(f"{RUNTIME}/{request}/{outcome}", body)).close()


if "CrashingFunction" in os.environ["AWS_LAMBDA_FUNCTION_NAME"]:
    os.abort()
ROLES = {"ApiFunction": echo, "PartialBatchFunction": partial_batch, "FailingFunction": failing}
ROLES |= {"StreamFunction": stream, "ThrottledFunction": echo, "ImageFunction": room}
ROLES |= {"TellFunction": tell, "StrangerFunction": tell, "SlowFunction": slow, "SocketFunction": handshake}
handle = next(role for name, role in ROLES.items() if name in os.environ["AWS_LAMBDA_FUNCTION_NAME"])
while True:
    with urllib.request.urlopen(f"{RUNTIME}/next") as invocation:
        request = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
        event = json.load(invocation)
    try:
        post(request, "response", handle(event))
    except Failure as failure:
        post(request, "error", {"errorType": str(failure), "errorMessage": "as told"})
