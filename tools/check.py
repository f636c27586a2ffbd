"""Runs our own checks, all or by name: `check.py [NAME...]`. Prints the findings; exits with 1 if there are any."""

import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKS = (
    "core_purity",
    "dependency_arrows",
    "circles",
    "features",
    "workspace_lints",
    "foreign_names",
    "ignored_tests",
    "sample_events",
    "state_machine",
    "routes",
    "parameters",
    "permissions",
    "runbook",
    "alarms",
    "pipeline_role",
)


def run(name: str) -> bool:
    """Runs one check, prints its result and returns whether it passed."""
    check = importlib.import_module(f"checks.{name}")
    promise = check.__doc__.splitlines()[0]
    findings = list(check.findings(ROOT))
    for finding in findings:
        print(f"  {finding}")
    print(f"{'ok    ' if not findings else 'FAILED'} {promise}")
    return not findings


def main() -> int:
    names = sys.argv[1:] or CHECKS
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"no such check: {', '.join(unknown)}; known checks: {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    results = [run(name) for name in names]
    print(f"own checks: {results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
