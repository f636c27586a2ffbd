"""The slow line of bench/players, which is JavaScript."""

import subprocess
import unittest
from pathlib import Path


class Line(unittest.TestCase):
    def test_it_carries_what_it_is_given_by_its_rate(self):
        tests = Path(__file__).parents[1] / "players" / "line.test.mjs"
        done = subprocess.run(["node", "--test", tests], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
