"""Runs the JavaScript tests of the slow line in bench/players."""

import subprocess
import unittest
from pathlib import Path


class Line(unittest.TestCase):
    def test_the_javascript_tests_of_the_line_pass(self):
        tests = Path(__file__).parents[1] / "players" / "line.test.mjs"
        done = subprocess.run(["node", "--test", tests], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
