"""Effects of template.yaml's parameters, and the stages of the pipeline."""

import unittest
from typing import Any

import yaml

from checks import template
from tests.stubs import ROOT

STACK = template.load(ROOT / "template.yaml")


class Evaluated:
    """The template with values for parameters: conditions and the functions that the tests need."""

    def __init__(self, zones=("zone-1", "zone-2", "zone-3"), **parameters):
        self.zones = list(zones)
        defaults = {name: one.get("Default") for name, one in STACK["Parameters"].items()}
        self.parameters = defaults | parameters

    def value(self, given: Any) -> Any:
        if isinstance(given, list):
            return [one for one in map(self.value, given) if one is not None]
        if not isinstance(given, dict):
            return given
        match list(given.items()):
            case [("Ref", "AWS::NoValue")]:
                return None
            case [("Ref", name)]:
                value = self.parameters.get(name, name)
                listed = STACK["Parameters"].get(name, {}).get("Type") == "CommaDelimitedList"
                return value.split(",") if listed else value
            case [("Fn::If", [condition, *branches])]:
                # Both branches are evaluated, and either can fail.
                yes, no = map(self.value, branches)
                return yes if self.holds(STACK["Conditions"][condition]) else no
            case [("Fn::Join", [separator, values])]:
                return separator.join(self.value(values))
            case [("Fn::Select", [index, values])]:
                return self.value(values)[index]
            case [("Fn::Split", [separator, text])]:
                return self.value(text).split(separator)
            case [("Fn::GetAZs", _)]:
                return self.zones
            case [("Fn::Sub", str(text))]:
                for name, value in self.parameters.items():
                    text = text.replace(f"${{{name}}}", str(value))
                return text
        return {name: made for name, one in given.items() if (made := self.value(one)) is not None}

    def holds(self, condition: Any) -> bool:
        match list(condition.items()):
            case [("Fn::Equals", [left, right])]:
                return str(self.value(left)) == str(self.value(right))
            case [("Fn::Not", [inner])]:
                return not self.holds(inner)
            case [("Fn::And", inner)]:
                return all(map(self.holds, inner))
            case other:
                raise NotImplementedError(other)

    def __getitem__(self, resource):
        return self.value(STACK["Resources"][resource]["Properties"])


class Parameters(unittest.TestCase):
    def test_concurrency_is_reserved_for_images_only_if_configured(self):
        self.assertNotIn("ReservedConcurrentExecutions", Evaluated()["RenderImageFunction"])
        limited = Evaluated(RenderImageConcurrency=50)["RenderImageFunction"]
        self.assertEqual(limited["ReservedConcurrentExecutions"], 50)

    def test_concurrency_is_reserved_for_the_api_only_if_configured(self):
        self.assertNotIn("ReservedConcurrentExecutions", Evaluated()["ApiFunction"])
        limited = Evaluated(ApiConcurrency=300)["ApiFunction"]
        self.assertEqual(limited["ReservedConcurrentExecutions"], 300)

    def test_as_many_batches_are_dispatched_at_once_as_configured(self):
        for given, expected in (({}, 5), ({"DispatchConcurrency": 20}, 20)):
            queue = Evaluated(**given)["DispatchFunction"]["Events"]["Messages"]["Properties"]
            self.assertEqual(queue["ScalingConfig"]["MaximumConcurrency"], expected)

    def test_tables_use_the_free_key_unless_the_accounts_is_configured(self):
        for table in ("JobsTable", "MediaTable"):
            self.assertIs(Evaluated()[table]["SSESpecification"]["SSEEnabled"], False)
            self.assertIs(Evaluated(TableKey="aws-managed")[table]["SSESpecification"]["SSEEnabled"], True)

    def test_the_image_tag_has_no_default(self):
        self.assertNotIn("Default", STACK["Parameters"]["ImageTag"])

    def test_workers_run_in_three_zones_of_the_stacks_own_network(self):
        def zones(stack):
            return [stack[name]["AvailabilityZone"] for name in ("SubnetA", "SubnetB", "SubnetC")]

        self.assertEqual(zones(Evaluated()), ["zone-1", "zone-2", "zone-3"])
        self.assertEqual(zones(Evaluated(WorkerZones="x,y,x")), ["x", "y", "x"])
        california = Evaluated(zones=("a", "c"), WorkerZones="a,c,a")
        self.assertEqual(zones(california), ["a", "c", "a"])
        subnets = Evaluated()["JobsStateMachine"]["DefinitionSubstitutions"]["Subnets"]
        self.assertEqual(subnets, "${SubnetA},${SubnetB},${SubnetC}")

    def test_workers_run_in_two_or_three_subnets_of_an_existing_network(self):
        own = {"SubnetIdA": "subnet-1", "SubnetIdB": "subnet-2", "SecurityGroupId": "sg-1"}
        two = Evaluated(**own)["JobsStateMachine"]["DefinitionSubstitutions"]
        self.assertEqual((two["Subnets"], two["AssignPublicIp"]), ("subnet-1,subnet-2", "DISABLED"))
        three = Evaluated(**own, SubnetIdC="subnet-3")["JobsStateMachine"]["DefinitionSubstitutions"]
        self.assertEqual(three["Subnets"], "subnet-1,subnet-2,subnet-3")


class Pipeline(unittest.TestCase):
    def test_a_stage_waiting_for_approval_does_not_block_others(self):
        workflows = ROOT / ".github/workflows"
        self.assertNotIn("concurrency", yaml.safe_load((workflows / "deploy.yml").read_text()))
        (job,) = yaml.safe_load((workflows / "deploy-stage.yml").read_text())["jobs"].values()
        self.assertEqual(job["concurrency"], {"group": "deploy-${{ inputs.stage }}", "cancel-in-progress": False})
