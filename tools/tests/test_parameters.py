"""Tests of the check of the table of parameters."""

import unittest

from checks import parameters, template
from tests.stubs import ROOT

STACK = {"Parameters": {"Stage": {"Type": "String"}, "Profile": {"Type": "String"}, "Profiles": {"Type": "String"}}}


def page(*rows):
    """A page with a table of these rows, and other tables and texts that name parameters."""
    table = "\n".join(("| parameter | default | meaning |", "|---|---|---|", *rows, ""))
    return f"# Configuration\n\n{table}\n- **`Other`** text.\n\n| code | x |\n|---|---|\n| `Another` | `Stage` |\n"


class Parameters(unittest.TestCase):
    def test_parameters_may_share_a_row(self):
        rows = ("| `Stage` | `dev` | with `Profile` |", "| `Profile`, `Profiles` | `{}`, `{}` | outputs |")
        self.assertEqual(list(parameters.differences(STACK, page(*rows))), [])

    def test_a_missing_an_outdated_and_a_repeated_row_are_found(self):
        # `Profile` is described by no row of its own, although other cells and rows contain its name.
        rows = ("| `Stage` | `Profile` | like `Profile` |", "| `Profiles` | | |", "| `Gone`, `Stage` | | |")
        self.assertEqual(
            list(parameters.differences(STACK, page(*rows))),
            [
                "docs/CONFIGURATION.md has no row for the parameter Profile",
                "docs/CONFIGURATION.md has a row for Gone, which is not a parameter of template.yaml",
                "docs/CONFIGURATION.md has more than one row for Stage",
            ],
        )

    def test_a_row_that_is_taken_from_the_page_is_missed(self):
        stack = template.load(ROOT / "template.yaml")
        text = (ROOT / parameters.PAGE).read_text()
        without = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("| `Fence` |"))
        self.assertEqual(list(parameters.differences(stack, text)), [])
        self.assertEqual(
            list(parameters.differences(stack, without)), ["docs/CONFIGURATION.md has no row for the parameter Fence"]
        )
