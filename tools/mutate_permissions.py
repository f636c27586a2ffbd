"""Takes permissions away from roles, one at a time, and tells which nobody would miss: `mutate_permissions.py NOTED`.

NOTED is what the local cloud noted while the journeys ran (SMMU_CALLS): the policies of every role, and what IAM
allowed it. Each statement, each of its actions and each of its resources is dropped in turn, and the emulator's own
evaluator judges again what was allowed. A mutant lives when it denies nothing of it: then nobody needs the permission,
or no journey does. Every survivor is a finding, unless UNSEEN says who needs it where the local cloud cannot see it.
"""

import copy
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Statement = dict[str, Any]

# What the local cloud cannot see: by statement and action, who needs it.
UNSEEN = {
    ("Trace", "xray:PutTraceSegments"): "Lambda, which sends the traces of functions itself",
    ("Trace", "xray:PutTelemetryRecords"): "Lambda, which sends the traces of functions itself",
    ("DeliverLogs", "xray:PutTraceSegments"): "Step Functions, which sends the traces of executions itself",
    ("DeliverLogs", "xray:PutTelemetryRecords"): "Step Functions, which sends the traces of executions itself",
    ("DeliverLogs", "xray:GetSamplingRules"): "Step Functions, which sends the traces of executions itself",
    ("DeliverLogs", "xray:GetSamplingTargets"): "Step Functions, which sends the traces of executions itself",
    ("ReadSpeechModel", "s3:GetObject"): "deployments with a speech model of their own, of which no journey has one",
}
# A role as a stack of the product names it: smmu-STAGE-LOGICALID-RANDOM.
NAME = re.compile(r"smmu-[a-z0-9]+-(?P<role>\w+)-\w+")


def listed(value: Any) -> list[Any]:
    """One thing or several, as IAM writes them."""
    return value if isinstance(value, list) else [value]


def noted(lines: list[str]) -> tuple[dict[str, list[Statement]], dict[str, list[dict[str, Any]]]]:
    """The statements of every role of the product, and what each was allowed."""
    statements: dict[str, list[Statement]] = {}
    allowed: dict[str, list[dict[str, Any]]] = {}
    for entry in {line: json.loads(line) for line in lines}.values():
        if not NAME.fullmatch(entry["role"]):
            continue
        if "policies" in entry:
            documents = [json.loads(one) if isinstance(one, str) else one for one in entry["policies"]]
            statements[entry["role"]] = [one for document in documents for one in listed(document["Statement"])]
        else:
            allowed.setdefault(entry["role"], []).append(entry)
    return statements, allowed


def mutants(statements: list[Statement]) -> Iterator[tuple[str, str, list[Statement]]]:
    """Every way to have less: what was dropped, of which statement, and what is left."""
    for index, statement in enumerate(statements):
        rest = statements[:index] + statements[index + 1 :]
        yield statement["Sid"], "all of it", rest
        for member in ("Action", "Resource"):
            values = listed(statement[member])
            for value in values if len(values) > 1 else []:
                less = copy.deepcopy(statement) | {member: [one for one in values if one != value]}
                yield statement["Sid"], value, [*rest, less]


def denies(statements: list[Statement], allowed: list[dict[str, Any]]) -> bool:
    """Whether these statements deny anything that was allowed."""
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
    """A resource without its account, stage and the ids that CloudFormation made."""
    value = value.replace(stack, "smmu-STAGE-").replace("000000000000", "ACCOUNT")
    return re.sub(r"-[0-9A-Fa-f]{12,}\b", "", value)


def judged(lines: list[str]) -> tuple[set[tuple[str, str, str]], set[tuple[str, str, str]]]:
    """The mutants (role, statement, what was dropped) of all stages, and those that some stage's journeys miss."""
    statements, allowed = noted(lines)
    every, killed = set(), set()
    for role, owned in statements.items():
        logical, stack = NAME.fullmatch(role)["role"], re.match(r"smmu-[a-z0-9]+-", role)[0]
        for sid, dropped, left in mutants(owned):
            mutant = (logical, sid, generic(dropped, stack))
            every.add(mutant)
            if mutant not in killed and denies(left, allowed.get(role, [])):
                killed.add(mutant)
    return every, killed


def excused(statements: dict[str, list[Statement]], sid: str, dropped: str) -> bool:
    """Whether somebody needs it where the local cloud cannot see it."""
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
    roles = {NAME.fullmatch(one)["role"] for one in statements}
    print(f"{sum(map(len, allowed.values()))} decisions on {len(roles)} roles")
    print(f"{len(killed)} of {len(every)} mutants of permissions killed, {unseen} out of sight, {len(living)} alive")
    return 1 if living or not every else 0


if __name__ == "__main__":
    sys.exit(main())
