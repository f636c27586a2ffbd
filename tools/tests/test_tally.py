import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import tally

LIBTEST = """
running 3 tests
test a ... ok
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
\x1b[32mtest result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s
"""
NODE = "# tests 9\n# suites 0\n# pass 6\n# fail 2\n# cancelled 1\n# skipped 0\n# duration_ms 16167.2\n"
UNITTEST_OK = "....\nRan 4 tests in 0.010s\n\nOK\n"
UNITTEST_BAD = "..FE\nRan 4 tests in 0.010s\n\nFAILED (failures=1, errors=1)\n"


class Counts(unittest.TestCase):
    def test_libtest_summaries_add_up(self):
        self.assertEqual(tally.counts(LIBTEST), (7, 2))

    def test_our_own_checks_are_counted(self):
        self.assertEqual(tally.counts("own checks: 6 passed, 1 failed"), (6, 1))

    def test_a_coloured_summary_is_read(self):
        self.assertEqual(tally.counts("\x1b[1m5 passed, 1 failed\x1b[0m"), (5, 1))

    def test_unittest_failures_and_errors_are_not_passed(self):
        self.assertEqual(tally.counts(UNITTEST_OK), (4, 0))
        self.assertEqual(tally.counts(UNITTEST_BAD), (2, 2))

    def test_the_summary_of_node_is_counted_in_both_its_forms(self):
        self.assertEqual(tally.counts(NODE), (6, 3))
        self.assertEqual(tally.counts(NODE.replace("#", "\u2139")), (6, 3))

    def test_a_log_without_a_summary_has_no_counts(self):
        self.assertIsNone(tally.counts("Finished in 3 s\n1 warning\n"))


class Judgement(unittest.TestCase):
    def test_a_check_without_a_summary_counts_as_one(self):
        self.assertEqual(tally.judge("x", 0, 1, ""), tally.Part("x", 1, 1, 0))
        self.assertEqual(tally.judge("x", 3, 1, ""), tally.Part("x", 1, 0, 1))

    def test_a_crash_after_good_tests_is_a_failure(self):
        self.assertEqual(tally.judge("x", 101, 1, UNITTEST_OK).failed, 1)

    def test_a_part_that_could_not_run_neither_passed_nor_failed(self):
        self.assertEqual(tally.judge("x", 77, 1, ""), tally.Part("x", 1, 0, 0, run=False))

    def test_a_failure_that_the_exit_code_hides_is_a_failure(self):
        self.assertEqual(tally.judge("x", 0, 1, LIBTEST).failed, 2)


class WholeRun(unittest.TestCase):
    def run_tally(self, code, **environment):
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "0.log")
            log.write_text(UNITTEST_OK)
            table = Path(folder, "parts.tsv")
            table.write_text(f"{code}\t2\t{log}\tthe name\n")
            outer = {k: v for k, v in os.environ.items() if k != "SMMU_TALLY_FILE"}
            return subprocess.run(
                [sys.executable, tally.__file__, table],
                env={**outer, **environment},
                capture_output=True,
                text=True,
                check=False,
            )

    def test_the_last_line_is_the_sum(self):
        run = self.run_tally(0)
        self.assertEqual(run.returncode, 0)
        self.assertEqual(run.stdout.splitlines()[-1], "4 passed, 0 failed")

    def test_any_failure_makes_the_exit_code_one(self):
        run = self.run_tally(7)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(run.stdout.splitlines()[-1], "4 passed, 1 failed")

    def test_a_nested_run_passes_its_sum_up_instead_of_printing_it(self):
        with tempfile.NamedTemporaryFile("r") as handed:
            run = self.run_tally(0, SMMU_TALLY_FILE=handed.name)
            self.assertEqual(handed.read(), "4 passed, 0 failed\n")
        self.assertNotIn("4 passed, 0 failed", run.stdout.splitlines())
