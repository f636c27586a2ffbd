"""The check that docs/PERMISSIONS.md matches the template."""

import unittest

from checks import permissions

STACK = {
    "Resources": {
        "Table": {"Type": "AWS::DynamoDB::Table"},
        "ApiRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "Policies": [
                    {
                        "PolicyDocument": {
                            "Statement": [
                                {
                                    "Sid": "Read",
                                    "Action": ["dynamodb:GetItem", "dynamodb:Query"],
                                    "Resource": [{"Fn::GetAtt": ["Table", "Arn"]}, {"Fn::Sub": "${Table.Arn}/index/i"}],
                                },
                                {
                                    "Sid": "Pass",
                                    "Action": "iam:PassRole",
                                    "Resource": {
                                        "Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/smmu-${Stage}"
                                    },
                                    "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
                                },
                            ]
                        }
                    }
                ]
            },
        },
        "ApiReadsModel": {
            "Type": "AWS::IAM::RolePolicy",
            "Condition": "OwnModel",
            "Properties": {
                "RoleName": {"Ref": "ApiRole"},
                "PolicyDocument": {
                    "Statement": [
                        {
                            "Sid": "ReadModel",
                            "Action": "s3:GetObject",
                            "Resource": {"Fn::Sub": "arn:${AWS::Partition}:s3:::${ModelBucket}/*"},
                        }
                    ]
                },
            },
        },
    }
}
READ = "| `Read` | `dynamodb:GetItem`, `dynamodb:Query` | `Table`, `Table/index/i` | reads what there is |"
PASS = (
    "| `Pass` | `iam:PassRole` | `role/smmu-STAGE`, only where `iam:PassedToService` StringEquals "
    "ecs-tasks.amazonaws.com | hands over its role |"
)
MODEL = "| `ReadModel` | `s3:GetObject` | `ModelBucket/*` | where a bucket is named |"
PAGE = f"### `ApiRole`: api\n\n{READ}\n{PASS}\n{MODEL}\n"


class Permissions(unittest.TestCase):
    def differences(self, page):
        return list(permissions.differences(STACK, page))

    def test_a_complete_page_has_no_findings(self):
        self.assertEqual(self.differences(PAGE), [])

    def test_a_statement_missing_on_the_page_is_found(self):
        self.assertIn("does not have Pass", self.differences(PAGE.replace(PASS, ""))[0])

    def test_a_separate_policy_counts_for_its_role(self):
        self.assertEqual(
            self.differences(PAGE.replace(MODEL, "")), ["ApiRole: docs/PERMISSIONS.md does not have ReadModel"]
        )

    def test_a_line_missing_in_the_template_is_found(self):
        extra = PAGE + READ.replace("`Read`", "`Write`")
        self.assertEqual(self.differences(extra), ["ApiRole: docs/PERMISSIONS.md has Write, the template does not"])

    def test_a_different_action_or_resource_is_found(self):
        for old, new in (("dynamodb:Query", "dynamodb:Scan"), ("`Table`,", "`Other`,")):
            with self.subTest(new):
                self.assertIn("Read differs", self.differences(PAGE.replace(old, new))[0])

    def test_a_line_without_a_reason_is_found(self):
        self.assertEqual(self.differences(PAGE.replace("reads what there is", "")), ["ApiRole: Read has no reason"])
