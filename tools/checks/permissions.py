"""docs/PERMISSIONS.md lists the permissions of every role in template.yaml, with reasons.

The table is checked, not generated, because its last column is a reason, which the template does not have. `python
tools/permissions.py` prints it with the existing reasons.
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
    """One statement of one role, in the notation of the page."""

    role: str
    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]


def listed(value: Any) -> list[Any]:
    """A list of one or several items; IAM allows both forms."""
    return value if isinstance(value, list) else [value]


def resource_text(resource: Any) -> str:
    """A short name of a resource: a logical id, or the last part of an ARN."""
    match resource:
        case str():
            return resource
        case {"Fn::GetAtt": [name, "Arn"]}:
            return name
        case {"Fn::Sub": str() as text}:
            text = re.sub(r"^arn:\$\{AWS::Partition\}:[\w-]+:(\$\{AWS::Region\})?:(\$\{AWS::AccountId\})?:", "", text)
            text = text.replace("${Stage}", "STAGE").replace("${AWS::AccountId}", "ACCOUNT")
            return re.sub(r"\$\{(\w+)(\.Arn)?\}", r"\1", text)
        case _:
            return str(resource)


def resource_of_condition(statement: dict[str, Any]) -> list[str]:
    """The restrictions of a condition, in words."""
    words = []
    for operator, clauses in statement.get("Condition", {}).items():
        words += [f"only where `{key}` {operator} {resource_text(value)}" for key, value in clauses.items()]
    return words


def policies(stack: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every policy in the template with its role: inline, or a conditional AWS::IAM::RolePolicy."""
    for name, resource in stack["Resources"].items():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::IAM::Role":
                for policy in properties.get("Policies", []):
                    # `!If [CONDITION, policy, nothing]`
                    yield name, policy.get("Fn::If", [None, policy])[1]
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
    """Lines of the page and their reasons, by role and statement."""
    found, role = {}, ""
    for line in page.splitlines():
        if heading := HEADING.match(line):
            role = heading["role"]
        elif match := ROW.match(line):
            found[role, match["sid"]] = (line, match["why"])
    return found


def differences(stack: dict[str, Any], page: str) -> Iterator[str]:
    """Differences between the page and the template."""
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
