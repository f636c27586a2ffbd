"""Compares what functions and workers called on the local cloud with what their roles allow: `called.py CALLS`.

CALLS is what the emulator's launcher noted (SMMU_CALLS). Fails on a call that a role does not allow, which AWS would
refuse, and on a permission that nothing used, which nobody should have. The local cloud enforces no permission itself;
this proves what is asked for, not what IAM will answer.
"""

import json
import re
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from checks import permissions, template

ROOT = Path(__file__).resolve().parent.parent
# Statements that no call of the program itself uses: by whom they are used instead.
USED_OTHERWISE = {
    "PresignUpload": "whoever holds a signed upload",
    "PresignPartial": "whoever holds a signed download of what is partly made",
    "TellMissingFromForbidden": "S3, to choose between 404 and 403",
    "Receive": "Lambda, which reads the queue for the function",
    "ReadSpeechModel": "deployments with a model of their own, of which the local cloud has none",
    "WriteLogs": "Lambda",
    "Trace": "Lambda",
}
ACCOUNT = r"\d{12}"


def role_of(stack: dict[str, Any], binary: str) -> str:
    """The logical id of the role that a program runs under."""
    for resource in stack["Resources"].values():
        properties = resource.get("Properties", {})
        if resource.get("Metadata", {}).get("BuildProperties", {}).get("Binary") == binary:
            return properties["Role"]["Fn::GetAtt"][0]
        if properties.get("Family") == {"Fn::Sub": f"smmu-${{Stage}}-{binary}"}:
            return properties["TaskRoleArn"]["Fn::GetAtt"][0]
    raise KeyError(binary)


def rest_call(call: dict[str, Any], stage: str) -> tuple[str, str]:
    """The permission that a request to X-Ray or S3 needs (Service Authorization Reference, "Amazon S3")."""
    if call["path"] == "/TraceSegments":
        return "xray:PutTraceSegments", "everything"
    query = dict(parse_qsl(call["query"], keep_blank_values=True))
    resource = re.sub(rf"-{ACCOUNT}(?=/|$)", "-ACCOUNT", call["path"].lstrip("/"))
    resource = resource.replace(f"smmu-{stage}-", "smmu-STAGE-")
    if "/" not in resource.rstrip("/"):
        return ("s3:ListBucketVersions" if "versions" in query else "s3:ListBucket"), resource.rstrip("/")
    if call["method"] == "GET" and "uploadId" in query:
        return "s3:ListMultipartUploadParts", resource
    if call["method"] in ("GET", "HEAD"):
        return ("s3:GetObjectVersion" if "versionId" in query else "s3:GetObject"), resource
    if call["method"] == "DELETE":
        if "versionId" in query:
            return "s3:DeleteObjectVersion", resource
        return ("s3:AbortMultipartUpload" if "uploadId" in query else "s3:DeleteObject"), resource
    return "s3:PutObject", resource


def json_calls(call: dict[str, Any], stage: str) -> Iterator[tuple[str, str]]:
    """The permissions that a request with an X-Amz-Target needs; a transaction needs those of its items."""
    service, operation = call["target"].split(".")
    for names in call["names"]:
        if service.startswith("DynamoDB"):
            table = names["TableName"].removeprefix(f"smmu-{stage}-").capitalize() + "Table"
            action = f"{names['in']}Item" if "in" in names else operation
            yield f"dynamodb:{action}", f"{table}/index/{names['IndexName']}" if "IndexName" in names else table
        elif service.startswith("AmazonSQS"):
            queue = {"jobs-queue": "JobsQueue", "jobs-dlq": "JobsDlq", "purge-queue": "PurgeQueue"}
            yield f"sqs:{operation}", queue[names["QueueUrl"].rsplit(f"smmu-{stage}-", 1)[-1]]
        elif service.startswith("AWSStepFunctions"):
            arn = names.get("stateMachineArn") or names["executionArn"]
            yield f"states:{operation}", ":".join(arn.split(":")[5:]).replace(f"smmu-{stage}-", "smmu-STAGE-")
        else:
            yield call["target"], "?"


def needed(call: dict[str, Any], stage: str) -> list[tuple[str, str]]:
    """The permissions that one call needs: pairs of an action and what it is about."""
    return list(json_calls(call, stage)) if call["target"] else [rest_call(call, stage)]


def matches(pattern: str, resource: str) -> bool:
    """Whether a resource of a statement covers one of a call."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), resource) is not None


def differences(stack: dict[str, Any], calls: list[dict[str, Any]]) -> Iterator[str]:
    """Calls that no statement allows, and permissions that no call used."""
    granted = list(permissions.granted(stack))
    used, roles, refused = set(), set(), set()
    for call in calls:
        _, stage, binary = call["app"].split("-", 2)
        role = role_of(stack, binary)
        roles.add(role)
        for action, resource in needed(call, stage):
            allowing = [
                (one.role, one.sid, action, name)
                for one in granted
                if one.role == role and action in one.actions
                for name in one.resources
                if matches(name, resource)
            ]
            used.update(allowing)
            if not allowing:
                # One finding for each kind of resource, not for each object.
                refused.add(
                    f"{binary} called {action} on {re.sub(r'/.*', '/…', resource)}, which {role} does not allow"
                )
    yield from sorted(refused)
    for one in granted:
        if one.role not in roles or one.sid in USED_OTHERWISE:
            continue
        for action, name in product(one.actions, one.resources):
            if (one.role, one.sid, action, name) not in used:
                yield f"{one.role}: nothing used {action} on {name}, which {one.sid} allows"


def main() -> int:
    stack = template.load(ROOT / "template.yaml")
    calls = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    callers = {call["app"].split("-", 2)[2] for call in calls}
    functions = [
        one["Metadata"]["BuildProperties"]["Binary"] for one in stack["Resources"].values() if "Metadata" in one
    ]
    findings = [f"{name} called nothing" for name in sorted({*functions, "transcode", "transcribe"} - callers)]
    findings += differences(stack, calls)
    for finding in findings:
        print(finding)
    print(f"{len(calls)} calls of {len(callers)} programs compared with their roles")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
