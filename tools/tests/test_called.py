"""What a noted call needs, and what is found when a role and its calls differ."""

import unittest

import called

STACK = {
    "Resources": {
        "ApiFunction": {
            "Type": "AWS::Serverless::Function",
            "Metadata": {"BuildProperties": {"Binary": "api"}},
            "Properties": {"Role": {"Fn::GetAtt": ["ApiRole", "Arn"]}},
        },
        "ApiRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "Policies": [
                    {
                        "PolicyDocument": {
                            "Statement": [
                                {
                                    "Sid": "Read",
                                    "Action": "dynamodb:GetItem",
                                    "Resource": {"Fn::GetAtt": ["JobsTable", "Arn"]},
                                },
                                {
                                    "Sid": "See",
                                    "Action": "s3:GetObject",
                                    "Resource": {
                                        "Fn::Sub": "arn:${AWS::Partition}:s3:::smmu-${Stage}-raw-${AWS::AccountId}/up/*"
                                    },
                                },
                            ]
                        }
                    }
                ]
            },
        },
    }
}


def call(target="", method="POST", path="/", query="", **names):
    noted = {"app": "smmu-dev-api", "method": method, "path": path, "query": query, "target": target}
    return noted | ({"names": [names]} if target else {})


GET_ITEM = call("DynamoDB_20120810.GetItem", TableName="smmu-dev-jobs")
GET_OBJECT = call(method="GET", path="/smmu-dev-raw-000000000000/up/x")


class Needed(unittest.TestCase):
    def test_requests_to_s3_are_told_apart_by_method_and_query(self):
        key = "/smmu-dev-raw-000000000000/up/x"
        for method, path, query, action in (
            ("HEAD", key, "", "s3:GetObject"),
            ("GET", key, "versionId=v", "s3:GetObjectVersion"),
            ("PUT", key, "partNumber=1&uploadId=u", "s3:PutObject"),
            ("GET", key, "uploadId=u", "s3:ListMultipartUploadParts"),
            ("POST", key, "uploadId=u", "s3:PutObject"),
            ("POST", key, "uploads", "s3:PutObject"),
            ("DELETE", key, "uploadId=u", "s3:AbortMultipartUpload"),
            ("DELETE", key, "versionId=v", "s3:DeleteObjectVersion"),
            ("GET", "/smmu-dev-raw-000000000000", "prefix=up&versions", "s3:ListBucketVersions"),
            ("GET", "/smmu-dev-raw-000000000000", "list-type=2", "s3:ListBucket"),
        ):
            with self.subTest(method + query):
                (need,) = called.needed(call(method=method, path=path, query=query), "dev")
                self.assertEqual(need[0], action)
                self.assertTrue(need[1].startswith("smmu-STAGE-raw-ACCOUNT"))

    def test_a_transaction_needs_what_its_items_need(self):
        noted = call("DynamoDB_20120810.TransactWriteItems")
        noted["names"] = [{"in": "Put", "TableName": "smmu-dev-jobs"}, {"in": "Put", "TableName": "smmu-dev-media"}]
        self.assertEqual(
            called.needed(noted, "dev"), [("dynamodb:PutItem", "JobsTable"), ("dynamodb:PutItem", "MediaTable")]
        )

    def test_indexes_queues_machines_and_executions_are_named_as_roles_name_them(self):
        machine = "arn:aws:states:us-east-1:000000000000:stateMachine:smmu-dev-jobs"
        for noted, need in (
            (
                call("DynamoDB_20120810.Query", TableName="smmu-dev-jobs", IndexName="by-watch"),
                ("dynamodb:Query", "JobsTable/index/by-watch"),
            ),
            (
                call("AmazonSQS.SendMessage", QueueUrl="http://x/000000000000/smmu-dev-jobs-queue"),
                ("sqs:SendMessage", "JobsQueue"),
            ),
            (
                call("AWSStepFunctions.StartExecution", stateMachineArn=machine),
                ("states:StartExecution", "stateMachine:smmu-STAGE-jobs"),
            ),
        ):
            with self.subTest(need[0]):
                self.assertEqual(called.needed(noted, "dev"), [need])


class Differences(unittest.TestCase):
    def test_calls_that_use_exactly_what_is_allowed_have_no_findings(self):
        self.assertEqual(list(called.differences(STACK, [GET_ITEM, GET_OBJECT])), [])

    def test_a_call_that_is_not_allowed_is_found_once(self):
        other = call(method="GET", path="/smmu-dev-raw-000000000000/other/x")
        found = list(called.differences(STACK, [GET_ITEM, GET_OBJECT, other, other]))
        self.assertEqual(len(found), 1)
        self.assertIn("s3:GetObject", found[0])

    def test_a_permission_that_nothing_used_is_found(self):
        found = list(called.differences(STACK, [GET_ITEM]))
        self.assertEqual(found, ["ApiRole: nothing used s3:GetObject on smmu-STAGE-raw-ACCOUNT/up/*, which See allows"])
