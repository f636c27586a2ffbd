"""The mutation test of permissions."""

import json
import sys
import types
import unittest
from unittest import mock

import mutate_permissions

ROLE = "smmu-dev-ApiRole-A49D96480502E"
READ = {"Sid": "Read", "Effect": "Allow", "Action": ["t:Get", "t:Put"], "Resource": ["arn:a", "arn:b"]}
TRACE = {"Sid": "Trace", "Effect": "Allow", "Action": "xray:PutTraceSegments", "Resource": "*"}


def lines(*allowed, statements=(READ,), role=ROLE, cloud=1):
    policies = {"policies": [json.dumps({"Statement": list(statements)})]}
    decisions = [{"action": action, "resource": name, "keys": {}} for action, name in allowed]
    return [json.dumps({"role": role, "cloud": cloud, **entry}) for entry in (policies, *decisions)]


def evaluator():
    """Replaces the emulator's evaluator, which is only in its own environment. Exact names, no conditions."""

    def evaluate(request, policies):
        covered = any(
            request.action in mutate_permissions.listed(one["Action"])
            and request.resource_arn in mutate_permissions.listed(one["Resource"])
            for policy in policies
            for one in policy
        )
        return types.SimpleNamespace(decision="Allow" if covered else "ImplicitDeny")

    context = lambda **request: types.SimpleNamespace(**request)  # noqa: E731
    made = types.SimpleNamespace(
        evaluate=evaluate, EvalContext=context, parse_policy_document=lambda document: document["Statement"]
    )
    return mock.patch.dict(sys.modules, {"ministack": mock.Mock(), "ministack.core": mock.Mock(iam_evaluator=made)})


def living(noted):
    with evaluator():
        every, killed = mutate_permissions.judged(noted)
    return {dropped for _, _, dropped in every - killed}


class Judged(unittest.TestCase):
    def test_every_statement_action_and_resource_is_removed_in_turn(self):
        with evaluator():
            every, _ = mutate_permissions.judged(lines())
        self.assertEqual({dropped for _, _, dropped in every}, {"all of it", "t:Get", "t:Put", "arn:a", "arn:b"})

    def test_an_allowed_call_kills_the_mutants_that_deny_it(self):
        self.assertEqual(living(lines(("t:Get", "arn:a"))), {"t:Put", "arn:b"})
        self.assertEqual(living(lines(("t:Get", "arn:a"), ("t:Put", "arn:b"))), set())

    def test_a_mutant_killed_in_one_stage_is_killed(self):
        other = lines(("t:Put", "arn:b"), role=ROLE.replace("dev", "prod"))
        self.assertEqual(living([*lines(("t:Get", "arn:a")), *other]), set())

    def test_roles_of_one_name_in_two_clouds_have_their_own_policies(self):
        calls = lines(("t:Get", "arn:a"), ("t:Put", "arn:b"))
        self.assertEqual(living([*calls, *lines(statements=(TRACE,), cloud=2)]), {"all of it"})

    def test_roles_of_other_stacks_are_ignored(self):
        with evaluator():
            self.assertEqual(mutate_permissions.judged(lines(role="contracts-TellRole-1"))[0], set())

    def test_resources_are_shown_without_stage_account_and_generated_names(self):
        name = "arn:x:000000000000:smmu-dev-fn-A49D96480502E/smmu-dev-jobs"
        self.assertEqual(mutate_permissions.generic(name, "smmu-dev-"), "arn:x:ACCOUNT:smmu-STAGE-fn/smmu-STAGE-jobs")


class Excused(unittest.TestCase):
    def test_unobservable_permissions_are_excused_by_action(self):
        statements = {ROLE: [TRACE, READ]}
        excused = [
            mutate_permissions.excused(statements, sid, dropped)
            for sid, dropped in (("Trace", "xray:PutTraceSegments"), ("Trace", "all of it"), ("Read", "all of it"))
        ]
        self.assertEqual(excused, [True, True, False])


if __name__ == "__main__":
    unittest.main()
