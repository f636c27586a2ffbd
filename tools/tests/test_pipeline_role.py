"""The check that the pipeline's role allows exactly the calls of a deployment."""

import json
import unittest

from checks import pipeline_role, template
from tests.stubs import ROOT

QUEUE = {"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "smmu-${Stage}-q"}}}}}


class PipelineRole(unittest.TestCase):
    def found(self, *statements):
        policy = {"Statement": [{"Sid": "Queues", "Effect": "Allow", **statement} for statement in statements]}
        return list(pipeline_role.differences(policy, list(pipeline_role.of_templates(QUEUE))))

    def test_calls_in_a_type_s_schema_must_be_allowed_on_its_resource(self):
        everything = {"Action": "sqs:*", "Resource": "arn:aws:sqs:REGION:ACCOUNT:smmu-STAGE-*"}
        self.assertEqual(self.found(everything), [])
        missing = "docs/pipeline-role.json does not allow sqs:CreateQueue on arn:aws:sqs:REGION:ACCOUNT:smmu-STAGE-q"
        missing += ", which AWS::SQS::Queue needs"
        self.assertIn(missing, self.found({**everything, "Action": ["sqs:Get*", "sqs:List*", "sqs:Delete*"]}))
        self.assertIn(missing, self.found({**everything, "Resource": "arn:aws:sqs:REGION:ACCOUNT:others-*"}))

    def test_an_unused_permission_is_found(self):
        found = self.found({"Action": ["sqs:*", "sns:Publish"], "Resource": "*"})
        self.assertEqual(found, ["docs/pipeline-role.json: Queues allows sns:Publish, which nothing needs"])

    def test_an_action_without_resources_must_be_allowed_on_everything(self):
        pool = {"Resources": {"P": {"Type": "AWS::Cognito::UserPool", "Properties": {}}}}
        calls = {call.action: call.resource for call in pipeline_role.of_templates(pool)}
        self.assertEqual(calls["cognito-idp:CreateUserPool"], "*")
        self.assertEqual(calls["cognito-idp:DeleteUserPool"], pipeline_role.arn("AWS::Cognito::UserPool", "P", {}))

    def test_a_misspelt_action_and_a_too_long_policy_are_found(self):
        misspelt = {"Statement": [{"Sid": "Queues", "Action": ["sqs:CreateQueues"], "Resource": "*"}]}
        (found,) = pipeline_role.malformed(misspelt)
        self.assertIn("allows sqs:CreateQueues, which is not an action", found)
        long = {"Statement": [{"Sid": "Long", "Action": "sqs:*", "Resource": ["x" * 100] * 110}]}
        self.assertIn("characters", next(pipeline_role.malformed(long)))

    def test_the_pipeline_cannot_change_its_own_role(self):
        policy = json.loads((ROOT / pipeline_role.POLICY).read_text())
        for action in ("iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"):
            self.assertFalse(pipeline_role.allows(policy, action, "arn:aws:iam::ACCOUNT:role/pipeline-STAGE"))

    def test_every_type_of_the_templates_has_a_schema_and_an_arn(self):
        for name in ("template.yaml", "repositories.yaml"):
            self.assertGreater(len(list(pipeline_role.of_templates(template.load(ROOT / name)))), 10)
