"""Prints template.yaml translated by SAM into plain CloudFormation.

cfn-lint finds more in the translated form, which contains the IAM policies, permissions and mappings that
SAM generates. AWS is not contacted.
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
    """A loader without managed policies: the translator then uses their usual ARNs."""

    def load(self) -> dict[str, str]:
        return {}


def with_code_in_s3(document: dict[str, Any]) -> dict[str, Any]:
    """Replaces local paths as `sam package` does, because the translator accepts only code in S3."""
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
