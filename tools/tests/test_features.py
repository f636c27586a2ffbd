"""The check for dependencies that are compiled twice, on made-up trees."""

import unittest

from checks import features


class Features(unittest.TestCase):
    def found(self, product, with_tests):
        return list(features.differences(features.features(product), features.features(with_tests)))

    def test_a_feature_that_a_test_adds_is_found(self):
        product = "a v1.0.0\tstd\nb v2.0.0\tdefault,std (*)\n\n"
        (finding,) = self.found(product, product + "a v1.0.0\textra,std\nb v2.0.0\tdefault,std\n")
        self.assertTrue(finding.startswith("a v1.0.0 is compiled again"), finding)
        self.assertIn("extra,std", finding)

    def test_dependencies_of_only_the_tests_or_only_the_product_are_compiled_once(self):
        self.assertEqual(self.found("a v1.0.0\tstd\nb v1.0.0\t\n", "a v1.0.0\tstd\nc v1.0.0\tdefault\n"), [])
