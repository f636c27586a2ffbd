"""Removes permissions from roles, one at a time, and reports those that are not needed: `mutate_permissions.py NOTED`.

NOTED is the record of the local cloud during the journeys (SMMU_CALLS): the policies of every role, and the calls that
IAM allowed it. Each statement, each of its actions and each of its resources is removed in turn, and the emulator's own
evaluator repeats the allowed calls. A mutant survives if it denies none of them: then the permission is not needed, or
no journey needs it. Every survivor is a finding, unless UNSEEN names a user of it that the local cloud cannot observe.
"""

import copy
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Statement = dict[str, Any]

# Users of permissions that the local cloud cannot observe, by statement and action.
UNSEEN = {
    ("Trace", "xray:PutTraceSegments"): "Lambda, which sends the traces of functions itself",
    ("Trace", "xray:PutTelemetryRecords"): "Lambda, which sends the traces of functions itself",
    ("TraceWork", "xray:PutTelemetryRecords"): "Lambda, for the workers' functions",
    ("DeliverLogs", "xray:PutTraceSegments"): "Step Functions, which sends the traces of executions itself",
    ("DeliverLogs", "xray:PutTelemetryRecords"): "Step Functions, which sends the traces of executions itself",
    ("DeliverLogs", "xray:GetSamplingRules"): "Step Functions, which sends the traces of executions itself",
    ("DeliverLogs", "xray:GetSamplingTargets"): "Step Functions, which sends the traces of executions itself",
    ("ReadSpeechModel", "s3:GetObject"): "deployments with their own speech model, which no journey has",
}
# The name of a role in a stack of the product: smmu-STAGE-LOGICALID-RANDOM.
NAME = re.compile(r"smmu-[a-z0-9]+-(?P<role>\w+)-\w+")


def listed(value: Any) -> list[Any]:
    """A list of one or several items; IAM allows both forms."""
    return value if isinstance(value, list) else [value]


# A role's name and the process id of its cloud: stacks in other clouds can have a role of the same name.
Role = tuple[str, int]


def noted(lines: list[str]) -> tuple[dict[Role, list[Statement]], dict[Role, list[dict[str, Any]]]]:
    """The statements of every role of the product, and the calls that each was allowed."""
    statements: dict[Role, list[Statement]] = {}
    allowed: dict[Role, list[dict[str, Any]]] = {}
    for entry in {line: json.loads(line) for line in lines}.values():
        if not NAME.fullmatch(entry["role"]):
            continue
        role = (entry["role"], entry["cloud"])
        if "policies" in entry:
            documents = [json.loads(one) if isinstance(one, str) else one for one in entry["policies"]]
            statements[role] = [one for document in documents for one in listed(document["Statement"])]
        else:
            allowed.setdefault(role, []).append(entry)
    return statements, allowed


def mutants(statements: list[Statement]) -> Iterator[tuple[str, str, list[Statement]]]:
    """Every reduced policy: the statement, the removed item, and the remaining statements."""
    for index, statement in enumerate(statements):
        rest = statements[:index] + statements[index + 1 :]
        yield statement["Sid"], "all of it", rest
        for member in ("Action", "Resource"):
            values = listed(statement[member])
            for value in values if len(values) > 1 else []:
                less = copy.deepcopy(statement) | {member: [one for one in values if one != value]}
                yield statement["Sid"], value, [*rest, less]


def denies(statements: list[Statement], allowed: list[dict[str, Any]]) -> bool:
    """True if these statements deny a call that was allowed."""
    from ministack.core import iam_evaluator

    policies = [iam_evaluator.parse_policy_document({"Statement": statements})]
    for one in allowed:
        request = iam_evaluator.EvalContext(
            principal_arn="",
            principal_type="AssumedRole",
            principal_account="000000000000",
            action=one["action"],
            resource_arn=one["resource"],
            region="us-east-1",
            secure_transport=True,
            service_context=one["keys"],
        )
        if iam_evaluator.evaluate(request, policies).decision != "Allow":
            return True
    return False


def generic(value: str, stack: str) -> str:
    """A resource without its account, its stage and generated ids."""
    value = value.replace(stack, "smmu-STAGE-").replace("000000000000", "ACCOUNT")
    return re.sub(r"-[0-9A-Fa-f]{12,}\b", "", value)


def judged(lines: list[str]) -> tuple[set[tuple[str, str, str]], set[tuple[str, str, str]]]:
    """All mutants (role, statement, removed item) of all stages, and those killed by a journey of some stage."""
    statements, allowed = noted(lines)
    every, killed = set(), set()
    for role, owned in statements.items():
        name, _ = role
        logical, stack = NAME.fullmatch(name)["role"], re.match(r"smmu-[a-z0-9]+-", name)[0]
        for sid, dropped, left in mutants(owned):
            mutant = (logical, sid, generic(dropped, stack))
            every.add(mutant)
            if mutant not in killed and denies(left, allowed.get(role, [])):
                killed.add(mutant)
    return every, killed


def excused(statements: dict[Role, list[Statement]], sid: str, dropped: str) -> bool:
    """True if the permission has a user that the local cloud cannot observe."""
    if (sid, dropped) in UNSEEN:
        return True
    actions = {
        action
        for owned in statements.values()
        for one in owned
        if one["Sid"] == sid
        for action in listed(one["Action"])
    }
    return dropped == "all of it" and bool(actions) and all((sid, action) in UNSEEN for action in actions)


def main() -> int:
    lines = Path(sys.argv[1]).read_text().splitlines()
    every, killed = judged(lines)
    statements, allowed = noted(lines)
    living = {mutant for mutant in every - killed if not excused(statements, *mutant[1:])}
    for role, sid, dropped in sorted(living):
        print(f"{role}: nothing needed {dropped} of {sid}")
    unseen = len(every) - len(killed) - len(living)
    roles = {NAME.fullmatch(name)["role"] for name, _ in statements}
    print(f"{sum(map(len, allowed.values()))} decisions on {len(roles)} roles")
    print(f"{len(killed)} of {len(every)} mutants of permissions killed, {unseen} out of sight, {len(living)} alive")
    return 1 if living or not every else 0


if __name__ == "__main__":
    sys.exit(main())
