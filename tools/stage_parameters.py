"""Writes the parameters of one stage of samconfig.toml, with others added.

    stage_parameters.py STAGE FILE [NAME=VALUE...]
    stage_parameters.py --print PARAMETER STAGE [NAME=VALUE...]

The second writes one parameter to standard output, as the stack will have it.
`sam deploy --parameter-overrides` replaces what samconfig.toml says instead of adding to it, and reads NAME=VALUE by
rules that lose empty values, spaces and JSON. FILE, for `--parameter-overrides file://FILE`, keeps any value as it is;
only its owner can read it, for there may be secrets in it.
"""

import json
import os
import shlex
import sys
import tomllib
from pathlib import Path

from checks import template

ROOT = Path(__file__).resolve().parent.parent


def defaults(declared: dict[str, dict]) -> dict[str, str]:
    """Defaults of all parameters but secrets. SAM sends UsePreviousValue for what is not named, so that a parameter
    once changed would never have its default again; a secret is meant to stay.
    """
    return {
        name: str(parameter["Default"])
        for name, parameter in declared.items()
        if "Default" in parameter and not parameter.get("NoEcho")
    }


def parameters(configuration: dict, stage: str, added: list[str], declared: dict[str, dict]) -> dict[str, str]:
    """All that a template declares, by name; the stage's values win over defaults, and what is added over both."""
    own = shlex.split(configuration[stage]["deploy"]["parameters"]["parameter_overrides"])
    return defaults(declared) | dict(item.split("=", 1) for item in [*own, *added])


def escaped(value: str) -> str:
    """What SAM turns into the value: of one from a file it takes off twice the quotes around it and the backslashes
    before some characters (`CfnParameterOverridesType` of samcli 1.170; a test holds it to that).
    """
    for _ in range(2):
        for character in " \"'":
            value = value.replace(f"\\{character}", f"\\\\{character}")
        value = f'"{value}"' if value[:1] in ("'", '"') else value
    return value


def main() -> int:
    wanted = sys.argv[2] if sys.argv[1] == "--print" else None
    stage, file, *added = (sys.argv[3], None, *sys.argv[4:]) if wanted else sys.argv[1:]
    configuration = tomllib.loads((ROOT / "samconfig.toml").read_text())
    if stage not in configuration or "deploy" not in configuration[stage]:
        print(f"samconfig.toml has no stage {stage}", file=sys.stderr)
        return 2
    wrong = [item for item in added if "=" not in item]
    if wrong:
        print(f"{wrong[0]}: write NAME=VALUE", file=sys.stderr)
        return 2
    declared = template.load(ROOT / "template.yaml")["Parameters"]
    stack = parameters(configuration, stage, added, declared)
    if wanted:
        print(stack[wanted])
        return 0
    values = {name: escaped(value) for name, value in stack.items()}
    # JSON is YAML, which is what SAM reads there.
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as written:
        json.dump(values, written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
