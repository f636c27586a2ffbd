"""Records the allowed calls of roles. tools/mutate_permissions.py finds those that fewer permissions would deny."""

import json
import os

from ministack.core import iam_evaluator
from ministack.services import iam

from patches import reviewed


def note_decisions(path):
    """Appends each call that IAM allowed a role to a file, once, as a line of JSON, after the policies of the role.

    The same evaluator decides on requests, including presigned ones, and on what services do in a role's name
    (roles.py).
    """
    evaluate = reviewed(iam_evaluator, "evaluate", "ctx", "policies", "limits")
    # O_APPEND: several clouds append whole lines to one file concurrently. Their roles can have the same name and other
    # policies.
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    seen = set()

    def note(entry):
        line = json.dumps({**entry, "cloud": os.getpid()}, sort_keys=True).encode() + b"\n"
        if line not in seen:
            seen.add(line)
            os.write(file, line)

    def evaluate_and_note(ctx, policies, *limits):
        result = evaluate(ctx, policies, *limits)
        if result.decision == "Allow" and ctx.principal_type == "AssumedRole":
            role = iam_evaluator._role_name_from_assumed_arn(ctx.principal_arn)
            found = iam._roles.get_scoped(ctx.principal_account, None, role) or {}
            note({"role": role, "policies": list(found.get("InlinePolicies", {}).values())})
            keys = {name: value for name, value in ctx.service_context.items() if value is not None}
            note({"role": role, "action": ctx.action, "resource": ctx.resource_arn, "keys": keys})
        return result

    iam_evaluator.evaluate = evaluate_and_note
