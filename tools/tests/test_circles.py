"""The check for circular dependencies, on invented crates."""

import tempfile
import unittest
from pathlib import Path

from checks import circles


class Circles(unittest.TestCase):
    def found(self, **files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder, *name.split("__")).with_suffix(".rs")
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
            return list(circles.circles(circles.arrows(Path(folder))))

    def test_two_modules_that_use_each_other_are_a_circle_in_any_notation(self):
        for first in ("use crate::b::Beta;", "use crate::{c, b::{Beta, Other}};", "fn f() -> crate::Beta {}"):
            (circle,) = self.found(lib="pub use b::Beta;", a=first, b="use crate::a::A;", c="")
            self.assertEqual(set(circle.split(" <- ")), {"a", "b"}, first)

    def test_child_modules_count_for_their_parent(self):
        (circle,) = self.found(lib="", a="mod part;", a__part="use crate::{b};", b="use crate::a;")
        self.assertEqual(set(circle.split(" <- ")), {"a", "b"})

    def test_one_way_dependencies_comments_and_tests_are_no_circles(self):
        tests = "#[cfg(test)]\nmod tests {\n use crate::a::A;\n}\n"
        self.assertEqual(
            self.found(lib="", a="use crate::b;", b="// use crate::a;\n" + tests, b__tests="use crate::a;"), []
        )
