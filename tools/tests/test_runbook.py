"""Tests of the check of the runbook, and of the runbook's commands."""

import hashlib
import re
import unittest

from checks import runbook, template
from tests.stubs import ROOT, Stubs

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
                "docs/RUNBOOK.md explains gone, which is not an alarm of template.yaml",
            ],
        )

    def test_a_quoted_message_that_no_source_writes_is_found(self):
        page = (
            'The log has "job sent" or "long message".\n'
            'Run `find "nothing"`:\n\n   ```sh\n   find "$NOTHING"\n   ```\n"gone" is written no more.\n'
        )
        sources = '// "gone", "job sent"\ninfo!("job sent");\nwarn!("long \\\n    message");\n'
        self.assertEqual(
            list(runbook.unknown_quotes(page, sources)),
            ['docs/RUNBOOK.md quotes "gone", which is neither a log message nor a title of the dashboard'],
        )


class UserHash(unittest.TestCase):
    """The runbook's commands that hash a user's id, with a stub of `aws`."""

    def hash(self, pepper, user):
        _, section = (ROOT / "docs/RUNBOOK.md").read_text().split("\nThese commands compute the hash of `USER_ID`", 1)
        commands = re.search(r"```sh\n(.*?)```", section, re.DOTALL)[1]
        stubs = Stubs(self)
        stubs.answer("get-function-configuration", pepper)
        return stubs.run("bash", "-euc", commands, STAGE="dev", USER_ID=user).strip()

    def test_the_hash_is_that_of_the_logs(self):
        # The test of `Pseudonyms` in crates/cloud/src/telemetry.rs has the same values.
        self.assertEqual(self.hash("", "ada"), "ffae136aec5a4a95")
        self.assertEqual(self.hash("secret", "ada"), "11c916ba9c335572")

    def test_every_byte_counts(self):
        for pepper, user in (("p" * 300, "auth0|1"), ("%s \\x41 'é'", "ü$HOME`\\n")):
            size = len(pepper.encode()).to_bytes(8, "big")
            digest = hashlib.sha256(size + pepper.encode() + user.encode()).hexdigest()
            self.assertEqual(self.hash(pepper, user), digest[:16])


def commands_to_stop():
    """The commands of "Stop everything"."""
    _, section = (ROOT / "docs/RUNBOOK.md").read_text().split("\n## Stop everything\n")
    (commands,) = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    return commands


class StopEverything(unittest.TestCase):
    """The runbook's commands, with a stub of `aws`."""

    def test_it_stops_the_mapping_and_not_the_function(self):
        commands = commands_to_stop()
        stubs = Stubs(self)
        stubs.answer("list-event-source-mappings", "uuid-of-the-mapping")
        stubs.run("bash", "-euc", commands, STAGE="prod")
        asked, stopped = stubs.calls()
        self.assertIn("--function-name smmu-prod-dispatch", asked)
        self.assertEqual(stopped, "aws lambda update-event-source-mapping --uuid uuid-of-the-mapping --no-enabled")

    def test_hours_of_throttled_receives_cause_no_dead_letter(self):
        queue = template.load(ROOT / "template.yaml")["Resources"]["JobsQueue"]["Properties"]
        # A throttled receive returns the message after the visibility timeout. A longer one would last for more hours,
        # but the messages of a killed dispatch wait for it too.
        self.assertGreaterEqual(queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"], 3 * 3600)


class Delete(unittest.TestCase):
    """The commands of docs/DEPLOY.md that delete a stage, after those that it links to, with a stub of `aws`."""

    def test_nothing_is_deleted_before_its_jobs_and_workers_have_stopped(self):
        _, section = (ROOT / "docs/DEPLOY.md").read_text().split("\n## Rollback and removal\n")
        commands = re.search(r"```sh\n(.*?)```", section, re.DOTALL)[1]
        stubs = Stubs(self)
        stubs.answer("list-event-source-mappings", "uuid-of-the-mapping")
        stubs.answer("describe-stacks", "machine")
        stubs.answer("list-executions", "execution-1\texecution-2")
        stubs.answer("list-tasks", "task-1")
        stubs.run("bash", "-euc", commands_to_stop() + commands, STAGE="dev")
        asking = ("list-", "describe-")
        done = [call for call in stubs.calls() if not call.split()[2].startswith(asking)]
        self.assertEqual(
            done,
            [
                "aws lambda update-event-source-mapping --uuid uuid-of-the-mapping --no-enabled",
                "aws stepfunctions stop-execution --execution-arn execution-1",
                "aws stepfunctions stop-execution --execution-arn execution-2",
                "aws ecs wait tasks-stopped --cluster smmu-dev --tasks task-1",
                "aws cloudformation delete-stack --stack-name smmu-dev",
            ],
        )
