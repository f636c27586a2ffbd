"""Runs a command in the role of the pipeline, which has only the permissions of docs/pipeline-role.json.

as_pipeline.py STAGE COMMAND...
"""

import json
import os
import sys
from pathlib import Path

import boto3

POLICY = Path(__file__).resolve().parent.parent / "docs/pipeline-role.json"
# A name that docs/pipeline-role.json does not allow the role itself to change.
ROLE = "pipeline-{}"


def filled_in(policy: str, **values: str) -> str:
    """The policy of one stage, with the placeholders replaced as in docs/DEPLOY.md."""
    for name, value in values.items():
        policy = policy.replace(name, value)
    return policy


def credentials(stage: str) -> dict[str, str]:
    """Credentials of a session of the role, as environment variables for SDKs."""
    iam, sts = boto3.client("iam"), boto3.client("sts")
    account, region = sts.get_caller_identity()["Account"], sts.meta.region_name
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    role, trusting = ROLE.format(stage), json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trusting)
    policy = filled_in(POLICY.read_text(), STAGE=stage, ACCOUNT=account, REGION=region)
    iam.put_role_policy(RoleName=role, PolicyName="deploy", PolicyDocument=policy)
    session = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="pipeline")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
        "AWS_SESSION_TOKEN": session["SessionToken"],
    }


if __name__ == "__main__":
    stage, *command = sys.argv[1:]
    os.execvpe(command[0], command, os.environ | credentials(stage))
