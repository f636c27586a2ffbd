"""The check that every alarm can be looked up."""

import unittest

from checks import runbook

STACK = {
    "Resources": {
        "A": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": {"Fn::Sub": "smmu-${Stage}-dead-letters"}}},
        "B": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": {"Fn::Sub": "smmu-${Stage}-budget"}}},
        "C": {"Type": "AWS::SQS::Queue", "Properties": {}},
    }
}


class Runbook(unittest.TestCase):
    def test_alarms_may_share_a_heading(self):
        self.assertEqual(list(runbook.differences(STACK, "# Runbook\n\n### dead-letters, budget\n\ntext\n")), [])

    def test_an_alarm_without_a_heading_and_a_heading_without_an_alarm_are_found(self):
        found = list(runbook.differences(STACK, "### dead-letters\n\n### gone\n"))
        self.assertEqual(
            found,
            [
                "docs/RUNBOOK.md does not explain the alarm budget",
                "docs/RUNBOOK.md explains gone, which is no alarm of template.yaml",
            ],
        )
