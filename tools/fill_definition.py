"""Prints a state machine with a plausible value for every DefinitionSubstitution: `fill_definition.py FILE`.

A linter of the Amazon States Language needs the definition as deployed, but only CloudFormation knows
the real values. The ARNs are invented, with the right format for their place.
"""

import re
import sys
from pathlib import Path

from checks import template

ROOT = Path(__file__).resolve().parent.parent
ACCOUNT = "eu-central-1:123456789012"


def plausible(name: str) -> str:
    """A value in the format of the substitution with this name."""
    if name.endswith("Function"):
        return f"arn:aws:lambda:{ACCOUNT}:function:{name}"
    if name.endswith("Task"):
        return f"arn:aws:ecs:{ACCOUNT}:task-definition/{name}:1"
    if name.startswith("Subnet"):
        return "subnet-0123456789abcdef0"
    return {
        "Cluster": f"arn:aws:ecs:{ACCOUNT}:cluster/smmu",
        "JobsStateMachine": f"arn:aws:states:{ACCOUNT}:stateMachine:jobs",
        "SecurityGroup": "sg-0123456789abcdef0",
        "AssignPublicIp": "ENABLED",
        "FirstCapacity": "FARGATE_SPOT",
    }.get(name, name)


def fill(definition: str, names: set[str]) -> str:
    """Fills in the named substitutions and leaves others for the linter to report."""
    return re.sub(r"\$\{(\w+)\}", lambda m: plausible(m[1]) if m[1] in names else m[0], definition)


if __name__ == "__main__":
    file = sys.argv[1]
    sys.stdout.write(fill((ROOT / file).read_text(), set(template.definition_substitutions(ROOT, file))))
