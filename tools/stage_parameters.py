"""Writes the parameters of one stage of samconfig.toml, with additional ones.

    stage_parameters.py STAGE FILE [NAME=VALUE...]
    stage_parameters.py --print PARAMETER STAGE [NAME=VALUE...]

The second form prints the value that one parameter will have in the stack.
`sam deploy --parameter-overrides` replaces the values of samconfig.toml instead of adding to them, and its parsing of
NAME=VALUE loses empty values, spaces and JSON. FILE, for `--parameter-overrides file://FILE`, preserves any value. Only
its owner can read it, because it may contain secrets.
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
    """Defaults of all parameters except secrets. SAM sends UsePreviousValue for omitted parameters, so a changed
    parameter would never return to its default. Secrets are meant to keep their value.
    """
    return {
        name: str(parameter["Default"])
        for name, parameter in declared.items()
        if "Default" in parameter and not parameter.get("NoEcho")
    }


def parameters(configuration: dict, stage: str, added: list[str], declared: dict[str, dict]) -> dict[str, str]:
    """All declared parameters. Values of the stage override defaults, and added values override both."""
    own = shlex.split(configuration[stage]["deploy"]["parameters"]["parameter_overrides"])
    return defaults(declared) | dict(item.split("=", 1) for item in [*own, *added])


def escaped(value: str) -> str:
    """Escapes a value for SAM, which removes enclosing quotes and some backslashes of values from a file twice
    (`CfnParameterOverridesType` of samcli 1.170, as verified by a test).
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
    # SAM reads YAML here, of which JSON is a subset.
    with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as written:
        json.dump(values, written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
