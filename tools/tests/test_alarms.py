"""The check that every alarm can be delivered."""

import copy
import unittest

from checks import alarms

STATEMENT = {
    "Effect": "Allow",
    "Principal": {"Service": "cloudwatch.amazonaws.com"},
    "Action": "sns:Publish",
    "Condition": {"ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:aws:cloudwatch:eu-west-1:1:alarm:smmu-${Stage}-*"}}},
}
STACK = {
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
        "Policy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [{"Ref": "Topic"}], "PolicyDocument": {"Statement": [STATEMENT]}},
        },
        "Late": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": {"Fn::Sub": "smmu-${Stage}-late"},
                "AlarmActions": {"Fn::If": ["HasAlarmAddress", [{"Ref": "Topic"}], {"Ref": "AWS::NoValue"}]},
            },
        },
    }
}


class Alarms(unittest.TestCase):
    def setUp(self):
        self.stack = copy.deepcopy(STACK)
        self.resources = self.stack["Resources"]

    def found(self):
        return list(alarms.silent(self.stack))

    def test_an_alarm_with_a_permissive_topic_has_no_findings(self):
        self.assertEqual(self.found(), [])

    def test_a_topic_without_a_policy_is_found(self):
        del self.resources["Policy"]
        self.assertEqual(self.found(), ["Late: no policy lets CloudWatch publish smmu-${Stage}-late to Topic"])

    def test_a_policy_for_other_alarms_or_services_does_not_count(self):
        for change in ({"Principal": "*"}, {"Effect": "Deny"}, {"Action": "sns:Subscribe"}):
            with self.subTest(change):
                self.resources["Policy"]["Properties"]["PolicyDocument"]["Statement"] = [{**STATEMENT, **change}]
                self.assertEqual(len(self.found()), 1)
        self.setUp()
        self.resources["Late"]["Properties"]["AlarmName"] = {"Fn::Sub": "other-${Stage}-late"}
        self.assertEqual(len(self.found()), 1)

    def test_an_encrypted_topic_and_an_alarm_without_a_topic_are_found(self):
        self.resources["Topic"]["Properties"]["KmsMasterKeyId"] = "alias/aws/sns"
        self.assertIn("is encrypted", self.found()[0])
        del self.resources["Late"]["Properties"]["AlarmActions"]
        self.assertEqual(self.found(), ["Late has no topic"])
