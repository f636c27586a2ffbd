"""Prints the parameters of one stage of samconfig.toml, with others added: `stage_parameters.py STAGE [NAME=VALUE...]`.

`sam deploy --parameter-overrides` replaces what the file says instead of adding to it.
"""

import shlex
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def parameters(configuration: dict, stage: str, added: list[str]) -> list[str]:
    """One `NAME=VALUE` for each parameter; what is added wins."""
    own = shlex.split(configuration[stage]["deploy"]["parameters"]["parameter_overrides"])
    merged = dict(item.split("=", 1) for item in [*own, *added])
    return [f"{name}={value}" for name, value in merged.items()]


def main() -> int:
    stage, *added = sys.argv[1:]
    configuration = tomllib.loads((ROOT / "samconfig.toml").read_text())
    if stage not in configuration or "deploy" not in configuration[stage]:
        print(f"samconfig.toml has no stage {stage}", file=sys.stderr)
        return 2
    print("\n".join(parameters(configuration, stage, added)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
