"""docs/pipeline-role.json allows the pipeline all that deploying calls, and has nothing that it does not.

CloudFormation acts in the name of whoever deploys. What it calls for each type of resource, AWS says in the type's
schema, which cfn-lint has: "handlers" ("Resource type definition schema", CloudFormation CLI user guide).
"""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from checks import template

POLICY = Path("docs/pipeline-role.json")
# All inline policies of a role together, without white space ("IAM and AWS STS quotas").
MOST_CHARACTERS = 10_240
# What SAM makes types of its own into ("AWS SAM resource and property reference").
OF_SAM = {
    "AWS::Serverless::Function": ("AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping", "AWS::Events::Rule"),
    "AWS::Serverless::StateMachine": ("AWS::StepFunctions::StateMachine",),
}
# What a schema names for properties that no template here has, by the reason.
UNUSED = {
    "keys of one's own": "kms:*",
    "code signing, capacity providers, layers and networks of functions": (
        "lambda:*CodeSigning* lambda:PassCapacityProvider lambda:GetLayerVersion elasticfilesystem:* s3files:* "
        "lambda:AssociateRuntimeAlias"
    ),
    "tables and locks of buckets": (
        "s3tables:* s3:*MetadataTable* s3:*ObjectLock* s3:UpdateBucketMetadata* s3:*BucketAbac"
    ),
    "web sites, logs, replicas and reports of buckets": (
        "s3:*Website s3:*BucketLogging s3:*Replication* s3:*Acl s3:GetObjectMetadata s3:DeleteObject s3:*Inventory* "
        "s3:*Analytics*"
    ),
    "replicas, imports, streams and rules of tables": (
        "dynamodb:*Replica dynamodb:ImportTable dynamodb:DescribeImport dynamodb:*Item dynamodb:Query dynamodb:Scan "
        "dynamodb:*Kinesis* kinesis:* dynamodb:PutResourcePolicy dynamodb:DeleteResourcePolicy "
        "dynamodb:UpdateContributorInsights"
    ),
    "gateways and blocks that the network has not": (
        "ec2:*Vpn* ec2:*CidrBlock ec2:*VpcTenancy ec2:*EncryptionControl* vpc-lattice:* vpce:* "
        "ec2:UpdateSecurityGroupRule*"
    ),
    "definitions of an API in a bucket": "s3:getObject",
    "attributes of users": "cognito-idp:AddCustomAttributes",
    "delivery of logs elsewhere, tokens and protection of log groups": (
        "firehose:* s3:REST.PUT.OBJECT logs:PutBearerTokenAuthentication logs:*DeletionProtection logs:*LogEvents "
        "logs:*LogStream* logs:*KmsKey"
    ),
    "managed policies and boundaries of roles": (
        "iam:*RolePermissionsBoundary iam:AttachRolePolicy iam:DetachRolePolicy"
    ),
    "policies of repositories": "ecr:*RepositoryPolicy",
}


class Call(NamedTuple):
    """What deploying calls, on what, and who does."""

    action: str
    resource: str
    why: str


@cache
def of_cfn_lint(path: str) -> Any:
    """A file of cfn-lint's data."""
    (package,) = find_spec("cfnlint").submodule_search_locations
    return json.loads((Path(package) / "data" / path).read_text())


def handlers() -> dict[str, set[str]]:
    """By type, what CloudFormation calls to make, read, change and remove a resource of it."""
    (package,) = find_spec("cfnlint").submodule_search_locations
    calls: dict[str, set[str]] = {}
    for file in (Path(package) / "data/schemas/resources").glob("*.json"):
        schema = json.loads(file.read_text())
        for operation, handler in schema.get("handlers", {}).items():
            if operation != "list":
                calls.setdefault(schema["typeName"], set()).update(handler.get("permissions", []))
    return calls


def unused(kind: str, action: str) -> bool:
    """Whether a type's schema names a call for a property that no template here has."""
    if kind == "AWS::DynamoDB::Table" and not action.startswith("dynamodb:"):
        return True  # imports, again
    if action.startswith("iam:") and kind in NOT_PASSED:
        return True
    return any(fnmatchcase(action, pattern) for patterns in UNUSED.values() for pattern in patterns.split())


def named(value: Any, otherwise: str) -> str:
    """A name as it is in the policy, or what CloudFormation calls a resource that has none."""
    text = value.get("Fn::Sub", "") if isinstance(value, dict) else value or ""
    return text.replace("${Stage}", "STAGE").replace("${AWS::AccountId}", "ACCOUNT") or otherwise


def arn(kind: str, logical_id: str, properties: dict[str, Any]) -> str:
    """The ARN that a resource of the stack will have, as far as it is known before."""

    def name(key: str) -> str:
        return named(properties.get(key), f"smmu-STAGE-{logical_id}-1A2B3C4D5E6F")

    def here(service: str, resource: str) -> str:
        return f"arn:aws:{service}:REGION:ACCOUNT:{resource}"

    function = here("lambda", "function:" + name("FunctionName"))
    match kind.removeprefix("AWS::").split("::"):
        case ["S3", _]:
            return "arn:aws:s3:::" + named(properties.get("BucketName"), "smmu-STAGE-raw-media-ACCOUNT")
        case ["DynamoDB", "Table"]:
            return here("dynamodb", "table/" + name("TableName"))
        case ["SQS", "Queue"]:
            return here("sqs", name("QueueName"))
        case ["SNS", _]:
            return here("sns", named(properties.get("TopicName"), "smmu-STAGE-alarms"))
        case ["Lambda", "Function"]:
            return function
        case ["Lambda", "Permission"]:
            return here("lambda", "function:smmu-STAGE-api")
        case ["Lambda", "EventSourceMapping"]:
            return here("lambda", "event-source-mapping:00000000-0000-4000-8000-000000000000")
        case ["Events", "Rule"]:
            return here("events", "rule/" + name("Name"))
        case ["StepFunctions", "StateMachine"]:
            return here("states", "stateMachine:" + name("Name"))
        case ["IAM", _]:
            return "arn:aws:iam::ACCOUNT:role/" + name("RoleNameOfOurOwn")
        case ["Logs", "LogGroup"]:
            return here("logs", "log-group:" + name("LogGroupName"))
        case ["CloudWatch", "Alarm"]:
            return here("cloudwatch", "alarm:" + name("AlarmName"))
        case ["CloudWatch", "Dashboard"]:
            return "arn:aws:cloudwatch::ACCOUNT:dashboard/" + name("DashboardName")
        case ["ECS", "Cluster"]:
            return here("ecs", "cluster/" + name("ClusterName"))
        case ["ECS", "TaskDefinition"]:
            return here("ecs", "task-definition/" + name("Family") + ":7")
        case ["ECR", "Repository"]:
            return here("ecr", "repository/" + name("RepositoryName"))
        case ["Cognito", _]:
            return here("cognito-idp", "userpool/REGION_aBcDeFgHi")
        case ["ApiGatewayV2", _]:
            return "arn:aws:apigateway:REGION::/apis/a1b2c3d4e5/anything"
        case ["EC2", made]:
            return here("ec2", OF_NETWORK[made] + "/id-0123456789abcdef0")
        case _:
            raise ValueError(f"{kind}: checks/pipeline_role.py does not know its ARN")


# What a network's resources are called in ARNs; a route and an association are their table's.
OF_NETWORK = {
    "VPC": "vpc",
    "VPCEndpoint": "vpc-endpoint",
    "Subnet": "subnet",
    "InternetGateway": "internet-gateway",
    "VPCGatewayAttachment": "internet-gateway",
    "RouteTable": "route-table",
    "Route": "route-table",
    "SubnetRouteTableAssociation": "route-table",
    "SecurityGroup": "security-group",
}
# The bucket of `sam deploy --resolve-s3`.
ARTIFACTS = "aws-sam-cli-managed-default-samclisourcebucket-1a2b3c"
# Calls that are about another resource than the one that is made.
ELSEWHERE = {
    "iam:PassRole": "arn:aws:iam::ACCOUNT:role/smmu-STAGE-ApiRole-1A2B3C4D5E6F",
    "iam:GetRole": "arn:aws:iam::ACCOUNT:role/smmu-STAGE-ApiRole-1A2B3C4D5E6F",
    "iam:CreateServiceLinkedRole": (
        "arn:aws:iam::ACCOUNT:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    ),
    "s3:GetObject": f"arn:aws:s3:::{ARTIFACTS}/smmu-STAGE/1a2b3c",
    "s3:GetObjectVersion": f"arn:aws:s3:::{ARTIFACTS}/smmu-STAGE/1a2b3c",
}
# The stack that `sam deploy --resolve-s3` makes for itself (`managed_stack.py` of samcli).
STACK_OF_SAM = {
    "Resources": {
        "SamCliSourceBucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": ARTIFACTS}},
        "SamCliSourceBucketBucketPolicy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"BucketName": ARTIFACTS}},
    }
}
# What tools/deploy.sh calls, and what it runs: `sam deploy` and `docker push`. The last group is for access logs of the
# API ("Customize HTTP API access logs", http-api-logging).
BY_TOOLS = {
    "arn:aws:cloudformation:REGION:ACCOUNT:stack/smmu-STAGE/1a2b3c": (
        "DescribeStacks DescribeStackEvents ListStackResources CreateChangeSet DescribeChangeSet ExecuteChangeSet "
        "DeleteChangeSet GetTemplateSummary TagResource DeleteStack"
    ),
    "arn:aws:cloudformation:REGION:ACCOUNT:stack/smmu-STAGE-repositories/1a2b3c": "DescribeStacks ExecuteChangeSet",
    "arn:aws:cloudformation:REGION:ACCOUNT:stack/aws-sam-cli-managed-default/1a2b3c": "DescribeStacks ExecuteChangeSet",
    "arn:aws:cloudformation:REGION:aws:transform/Serverless-2016-10-31": "CreateChangeSet",
    f"arn:aws:s3:::{ARTIFACTS}": "ListBucket GetBucketLocation",
    f"arn:aws:s3:::{ARTIFACTS}/smmu-STAGE/1a2b3c": "PutObject GetObject",
    "arn:aws:ecr:REGION:ACCOUNT:repository/smmu-STAGE-transcode-worker": (
        "DescribeImages BatchCheckLayerAvailability BatchGetImage InitiateLayerUpload UploadLayerPart "
        "CompleteLayerUpload PutImage"
    ),
    "*": (
        "ecr:GetAuthorizationToken servicequotas:GetServiceQuota ec2:DescribeAvailabilityZones "
        "logs:CreateLogDelivery logs:GetLogDelivery logs:UpdateLogDelivery logs:DeleteLogDelivery "
        "logs:ListLogDeliveries logs:PutResourcePolicy logs:DescribeResourcePolicies"
    ),
}
# Roles are passed with a new ECS task definition, and so on; these types need none of it.
NOT_PASSED = ("AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient")


def takes_no_resource(action: str) -> bool:
    """Whether a policy can allow it on everything only, as the service authorization reference says."""
    service, name = action.split(":")
    known = of_cfn_lint("AdditionalSpecs/Policies.json").get(service, {}).get("Actions", {})
    return name.lower() in known and not known[name.lower()].get("Resources")


def of_templates(*templates: dict[str, Any]) -> Iterator[Call]:
    """What CloudFormation calls for what the templates have."""
    calls, seen = handlers(), set()
    for document in templates:
        for logical_id, resource in document["Resources"].items():
            for kind in OF_SAM.get(resource["Type"], (resource["Type"],)):
                for action in sorted(calls[kind]):
                    if unused(kind, action):
                        continue
                    on = ELSEWHERE.get(action) or arn(kind, logical_id, resource.get("Properties", {}))
                    found = Call(action, "*" if takes_no_resource(action) else on, kind)
                    if found not in seen:
                        seen.add(found)
                        yield found


def of_tools() -> Iterator[Call]:
    for resource, actions in BY_TOOLS.items():
        for action in actions.split():
            service = "" if ":" in action else resource.split(":")[2] + ":"
            yield Call(service + action, resource, "tools/deploy.sh")


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def allows(policy: dict[str, Any], action: str, resource: str) -> bool:
    """Whether a statement allows an action on a resource; upper and lower case of actions are the same to IAM."""
    return any(
        any(fnmatchcase(action.lower(), pattern.lower()) for pattern in listed(statement["Action"]))
        and any(fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"]))
        for statement in policy["Statement"]
    )


def differences(policy: dict[str, Any], calls: list[Call]) -> Iterator[str]:
    """Calls that the policy does not allow, and what it allows beside them."""
    for action, resource, why in calls:
        if not allows(policy, action, resource):
            yield f"{POLICY} does not allow {action} on {resource}, which {why} needs"
    for statement in policy["Statement"]:
        for pattern in listed(statement["Action"]):
            alone = {"Statement": [{**statement, "Action": pattern}]}
            if not any(allows(alone, call.action, call.resource) for call in calls):
                yield f"{POLICY}: {statement['Sid']} allows {pattern}, which nothing needs"


def malformed(policy: dict[str, Any]) -> Iterator[str]:
    """What IAM would not take, or would take for something else than it is meant to be."""
    characters = len(re.sub(r"\s", "", json.dumps(policy)))
    if characters > MOST_CHARACTERS:
        yield f"{POLICY} has {characters} characters; the inline policies of a role may have {MOST_CHARACTERS}"
    known = of_cfn_lint("AdditionalSpecs/Policies.json")
    for statement in policy["Statement"]:
        for pattern in listed(statement["Action"]):
            service, name = pattern.lower().split(":")
            if not any(fnmatchcase(action, name) for action in known.get(service, {}).get("Actions", {})):
                yield f"{POLICY}: {statement['Sid']} allows {pattern}, which is no action"


def findings(root: Path) -> Iterator[str]:
    policy = json.loads((root / POLICY).read_text())
    templates = (template.load(root / name) for name in ("template.yaml", "repositories.yaml"))
    yield from malformed(policy)
    yield from differences(policy, [*of_tools(), *of_templates(*templates, STACK_OF_SAM)])
