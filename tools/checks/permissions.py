"""docs/PERMISSIONS.md lists for every role what template.yaml allows it, and why.

The table is checked, not generated: its last column is a reason, which no template has. `python tools/permissions.py`
prints it with the reasons that stand there already.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from checks import template

PAGE = Path("docs/PERMISSIONS.md")
ROW = re.compile(r"^\| `(?P<sid>\w+)` \| (?P<actions>.*?) \| (?P<resources>.*?) \| (?P<why>.*?) \|$")
HEADING = re.compile(r"^### `(?P<role>\w+)`")


class Permission(NamedTuple):
    """One statement of one role, as the page writes it."""

    role: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]


def listed(value: Any) -> list[Any]:
    """One thing or several, as IAM writes them."""
    return value if isinstance(value, list) else [value]


def resource_text(resource: Any) -> str:
    """A resource in the fewest words that name it: a logical id, or an ARN's last part."""
    match resource:
        case str():
            return "everything" if resource == "*" else resource
        case {"Fn::GetAtt": [name, "Arn"]}:
            return name
        case {"Fn::Sub": str() as text}:
            text = re.sub(r"^arn:\$\{AWS::Partition\}:\w+:(\$\{AWS::Region\})?:(\$\{AWS::AccountId\})?:", "", text)
            text = text.replace("${Stage}", "STAGE").replace("${AWS::AccountId}", "ACCOUNT")
            return re.sub(r"\$\{(\w+)(\.Arn)?\}", r"\1", text)
        case _:
            return str(resource)


def resource_of_condition(statement: dict[str, Any]) -> list[str]:
    """What a condition narrows, in words."""
    words = []
    for operator, clauses in statement.get("Condition", {}).items():
        words += [f"only where `{key}` {operator} {resource_text(value)}" for key, value in clauses.items()]
    return words


def policies(stack: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every policy in the template, with its role: written in the role, or beside it where a condition decides."""
    for name, resource in stack["Resources"].items():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::IAM::Role":
                yield from ((name, policy) for policy in properties.get("Policies", []))
            case "AWS::IAM::RolePolicy":
                yield properties["RoleName"]["Ref"], properties


def granted(stack: dict[str, Any]) -> Iterator[Permission]:
    """Every statement of every role in the template."""
    for role, policy in policies(stack):
        for statement in policy["PolicyDocument"]["Statement"]:
            resources = [resource_text(one) for one in listed(statement["Resource"])]
            yield Permission(
                role,
                statement.get("Sid", ""),
                tuple(listed(statement["Action"])),
                tuple(resources + resource_of_condition(statement)),
            )


def code(words: tuple[str, ...]) -> str:
    return ", ".join(word if word.startswith("only where") else f"`{word}`" for word in words)


def row(permission: Permission, why: str) -> str:
    """A line of the table."""
    return f"| `{permission.sid}` | {code(permission.actions)} | {code(permission.resources)} | {why} |"


def documented(page: str) -> dict[tuple[str, str], tuple[str, str]]:
    """By role and statement, the line of the page and its reason."""
    found, role = {}, ""
    for line in page.splitlines():
        if heading := HEADING.match(line):
            role = heading["role"]
        elif match := ROW.match(line):
            found[role, match["sid"]] = (line, match["why"])
    return found


def differences(stack: dict[str, Any], page: str) -> Iterator[str]:
    """What the page and the template do not agree about."""
    lines = documented(page)
    seen = set()
    for permission in granted(stack):
        key = (permission.role, permission.sid)
        if not permission.sid:
            yield f"{permission.role}: a statement has no Sid to be explained under"
        if key in seen:
            yield f"{permission.role}: two statements are called {permission.sid}"
        seen.add(key)
        line, why = lines.get(key, ("", ""))
        if not line:
            yield f"{permission.role}: {PAGE} does not have {permission.sid}"
        elif line != row(permission, why):
            yield f"{permission.role}: {permission.sid} differs; the template has: {row(permission, why)}"
        elif len(why) < 8:
            yield f"{permission.role}: {permission.sid} has no reason"
    for role, sid in sorted(lines.keys() - seen):
        yield f"{role}: {PAGE} has {sid}, the template does not"


def findings(root: Path) -> Iterator[str]:
    page = root / PAGE
    yield from differences(template.load(root / "template.yaml"), page.read_text() if page.exists() else "")
