"""The check that API Gateway is allowed to call the function of each route."""

import unittest

from checks import routes

PREFIX = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}"


def stack(route_key, source, function="Function"):
    """An API with one route and a permission to call a function."""
    return {
        "Resources": {
            "Api": {"Type": "AWS::ApiGatewayV2::Api"},
            "Integration": {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {"IntegrationUri": {"Fn::GetAtt": ["Function", "Arn"]}},
            },
            "Route": {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": {"Ref": "Api"},
                    "RouteKey": route_key,
                    "Target": {"Fn::Sub": "integrations/${Integration}"},
                },
            },
            "MayBeCalled": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": {"Ref": function},
                    "Action": "lambda:InvokeFunction",
                    "Principal": "apigateway.amazonaws.com",
                    "SourceArn": {"Fn::Sub": PREFIX + source},
                },
            },
        }
    }


class Routes(unittest.TestCase):
    def test_explicit_routes_are_covered_by_both_forms_of_the_permission(self):
        for source in ("/*/*", "/*/*/*", "/$default/GET/jobs/{jobId}"):
            with self.subTest(source):
                self.assertEqual(list(routes.differences(stack("GET /jobs/{jobId}", source))), [])

    def test_the_default_route_is_not_covered_by_three_stars_and_receives_preflights(self):
        found = list(routes.differences(stack("$default", "/*/*/*")))
        self.assertEqual(len(found), 2, found)
        self.assertIn("takes preflights", found[0])
        self.assertIn("as arn:aws:execute-api:eu-central-1:123456789012:Api/$default/$default", found[1])
        self.assertEqual(len(list(routes.differences(stack("$default", "/*/*")))), 1)

    def test_a_route_for_any_method_receives_preflights(self):
        self.assertIn("takes preflights", "".join(routes.differences(stack("ANY /jobs", "/*/*"))))

    def test_a_permission_for_another_path_or_function_does_not_count(self):
        for wrong in (stack("GET /health", "/*/POST/*"), stack("GET /health", "/*/*", function="Other")):
            found = list(routes.differences(wrong))
            self.assertEqual(len(found), 1, found)
            self.assertIn("no Lambda permission lets API Gateway call Function", found[0])


class ArnLike(unittest.TestCase):
    def test_stars_match_slashes_but_not_colons(self):
        for pattern, matches in {
            "arn:aws:execute-api:r:1:a/*/*": True,
            "arn:*:execute-api:*:*:a/*": True,
            "arn:aws:execute-api:r:1:a/?/GET/x": False,
            "arn:aws:execute-api:*:a/*/*": False,
            "arn:aws:*": False,
        }.items():
            with self.subTest(pattern):
                self.assertEqual(routes.arn_like(pattern, "arn:aws:execute-api:r:1:a/$default/GET/x"), matches)
