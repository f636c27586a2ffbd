"""tools/deploy.sh with stubs of `aws` and `sam`: its calls of AWS and the parameters for SAM."""

import json
import unittest

from checks import template
from tests.stubs import ROOT, Stubs

LINKED_ROLE = "aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com"


class Deploy(unittest.TestCase):
    def setUp(self):
        self.stubs = Stubs(self)

    def deploy(self, *parameters, quota="6.0", **environment):
        self.stubs.answer("get-service-quota", quota)
        environment = {"NO_IMAGES": "1", "IMAGE_TAG": "tested"} | environment
        # The page would be built by npm.
        page = () if "PAGE" in environment else ("Web=disabled",)
        return self.stubs.run("tools/deploy.sh", "dev", *page, *parameters, **environment)

    def parameters(self):
        return json.loads((self.stubs.folder / "parameters.json").read_text())

    def called_with(self, start):
        (call,) = [call for call in self.stubs.calls() if call.startswith(start)]
        return call

    def test_ecs_gets_its_service_linked_role_before_the_stacks(self):
        self.deploy()
        calls = self.stubs.calls()
        self.assertIn(LINKED_ROLE, calls)
        self.assertLess(calls.index(LINKED_ROLE), min(i for i, call in enumerate(calls) if "sam deploy" in call))

    def test_an_existing_service_linked_role_is_accepted(self):
        self.stubs.answer("create-service-linked-role", "InvalidInput: Service role name has been taken", 254)
        self.assertNotIn("service-linked role", self.deploy())

    def test_a_refused_service_linked_role_is_only_a_warning(self):
        self.stubs.answer("create-service-linked-role", "AccessDenied", 254)
        self.assertIn("first deployment fails without it: AccessDenied", self.deploy())
        self.called_with("sam deploy --config-file")

    def test_sizes_within_the_vcpu_quota_give_no_warning(self):
        self.assertNotIn("never starts", self.deploy())
        self.assertTrue(self.called_with("aws service-quotas").startswith("aws service-quotas get-service-quota"))

    def test_a_size_beyond_the_vcpu_quota_is_a_warning(self):
        said = self.deploy("TranscodeLargeCpu=8192", "TranscodeLargeMemory=16384")
        self.assertIn("a worker of 8 vCPU never starts under this account's quota of 6", said)

    def test_the_effective_profiles_are_checked_before_the_deployment(self):
        named = '{"web": {"speech": {"prompt": ["a \\\\"b\\\\""]}}}'
        self.deploy(f"Profiles={named}")
        self.assertEqual(self.stubs.calls()[0], f"smmu check-profiles --profile {{}} --profiles {named}")

    def test_invalid_profiles_are_not_deployed(self):
        self.stubs.answer("check-profiles", "", 2)
        with self.assertRaisesRegex(AssertionError, "the profiles cannot be deployed"):
            self.deploy()
        self.assertEqual(len(self.stubs.calls()), 1)

    def test_every_default_fits_the_quota_of_a_new_account(self):
        declared = template.load(ROOT / "template.yaml")["Parameters"]
        sizes = {name: one["Default"] for name, one in declared.items() if name.endswith("Cpu")}
        self.assertEqual(len(sizes), 3)
        # "AWS Fargate service quotas": 6 on-demand vCPU.
        self.assertLessEqual(max(sizes.values()), 6 * 1024)

    def zones(self, *zones, given=()):
        self.stubs = Stubs(self)
        self.stubs.answer("describe-availability-zones", "\n".join(f"{name}\t{zone}" for name, zone in zones))
        self.deploy(*given)
        return self.parameters()["WorkerZones"]

    def test_workers_get_three_zones_with_fargate(self):
        tokyo = [("ap-northeast-1d", "apne1-az2"), ("ap-northeast-1a", "apne1-az4"), ("ap-northeast-1b", "apne1-az3")]
        tokyo.append(("ap-northeast-1c", "apne1-az1"))
        self.assertEqual(self.zones(*tokyo), "ap-northeast-1a,ap-northeast-1c,ap-northeast-1d")
        california = [("us-west-1a", "usw1-az3"), ("us-west-1b", "usw1-az2"), ("us-west-1c", "usw1-az1")]
        self.assertEqual(self.zones(*california), "us-west-1a,us-west-1c,us-west-1a")
        ireland = [(f"eu-west-1{letter}", f"euw1-az{number}") for letter, number in zip("abcd", "2314", strict=True)]
        self.assertEqual(self.zones(*ireland), "eu-west-1a,eu-west-1b,eu-west-1c")
        self.assertEqual(self.zones(), "")

    def test_given_zones_are_kept_and_an_existing_network_needs_none(self):
        zones = [("eu-west-1a", "euw1-az1")]
        self.assertEqual(self.zones(*zones, given=["WorkerZones=x,y,z"]), "x,y,z")
        own = ["SubnetIdA=subnet-1", "SubnetIdB=subnet-2", "SecurityGroupId=sg-1"]
        self.assertEqual(self.zones(*zones, given=own), "")

    def test_functions_are_built_for_the_architecture_of_the_stack(self):
        for given, built in {(): "x86_64", ("Architecture=arm64",): "arm64"}.items():
            with self.subTest(built):
                self.stubs = Stubs(self)
                self.deploy(*given)
                self.assertEqual(self.called_with("sam build"), f"sam build --parameter-overrides Architecture={built}")
                self.assertEqual(self.parameters()["Architecture"], built)

    def page(self):
        """The folder of a built page."""
        folder = self.stubs.folder / "dist"
        (folder / "assets").mkdir(parents=True)
        (folder / "index.html").write_text("<head></head>")
        (folder / "assets/a.js").write_text("")
        return str(folder)

    def outputs(self, **outputs):
        for name, value in outputs.items():
            self.stubs.answer(f"OutputKey=='{name}'", value)

    def test_the_page_is_stored_after_the_stack_and_its_address_printed(self):
        self.outputs(WebAddress="https://d1.cloudfront.net", WebBucketName="the-bucket")
        self.outputs(WebPageConfig='{"api": "https://a"}', WebPageSources="https://a")
        said = self.deploy(PREBUILT="1", PAGE=self.page())
        self.assertIn("the web page is at https://d1.cloudfront.net", said)
        stack = self.called_with("sam deploy --config")
        calls = self.stubs.calls()
        assets, others = [call for call in calls if call.startswith("aws s3 cp ")]
        self.assertLess(calls.index(stack), calls.index(assets))
        self.assertRegex(
            assets, "/page/assets s3://the-bucket/assets .*--cache-control public, max-age=31536000, immutable"
        )
        self.assertRegex(others, "/page s3://the-bucket .*--exclude assets/[*] --cache-control no-cache")

    def test_a_page_that_is_missing_or_has_no_cloudfront_is_left_out(self):
        for outputs, page, why in (
            ({}, "nowhere", "the web page was not built, so it is left out"),
            ({"WebAddress": "None"}, None, "this partition has no CloudFront, so the web page is left out"),
        ):
            with self.subTest(why):
                self.stubs = Stubs(self)
                self.outputs(**outputs)
                self.assertIn(why, self.deploy(PREBUILT="1", PAGE=page or self.page()))
                self.assertFalse([call for call in self.stubs.calls() if call.startswith("aws s3")])

    def test_a_stack_without_a_page_stores_none(self):
        self.assertNotIn("page", self.deploy("Web=disabled", PREBUILT="1", PAGE=self.page()))
        self.assertFalse([call for call in self.stubs.calls() if "describe-stacks" in call])

    def test_every_parameter_except_secrets_is_sent(self):
        self.deploy("MaxImageBytes=1000")
        declared = template.load(ROOT / "template.yaml")["Parameters"]
        secrets = {name for name, one in declared.items() if one.get("NoEcho")}
        self.assertEqual(self.parameters().keys(), declared.keys() - secrets)
        self.assertEqual(self.parameters()["MaxImageBytes"], "1000")
        self.assertEqual(self.parameters()["MaxVideoBytes"], str(declared["MaxVideoBytes"]["Default"]))
        self.assertEqual(self.parameters()["ImageTag"], "tested")
