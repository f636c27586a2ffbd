"""The template for `sam local invoke`."""

import unittest
from pathlib import Path

import sam_local
from checks import template

ROOT = Path(__file__).parents[2]


class Template(unittest.TestCase):
    def test_every_function_gets_endpoint_variables_and_keeps_its_own(self):
        given = {"Globals": {"Function": {"Environment": {"Variables": {"SMMU_STAGE": "dev"}}}}, "Resources": {}}
        made = sam_local.prepared(given)["Globals"]["Function"]["Environment"]["Variables"]
        self.assertEqual(made, {"SMMU_STAGE": "dev", **dict.fromkeys(sam_local.ENDPOINTS, "")})

    def test_the_workers_functions_get_images_of_this_machine(self):
        resources = template.load(ROOT / "template.yaml")["Resources"]
        made = sam_local.prepared({"Resources": resources})["Resources"]
        for worker in ("transcode", "transcribe"):
            function = made[f"{worker.capitalize()}Function"]["Properties"]
            self.assertEqual(function["Code"], {"ImageUri": f"smmu-sam-local-{worker}:latest"})
            variables = function["Environment"]["Variables"]
            self.assertLessEqual({*sam_local.ENDPOINTS, "SMMU_FUNCTION_ROOM"}, variables.keys())
