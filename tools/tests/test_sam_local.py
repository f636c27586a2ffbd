"""What `sam local invoke` is given."""

import unittest

import sam_local


class Template(unittest.TestCase):
    def test_every_function_may_be_told_endpoints_and_keeps_its_variables(self):
        given = {"Globals": {"Function": {"Environment": {"Variables": {"SMMU_STAGE": "dev"}}}}}
        made = sam_local.with_endpoints(given)["Globals"]["Function"]["Environment"]["Variables"]
        self.assertEqual(made, {"SMMU_STAGE": "dev", **dict.fromkeys(sam_local.ENDPOINTS, "")})
