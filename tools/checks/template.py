"""Reads templates as SAM does, with CloudFormation's short forms (`!Ref`, `!Sub` …) expanded."""

from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse


def load(path: Path) -> dict[str, Any]:
    """The template in CloudFormation's JSON form."""
    return yaml_parse(path.read_text())


def definition_substitutions(root: Path) -> dict[str, Any]:
    """The substitutions for the state machine's definition."""
    machines = [
        r for r in load(root / "template.yaml")["Resources"].values() if r["Type"] == "AWS::Serverless::StateMachine"
    ]
    (machine,) = machines
    return machine["Properties"].get("DefinitionSubstitutions", {})
