"""The template for `sam local invoke`."""

import unittest

import sam_local


class Template(unittest.TestCase):
    def test_every_function_gets_endpoint_variables_and_keeps_its_own(self):
        given = {"Globals": {"Function": {"Environment": {"Variables": {"SMMU_STAGE": "dev"}}}}}
        made = sam_local.with_endpoints(given)["Globals"]["Function"]["Environment"]["Variables"]
        self.assertEqual(made, {"SMMU_STAGE": "dev", **dict.fromkeys(sam_local.ENDPOINTS, "")})
