"""Prints template.yaml as SAM's translator turns it into plain CloudFormation.

cfn-lint sees more in the translated form: it has the IAM policies, permissions and mappings that
SAM writes, with every statement where CloudFormation will read it. Nothing is asked of AWS.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform

from checks import template

ROOT = Path(__file__).resolve().parent.parent


class NoManagedPolicies:
    """The translator asks for AWS's managed policies by name; their usual ARNs do here."""

    def load(self) -> dict[str, str]:
        return {}


def with_code_in_s3(document: dict[str, Any]) -> dict[str, Any]:
    """Local paths as `sam package` replaces them: the translator takes only what is in S3."""
    document.get("Globals", {}).get("Function", {}).pop("CodeUri", None)
    for resource in document["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = "s3://artifacts/code.zip"
        if resource["Type"] == "AWS::Serverless::StateMachine":
            properties["DefinitionUri"] = {"Bucket": "artifacts", "Key": "definition.json"}
    return document


def main() -> int:
    document = with_code_in_s3(template.load(ROOT / "template.yaml"))
    os.environ["AWS_DEFAULT_REGION"] = "eu-central-1"
    translated = transform(document, {}, NoManagedPolicies())
    json.dump(translated, sys.stdout, indent=1, default=str)
    return 0


if __name__ == "__main__":
    sys.exit(main())
