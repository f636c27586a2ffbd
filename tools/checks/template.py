"""Reads template.yaml with CloudFormation's short forms (`!Ref`, `!Sub` …) written out."""

from pathlib import Path
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Keeps dates as text and knows every `!Tag`."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", yaml.SafeLoader.construct_yaml_str)


def load(path: Path) -> dict[str, Any]:
    """The template as CloudFormation's JSON form has it."""
    return yaml.load(path.read_text(), Loader=_Loader)


def definition_substitutions(root: Path) -> dict[str, Any]:
    """What the template fills into the state machine's definition."""
    machines = [
        r for r in load(root / "template.yaml")["Resources"].values() if r["Type"] == "AWS::Serverless::StateMachine"
    ]
    (machine,) = machines
    return machine["Properties"].get("DefinitionSubstitutions", {})
