"""Prints the tables of docs/PERMISSIONS.md from template.yaml, with the existing reasons of the page."""

from itertools import groupby
from pathlib import Path

from checks import permissions, template

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    page = ROOT / permissions.PAGE
    reasons = permissions.documented(page.read_text() if page.exists() else "")
    for role, granted in groupby(permissions.granted(template.load(ROOT / "template.yaml")), lambda one: one.role):
        print(f"\n### `{role}`\n\n| statement | actions | resources | why |\n|---|---|---|---|")
        for permission in granted:
            _, why = reasons.get((role, permission.sid), ("", ""))
            print(permissions.row(permission, why))


if __name__ == "__main__":
    main()
