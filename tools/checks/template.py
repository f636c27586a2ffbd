"""Reads templates as SAM does, with CloudFormation's short forms (`!Ref`, `!Sub` …) expanded."""

from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse


def load(path: Path) -> dict[str, Any]:
    """The template in CloudFormation's JSON form."""
    return yaml_parse(path.read_text())


def definition_substitutions(root: Path, file: str) -> dict[str, Any]:
    """The substitutions for the definition of the state machine in this file."""
    machines = [
        r["Properties"]
        for r in load(root / "template.yaml")["Resources"].values()
        if r["Type"] == "AWS::Serverless::StateMachine" and r["Properties"]["DefinitionUri"] == file
    ]
    (machine,) = machines
    return machine.get("DefinitionSubstitutions", {})
