"""Every alarm can be delivered: CloudWatch is allowed to publish to its topic, which is not encrypted.

Without that permission nothing fails visibly ("Using Amazon CloudWatch alarms", Amazon CloudWatch user guide): alarms
go off without a notification. CloudWatch cannot publish with the key alias/aws/sns either, because that key has its
own policy.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from checks import template

ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")


def references(value: Any) -> Iterator[str]:
    """Logical ids referenced in a value, including branches of conditions."""
    if isinstance(value, dict):
        if isinstance(value.get("Ref"), str) and not value["Ref"].startswith("AWS::"):
            yield value["Ref"]
        for name, inside in value.items():
            # The first element of an If is the name of its condition.
            yield from references(inside[1:] if name == "Fn::If" else inside)
    elif isinstance(value, list):
        for inside in value:
            yield from references(inside)


def may_publish(policies: list[dict[str, Any]], topic: str, alarm: str) -> bool:
    """True if a policy of the topic allows CloudWatch to publish for an alarm of this name."""
    for policy in policies:
        if topic not in references(policy["Topics"]):
            continue
        for statement in policy["PolicyDocument"]["Statement"]:
            source = statement.get("Condition", {}).get("ArnLike", {}).get("aws:SourceArn", {}).get("Fn::Sub", "*")
            if (
                statement["Effect"] == "Allow"
                and statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
                and statement["Action"] == "sns:Publish"
                and fnmatchcase(alarm, source.rsplit(":", 1)[-1])
            ):
                return True
    return False


def silent(stack: dict[str, Any]) -> Iterator[str]:
    """Alarms without a notification."""
    resources = stack["Resources"]
    policies = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::SNS::TopicPolicy"]
    for name, resource in resources.items():
        if resource["Type"] != "AWS::CloudWatch::Alarm":
            continue
        alarm = resource["Properties"]["AlarmName"]["Fn::Sub"]
        topics = {topic for action in ACTIONS for topic in references(resource["Properties"].get(action, []))}
        if not topics:
            yield f"{name} has no topic"
        for topic in sorted(topics):
            if "KmsMasterKeyId" in resources[topic].get("Properties", {}):
                yield f"{topic} is encrypted: CloudWatch publishes there only with a key whose policy lets it"
            if not may_publish(policies, topic, alarm):
                yield f"{name}: no policy lets CloudWatch publish {alarm} to {topic}"


def findings(root: Path) -> Iterator[str]:
    yield from silent(template.load(root / "template.yaml"))
