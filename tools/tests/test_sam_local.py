import json
import unittest

import judge_answer
import without_aws


class Answers(unittest.TestCase):
    def complaint(self, answer):
        return judge_answer.complaint("log of the runtime\n" + json.dumps(answer) + "\n")

    def test_results_and_own_errors_are_answers(self):
        for answer in (
            None,
            {"batchItemFailures": []},
            {"statusCode": 401, "body": "{}"},
            {"errorType": "Transient", "errorMessage": "no connection"},
            {"errorType": "Refused", "errorMessage": "{}"},
        ):
            with self.subTest(answer):
                self.assertIsNone(self.complaint(answer))

    def test_faults_and_errors_of_the_runtime_are_not(self):
        for answer in (
            {"errorType": "Fault", "errorMessage": "x"},
            {"errorType": "Runtime.ExitError", "errorMessage": "x"},
            {"errorType": "Sandbox.Timedout"},
            {"statusCode": 500, "body": "{}"},
        ):
            with self.subTest(answer):
                self.assertIsNotNone(self.complaint(answer))

    def test_silence_and_noise_are_not(self):
        self.assertEqual(judge_answer.complaint("\n"), "no answer")
        self.assertIsNotNone(judge_answer.complaint("panicked at"))


class WithoutAws(unittest.TestCase):
    def test_every_function_is_sent_nowhere_and_keeps_its_variables(self):
        given = {"Globals": {"Function": {"Environment": {"Variables": {"SMMU_STAGE": "dev"}}}}}
        made = without_aws.without_aws(given)["Globals"]["Function"]["Environment"]["Variables"]
        self.assertEqual(made, {"SMMU_STAGE": "dev", **without_aws.NOWHERE})
