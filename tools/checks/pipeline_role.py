"""docs/pipeline-role.json allows exactly the calls that a deployment makes.

CloudFormation acts with the permissions of the deployer. The calls for each type of resource are listed as "handlers"
in the type's schema, which cfn-lint includes ("Resource type definition schema", CloudFormation CLI user guide).
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
# Limit for all inline policies of a role together, without white space ("IAM and AWS STS quotas").
MOST_CHARACTERS = 10_240
# The types into which SAM expands its own ("AWS SAM resource and property reference").
OF_SAM = {
    "AWS::Serverless::Function": ("AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping", "AWS::Events::Rule"),
    "AWS::Serverless::StateMachine": ("AWS::StepFunctions::StateMachine",),
}
# Calls in the schemas that belong to properties not used by our templates, by reason.
UNUSED = {
    "customer-managed keys": "kms:*",
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
    "gateways and address blocks that the network does not have": (
        "ec2:*Vpn* ec2:*CidrBlock ec2:*VpcTenancy ec2:*EncryptionControl* vpc-lattice:* vpce:* "
        "ec2:UpdateSecurityGroupRule*"
    ),
    "definitions of an API in a bucket": "s3:getObject",
    # CreateDistribution and TagResource allow it.
    "a call that is not an IAM action": "cloudfront:CreateDistributionWithTags",
    "staging, connection groups and private origins of distributions": (
        "cloudfront:*StagingConfig cloudfront:*ConnectionGroup cloudfront:*VpcOrigin"
    ),
    "attributes of users": "cognito-idp:AddCustomAttributes",
    "delivery of logs elsewhere, tokens and protection of log groups": (
        "firehose:* s3:REST.PUT.OBJECT logs:PutBearerTokenAuthentication logs:*DeletionProtection logs:*LogEvents "
        "logs:*LogStream* logs:*KmsKey"
    ),
    "managed policies and boundaries of roles": (
        "iam:*RolePermissionsBoundary iam:AttachRolePolicy iam:DetachRolePolicy"
    ),
}


class Call(NamedTuple):
    """A call made by a deployment, its resource, and what makes it."""

    action: str
    resource: str
    why: str


@cache
def of_cfn_lint(path: str) -> Any:
    """A file of cfn-lint's data."""
    (package,) = find_spec("cfnlint").submodule_search_locations
    return json.loads((Path(package) / "data" / path).read_text())


def handlers() -> dict[str, set[str]]:
    """Calls of CloudFormation to create, read, change and delete a resource, by type."""
    (package,) = find_spec("cfnlint").submodule_search_locations
    calls: dict[str, set[str]] = {}
    for file in (Path(package) / "data/schemas/resources").glob("*.json"):
        schema = json.loads(file.read_text())
        for operation, handler in schema.get("handlers", {}).items():
            if operation != "list":
                calls.setdefault(schema["typeName"], set()).update(handler.get("permissions", []))
    return calls


def unused(kind: str, action: str) -> bool:
    """True if a call in a type's schema belongs to a property not used by our templates."""
    if kind == "AWS::DynamoDB::Table" and not action.startswith("dynamodb:"):
        return True  # imports, again
    if action.startswith("iam:") and kind in NOT_PASSED:
        return True
    return any(fnmatchcase(action, pattern) for patterns in UNUSED.values() for pattern in patterns.split())


def named(value: Any, otherwise: str) -> str:
    """A name in the notation of the policy, or the generated name of a resource without one."""
    text = value.get("Fn::Sub", "") if isinstance(value, dict) else value or ""
    for variable, name in (("Stage", "STAGE"), ("AWS::Region", "REGION"), ("AWS::AccountId", "ACCOUNT")):
        text = text.replace(f"${{{variable}}}", name)
    return text or otherwise


def arn(kind: str, logical_id: str, properties: dict[str, Any]) -> str:
    """The ARN that a resource of the stack will have, with a plausible suffix if generated."""

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
        case ["CloudFront", "Function"]:
            return "arn:aws:cloudfront::ACCOUNT:function/" + name("Name")
        case ["CloudFront", made]:
            return f"arn:aws:cloudfront::ACCOUNT:{OF_CLOUDFRONT[made]}/E1A2B3C4D5E6F7"
        case ["Cognito", _]:
            return here("cognito-idp", "userpool/REGION_aBcDeFgHi")
        case ["ApiGatewayV2", _]:
            return "arn:aws:apigateway:REGION::/apis/a1b2c3d4e5/anything"
        case ["EC2", made]:
            return here("ec2", OF_NETWORK[made] + "/id-0123456789abcdef0")
        case _:
            raise ValueError(f"{kind}: checks/pipeline_role.py does not know its ARN")


# Resource types of a network in ARNs. Routes and associations belong to their table.
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
# Names of CloudFront's resource types in ARNs ("Actions, resources, and condition keys for Amazon CloudFront").
OF_CLOUDFRONT = {
    "CachePolicy": "cache-policy",
    "Distribution": "distribution",
    "OriginAccessControl": "origin-access-control",
    "ResponseHeadersPolicy": "response-headers-policy",
}
# The bucket of `sam deploy --resolve-s3`.
ARTIFACTS = "aws-sam-cli-managed-default-samclisourcebucket-1a2b3c"
# Calls on a different resource than the one being created.
ELSEWHERE = {
    "iam:PassRole": "arn:aws:iam::ACCOUNT:role/smmu-STAGE-ApiRole-1A2B3C4D5E6F",
    "iam:GetRole": "arn:aws:iam::ACCOUNT:role/smmu-STAGE-ApiRole-1A2B3C4D5E6F",
    "iam:CreateServiceLinkedRole": (
        "arn:aws:iam::ACCOUNT:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    ),
    "s3:GetObject": f"arn:aws:s3:::{ARTIFACTS}/smmu-STAGE/1a2b3c",
    "s3:GetObjectVersion": f"arn:aws:s3:::{ARTIFACTS}/smmu-STAGE/1a2b3c",
}
# The stack that `sam deploy --resolve-s3` creates for itself (`managed_stack.py` of samcli).
STACK_OF_SAM = {
    "Resources": {
        "SamCliSourceBucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": ARTIFACTS}},
        "SamCliSourceBucketBucketPolicy": {"Type": "AWS::S3::BucketPolicy", "Properties": {"BucketName": ARTIFACTS}},
    }
}
# Calls of tools/deploy.sh and of the programs that it runs, `sam deploy` and `docker push`. The last group is for
# access logs of the API ("Customize HTTP API access logs", http-api-logging).
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
    "arn:aws:s3:::smmu-STAGE-web-ACCOUNT/assets/index-1a2b3c.js": "PutObject",
    "arn:aws:ecr:REGION:ACCOUNT:repository/smmu-STAGE-transcode-worker": (
        "DescribeImages BatchCheckLayerAvailability BatchGetImage InitiateLayerUpload UploadLayerPart "
        # The caller of CreateFunction must be allowed to pull its image ("Create a Lambda function using a container
        # image", images-create, "Amazon ECR permissions"); the type's schema does not list it.
        "CompleteLayerUpload PutImage GetDownloadUrlForLayer"
    ),
    "*": (
        "ecr:GetAuthorizationToken servicequotas:GetServiceQuota ec2:DescribeAvailabilityZones "
        "logs:CreateLogDelivery logs:GetLogDelivery logs:UpdateLogDelivery logs:DeleteLogDelivery "
        "logs:ListLogDeliveries logs:PutResourcePolicy logs:DescribeResourcePolicies"
    ),
}
# Some types, such as ECS task definitions, are passed a role. These are not.
NOT_PASSED = ("AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::Cognito::UserPool", "AWS::Cognito::UserPoolClient")


def takes_no_resource(action: str) -> bool:
    """True if an action supports no resources and can only be allowed on `*` (service authorization reference)."""
    service, name = action.split(":")
    known = of_cfn_lint("AdditionalSpecs/Policies.json").get(service, {}).get("Actions", {})
    return name.lower() in known and not known[name.lower()].get("Resources")


def of_templates(*templates: dict[str, Any]) -> Iterator[Call]:
    """Calls of CloudFormation for the resources of the templates."""
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
    """True if a statement allows an action on a resource. IAM ignores the case of actions."""
    return any(
        any(fnmatchcase(action.lower(), pattern.lower()) for pattern in listed(statement["Action"]))
        and any(fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"]))
        for statement in policy["Statement"]
    )


def differences(policy: dict[str, Any], calls: list[Call]) -> Iterator[str]:
    """Calls that the policy does not allow, and permissions that no call needs."""
    for action, resource, why in calls:
        if not allows(policy, action, resource):
            yield f"{POLICY} does not allow {action} on {resource}, which {why} needs"
    for statement in policy["Statement"]:
        for pattern in listed(statement["Action"]):
            alone = {"Statement": [{**statement, "Action": pattern}]}
            if not any(allows(alone, call.action, call.resource) for call in calls):
                yield f"{POLICY}: {statement['Sid']} allows {pattern}, which nothing needs"


def malformed(policy: dict[str, Any]) -> Iterator[str]:
    """Parts of the policy that IAM would reject or misread."""
    characters = len(re.sub(r"\s", "", json.dumps(policy)))
    if characters > MOST_CHARACTERS:
        yield f"{POLICY} has {characters} characters; the inline policies of a role may have {MOST_CHARACTERS}"
    known = of_cfn_lint("AdditionalSpecs/Policies.json")
    for statement in policy["Statement"]:
        for pattern in listed(statement["Action"]):
            service, name = pattern.lower().split(":")
            if not any(fnmatchcase(action, name) for action in known.get(service, {}).get("Actions", {})):
                yield f"{POLICY}: {statement['Sid']} allows {pattern}, which is not an action"


def findings(root: Path) -> Iterator[str]:
    policy = json.loads((root / POLICY).read_text())
    templates = (template.load(root / name) for name in ("template.yaml", "repositories.yaml"))
    yield from malformed(policy)
    yield from differences(policy, [*of_tools(), *of_templates(*templates, STACK_OF_SAM)])
