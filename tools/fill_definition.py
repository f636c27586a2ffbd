"""Prints the state machine with every DefinitionSubstitution filled in by a plausible value.

A linter of the Amazon States Language wants a definition as it will be deployed; the real values
are known only to CloudFormation. ARNs are made up, of the right shape for where they stand.
"""

import re
import sys
from pathlib import Path

from checks import template

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = "eu-central-1:123456789012"


def plausible(name: str) -> str:
    """A value of the shape that a substitution of this name has."""
    if name.endswith("Function"):
        return f"arn:aws:lambda:{ACCOUNT}:function:{name}"
    if name.endswith("Task"):
        return f"arn:aws:ecs:{ACCOUNT}:task-definition/{name}:1"
    if name.startswith("Subnet"):
        return "subnet-0123456789abcdef0"
    return {
        "Cluster": f"arn:aws:ecs:{ACCOUNT}:cluster/smmu",
        "SecurityGroup": "sg-0123456789abcdef0",
        "AssignPublicIp": "ENABLED",
        "FirstCapacity": "FARGATE_SPOT",
    }.get(name, name)


def fill(definition: str, names: set[str]) -> str:
    """Fills in the named substitutions and leaves others, for the linter to find."""
    return re.sub(r"\$\{(\w+)\}", lambda m: plausible(m[1]) if m[1] in names else m[0], definition)


if __name__ == "__main__":
    text = (ROOT / "statemachine.asl.json").read_text()
    sys.stdout.write(fill(text, set(template.definition_substitutions(ROOT))))
