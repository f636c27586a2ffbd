import copy
import json
import unittest
from pathlib import Path

from checks import state_machine

RETRY = {
    "ErrorEquals": ["Transient"],
    "IntervalSeconds": 1,
    "MaxAttempts": 3,
    "BackoffRate": 2,
    "JitterStrategy": "FULL",
}
TASK = {
    "Type": "Task",
    "TimeoutSeconds": 60,
    "Retry": [RETRY],
    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
    "Next": "Done",
}
GOOD = {"StartAt": "Work", "States": {"Work": TASK, "Done": {"Type": "Succeed"}, "Failed": {"Type": "Fail"}}}


def broken(change):
    """Findings for the valid machine after a change."""
    machine = copy.deepcopy(GOOD)
    change(machine["States"])
    return list(state_machine.machine_findings(machine))


class Machine(unittest.TestCase):
    def assert_finding(self, findings, part):
        self.assertTrue(any(part in finding for finding in findings), f"{part!r} not in {findings}")

    def test_a_valid_machine_has_no_findings(self):
        self.assertEqual(broken(lambda states: None), [])

    def test_a_dangling_next_is_found(self):
        self.assert_finding(broken(lambda s: s["Work"].update(Next="Dnoe")), "leads to Dnoe")

    def test_a_dangling_catch_is_found(self):
        catch = [{"ErrorEquals": ["States.ALL"], "Next": "Nowhere"}]
        self.assert_finding(broken(lambda s: s["Work"].update(Catch=catch)), "leads to Nowhere")

    def test_an_unreachable_state_is_found(self):
        self.assert_finding(broken(lambda s: s.update(Island={"Type": "Succeed"})), "Island: no state leads here")

    def test_states_that_only_lead_to_each_other_are_unreachable(self):
        loop = {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}
        self.assert_finding(broken(lambda s: s.update(loop)), "A: no state leads here")

    def test_a_state_without_next_or_end_is_found(self):
        self.assert_finding(broken(lambda s: s["Work"].pop("Next")), "needs either Next or End")

    def test_a_choice_without_default_is_found(self):
        choice = {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "Work"}]}
        self.assert_finding(broken(lambda s: s.update(Done=choice)), "needs a Default")

    def test_a_task_without_timeout_retry_or_catch_is_found(self):
        for field in ("TimeoutSeconds", "Retry", "Catch"):
            with self.subTest(field):
                self.assert_finding(
                    broken(lambda s, f=field: s["Work"].pop(f)), f"needs {'a ' * (field == 'Catch')}{field}"
                )

    def test_a_retry_without_backoff_or_jitter_is_found(self):
        for field in ("BackoffRate", "JitterStrategy"):
            with self.subTest(field):
                self.assert_finding(broken(lambda s, f=field: s["Work"]["Retry"][0].pop(f)), f"needs {field}")

    def test_a_catch_of_some_errors_is_not_enough(self):
        catch = [{"ErrorEquals": ["Transient"], "Next": "Failed"}]
        self.assert_finding(broken(lambda s: s["Work"].update(Catch=catch)), "needs a Catch of States.ALL")


class WorkerFunctions(unittest.TestCase):
    """A worker's function, and the states to which it leaves its work."""

    def findings(self, change):
        path = Path(__file__).parents[2] / "statemachine.asl.json"
        machine = json.loads(path.read_text())
        change(machine["States"]["TranscodeInFunction"])
        return list(state_machine.machine_findings(machine))

    def test_the_state_machine_of_the_product_has_no_findings(self):
        self.assertEqual(self.findings(lambda state: None), [])

    def test_work_that_is_left_must_go_to_the_chosen_capacity(self):
        found = self.findings(lambda state: state["Catch"][0].update(Next="TranscodeOnDemand"))
        self.assertTrue(any("must be the worker on the chosen capacity" in one for one in found), found)

    def test_a_failed_attempt_counts(self):
        found = self.findings(lambda state: state["Catch"][1].update(Next="Transcode"))
        self.assertTrue(any("because the attempt counts" in one for one in found), found)

    def test_a_failed_attempt_is_made_once_more_and_one_that_took_too_long_is_not(self):
        found = self.findings(lambda state: state["Retry"].pop())
        self.assertTrue(all("is tried again 1 times" in one for one in found) and len(found) == 3, found)
        found = self.findings(lambda state: state["Retry"][-1]["ErrorEquals"].append("States.Timeout"))
        self.assertTrue(any("took too long must not be tried again" in one for one in found), found)

    def test_the_error_must_not_reach_the_container(self):
        found = self.findings(lambda state: state["Catch"][0].update(ResultPath="$.error"))
        self.assertTrue(any("must be discarded" in one for one in found), found)


class Functions(unittest.TestCase):
    def findings(self, **changed):
        """Findings for a valid function after a change of one of its three retriers."""
        retriers = {
            "throttled": RETRY
            | {"ErrorEquals": list(state_machine.THROTTLED), "MaxAttempts": 3000, "MaxDelaySeconds": 300},
            "unanswered": RETRY
            | {"ErrorEquals": list(state_machine.UNANSWERED), "MaxAttempts": 12, "MaxDelaySeconds": 30},
            "crashed": RETRY | {"ErrorEquals": list(state_machine.CRASHED), "MaxAttempts": 3},
        }
        retry = [retrier | changed.get(name, {}) for name, retrier in retriers.items()]
        machine = copy.deepcopy(GOOD) | {"TimeoutSeconds": 345600}
        machine["States"]["Work"].update(Resource=state_machine.FUNCTION, Retry=retry)
        return list(state_machine.machine_findings(machine))

    def test_a_valid_function_has_no_findings(self):
        self.assertEqual(self.findings(), [])

    def test_a_throttled_function_must_be_waited_for(self):
        (found,) = self.findings(throttled={"MaxAttempts": 30})
        self.assertIn("TooManyRequestsException must be waited out for 345600 s", found)

    def test_services_that_do_not_answer_must_be_waited_for(self):
        found = self.findings(unanswered={"MaxAttempts": 5})
        expected = [
            f"Work: {error} must be waited out for 60 s; the Retry ends earlier" for error in state_machine.UNANSWERED
        ]
        self.assertEqual(found, expected)

    def test_a_crashed_function_must_be_tried_again(self):
        found = self.findings(crashed={"MaxAttempts": 1})
        expected = [f"Work: after {error}, a function is tried again 3 times" for error in state_machine.CRASHED]
        self.assertEqual(found, expected)


class Parallel(unittest.TestCase):
    def findings(self, outer_catch):
        inner = {key: value for key, value in TASK.items() if key not in ("Catch", "Next")} | {"End": True}
        branch = {"StartAt": "Inner", "States": {"Inner": inner}}
        work = {"Type": "Parallel", "Branches": [branch], "Next": "Done"}
        if outer_catch:
            work["Catch"] = TASK["Catch"]
        failed = {"Failed": {"Type": "Fail"}} if outer_catch else {}
        machine = {"StartAt": "Work", "States": {"Work": work, "Done": {"Type": "Succeed"}} | failed}
        return list(state_machine.machine_findings(machine))

    def test_a_task_in_a_branch_is_caught_by_the_enclosing_state(self):
        self.assertEqual(self.findings(outer_catch=True), [])

    def test_an_error_caught_in_a_branch_must_be_reported_to_the_job(self):
        inner = {key: value for key, value in TASK.items() if key != "Next"} | {"End": True}
        for action, found in (("give_up", []), ("fail", ["Work/Inner: a Catch of everything in a branch"])):
            with self.subTest(action):
                told = {key: value for key, value in inner.items() if key != "Catch"}
                told["Parameters"] = {"Payload": {"action": action}}
                branch = {"StartAt": "Inner", "States": {"Inner": inner, "Failed": told}}
                work = TASK | {"Type": "Parallel", "Branches": [branch]}
                states = {"Work": work, "Done": {"Type": "Succeed"}, "Failed": {"Type": "Fail"}}
                findings = list(state_machine.machine_findings({"StartAt": "Work", "States": states}))
                self.assertEqual([finding.partition(" must")[0] for finding in findings], found)

    def test_an_uncaught_task_is_found(self):
        self.assertEqual(self.findings(outer_catch=False), ["Work/Inner: a Task needs a Catch of States.ALL"])


class Workers(unittest.TestCase):
    def findings(self, change):
        """Findings for a valid pair of worker states after a change."""

        def worker(provider, **fields):
            parameters = {"CapacityProviderStrategy": [{"CapacityProvider": provider}], "TaskDefinition": "worker:1"}
            return TASK | {"Resource": state_machine.WORKER, "Parameters": parameters} | fields

        errors = {"ErrorEquals": sorted(state_machine.CAPACITY_ERRORS)}
        fall = errors | {"ResultPath": None, "Next": "OnDemand"}
        first = worker("FARGATE_SPOT", Catch=[fall, *TASK["Catch"]])
        waits = RETRY | {"ErrorEquals": list(state_machine.WAITED_OUT), "MaxAttempts": 3000, "MaxDelaySeconds": 300}
        again = RETRY | {"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 2}
        states = GOOD["States"] | {"Work": first, "OnDemand": worker("FARGATE", Retry=[waits, again])}
        states = copy.deepcopy(states)
        change(states)
        return list(state_machine.machine_findings(GOOD | {"States": states, "TimeoutSeconds": 345600}))

    def test_a_valid_pair_has_no_findings(self):
        self.assertEqual(self.findings(lambda states: None), [])

    def test_an_invalid_pair_is_found(self):
        def other_provider(states):
            states["OnDemand"]["Parameters"]["CapacityProviderStrategy"][0]["CapacityProvider"] = "FARGATE_SPOT"

        for part, change in {
            "no LaunchType": lambda s: s["Work"]["Parameters"].update(LaunchType="FARGATE"),
            "of one provider": lambda s: s["Work"]["Parameters"].pop("CapacityProviderStrategy"),
            "took too long": lambda s: s["OnDemand"]["Retry"][0]["ErrorEquals"].append("States.Timeout"),
            "needs a Retry on AmazonECS.Unknown": lambda s: s["OnDemand"]["Retry"][0]["ErrorEquals"].remove(
                "AmazonECS.Unknown"
            ),
            "AmazonECS.Unknown must be waited out for 345600 s": lambda s: s["OnDemand"]["Retry"][0].update(
                MaxAttempts=30
            ),
            # States.TaskFailed matches all errors except States.Timeout.
            "ECS.ThrottlingException must be waited out": lambda s: s["OnDemand"]["Retry"].reverse(),
            "MaxDelaySeconds of 300 at most": lambda s: s["OnDemand"]["Retry"][0].pop("MaxDelaySeconds"),
            "fills the execution's history": lambda s: s["OnDemand"]["Retry"][0].update(
                MaxAttempts=90_000, MaxDelaySeconds=60
            ),
            "tried again 2 times": lambda s: s["OnDemand"]["Retry"][1].update(MaxAttempts=3),
            "not to a Retry": lambda s: s["Work"]["Retry"][0].update(ErrorEquals=["States.TaskFailed"]),
            "needs a Catch of AmazonECS.Unknown": lambda s: s["Work"]["Catch"].pop(0),
            "must discard the error": lambda s: s["Work"]["Catch"][0].pop("ResultPath"),
            "must be the same worker": lambda s: s["OnDemand"].update(TimeoutSeconds=1),
            "OnDemand must be the same worker on FARGATE": other_provider,
        }.items():
            with self.subTest(part):
                found = self.findings(change)
                self.assertTrue(any(part in finding for finding in found), f"{part!r} not in {found}")

    def test_the_cluster_must_have_every_selectable_provider(self):
        stack = {
            "Parameters": {"WorkerCapacity": {"AllowedValues": ["FARGATE_SPOT", "FARGATE"]}},
            "Resources": {"Cluster": {"Properties": {"CapacityProviders": ["FARGATE"]}}},
        }
        self.assertEqual(
            list(state_machine.provider_findings(stack)), ["the cluster has no capacity provider FARGATE_SPOT"]
        )


class Substitutions(unittest.TestCase):
    def test_names_must_match_both_ways(self):
        found = list(state_machine.substitution_findings('"${Asked} ${Both}"', {"Both": 1, "Spare": 2}))
        self.assertEqual(len(found), 2)
        self.assertIn("${Asked}", found[0])
        self.assertIn("Spare", found[1])


class Light(unittest.TestCase):
    def findings(self, change):
        """Findings for a valid light machine after a change."""
        over = {"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "HandOver"}
        refused = {"ErrorEquals": ["Refused"], "ResultPath": "$.error", "Next": "MarkFailed"}
        call = TASK | {"Resource": state_machine.FUNCTION, "Catch": [refused, over]}
        left = {"Type": "Pass", "Next": "HandOver"}
        catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "Failed"}]
        hand_over = TASK | {"Resource": state_machine.HAND_OVER, "Catch": catch}
        states = GOOD["States"] | {"Work": call, "HandOver": hand_over}
        states |= {"MarkFailed": call | {"Catch": [over | {"Next": "Left"}]}, "Left": left}
        machine = copy.deepcopy(GOOD | {"TimeoutSeconds": 290, "States": states})
        change(machine)
        return list(state_machine.light_findings(machine))

    def test_a_valid_machine_has_no_findings(self):
        self.assertEqual(self.findings(lambda machine: None), [])

    def test_what_express_cannot_do_or_a_hold_does_not_last_for_is_found(self):
        def work(**changed):
            return lambda machine: machine["States"]["Work"].update(changed)

        for part, change in {
            "TimeoutSeconds of less than 300": lambda m: m.update(TimeoutSeconds=300),
            "calls only functions": work(Resource=state_machine.WORKER),
            "retries wait longer": work(Retry=[RETRY | {"MaxAttempts": 12, "MaxDelaySeconds": 5}]),
            "only a refusal does": lambda m: m["States"]["Work"]["Catch"][0].update(ErrorEquals=["Fault"]),
            "must lead to the Standard": lambda m: m["States"]["Work"]["Catch"][1].update(Next="Failed"),
            "must be discarded": lambda m: m["States"]["Work"]["Catch"][1].update(ResultPath="$.error"),
            "needs a Catch of States.ALL": lambda m: m["States"]["Work"]["Catch"].pop(),
            "does not wait": lambda m: m["States"]["Left"].update(Type="Wait"),
        }.items():
            with self.subTest(part):
                found = self.findings(change)
                self.assertTrue(any(part in finding for finding in found), f"{part!r} not in {found}")
