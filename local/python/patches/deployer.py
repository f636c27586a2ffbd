"""CloudFormation creates resources with the permissions of its caller."""

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners, stacks

from patches import reviewed
from patches.roles import session_denied

# By type: the call that creates such a resource ("handlers" in its schema lists all calls), the last part of its ARN,
# and the property that names it. tools/checks/pipeline_role.py checks the pipeline's role against all calls.
CREATED_BY = {
    "ApiGatewayV2::Api": ("apigateway:POST", "/apis", None),
    "ApiGatewayV2::Authorizer": ("apigateway:POST", "/apis/{ApiId}/authorizers", None),
    "ApiGatewayV2::Integration": ("apigateway:POST", "/apis/{ApiId}/integrations", None),
    "ApiGatewayV2::Route": ("apigateway:POST", "/apis/{ApiId}/routes", None),
    "ApiGatewayV2::Stage": ("apigateway:POST", "/apis/{ApiId}/stages", None),
    "CloudFront::CachePolicy": ("cloudfront:CreateCachePolicy", "*", None),
    "CloudFront::Distribution": ("cloudfront:CreateDistribution", "*", None),
    "CloudFront::Function": ("cloudfront:CreateFunction", "*", None),
    "CloudFront::OriginAccessControl": ("cloudfront:CreateOriginAccessControl", "*", None),
    "CloudFront::ResponseHeadersPolicy": ("cloudfront:CreateResponseHeadersPolicy", "*", None),
    "CloudWatch::Alarm": ("cloudwatch:PutMetricAlarm", "alarm:{}", "AlarmName"),
    "CloudWatch::Dashboard": ("cloudwatch:PutDashboard", "dashboard/{}", "DashboardName"),
    "Cognito::UserPool": ("cognito-idp:CreateUserPool", "*", None),
    "Cognito::UserPoolClient": ("cognito-idp:CreateUserPoolClient", "userpool/{UserPoolId}", None),
    "DynamoDB::Table": ("dynamodb:CreateTable", "table/{}", "TableName"),
    "EC2::InternetGateway": ("ec2:CreateInternetGateway", "internet-gateway/*", None),
    "EC2::Route": ("ec2:CreateRoute", "route-table/{RouteTableId}", None),
    "EC2::RouteTable": ("ec2:CreateRouteTable", "route-table/*", None),
    "EC2::SecurityGroup": ("ec2:CreateSecurityGroup", "security-group/*", None),
    "EC2::Subnet": ("ec2:CreateSubnet", "subnet/*", None),
    "EC2::SubnetRouteTableAssociation": ("ec2:AssociateRouteTable", "route-table/{RouteTableId}", None),
    "EC2::VPC": ("ec2:CreateVpc", "vpc/*", None),
    "EC2::VPCEndpoint": ("ec2:CreateVpcEndpoint", "vpc-endpoint/*", None),
    "EC2::VPCGatewayAttachment": ("ec2:AttachInternetGateway", "internet-gateway/{InternetGatewayId}", None),
    "ECR::Repository": ("ecr:CreateRepository", "repository/{}", "RepositoryName"),
    "ECS::Cluster": ("ecs:CreateCluster", "cluster/{}", "ClusterName"),
    "ECS::TaskDefinition": ("ecs:RegisterTaskDefinition", "task-definition/{}:1", "Family"),
    "Events::Rule": ("events:PutRule", "rule/{}", "Name"),
    "IAM::Role": ("iam:CreateRole", "role/{}", "RoleName"),
    "IAM::RolePolicy": ("iam:PutRolePolicy", "role/{RoleName}", None),
    "Lambda::EventSourceMapping": ("lambda:CreateEventSourceMapping", "*", None),
    "Lambda::Function": ("lambda:CreateFunction", "function:{}", "FunctionName"),
    "Lambda::Permission": ("lambda:AddPermission", "function:{FunctionName}", None),
    "Logs::LogGroup": ("logs:CreateLogGroup", "log-group:{}", "LogGroupName"),
    "S3::Bucket": ("s3:CreateBucket", "{}", "BucketName"),
    "S3::BucketPolicy": ("s3:PutBucketPolicy", "{Bucket}", None),
    "SNS::Topic": ("sns:CreateTopic", "{}", "TopicName"),
    "SNS::TopicPolicy": ("sns:SetTopicAttributes", "{Topics[0]}", None),
    "SQS::Queue": ("sqs:CreateQueue", "{}", "QueueName"),
    "StepFunctions::StateMachine": ("states:CreateStateMachine", "stateMachine:{}", "StateMachineName"),
}
# Services whose ARNs lack the region or the account.
WITHOUT_REGION, WITHOUT_ACCOUNT = ("iam", "s3"), ("apigateway", "s3")
# Properties that pass a role to a service.
PASSING = ("Role", "RoleArn", "ExecutionRoleArn", "TaskRoleArn")


def arn_of(kind, logical_id, props, stack_name):
    """Returns the call that creates a resource, and its ARN. Generated names begin with the name of the stack."""
    call, resource, named_by = CREATED_BY[kind]
    service = call.partition(":")[0]
    name = props.get(named_by) or f"{stack_name}-{logical_id}-1A2B3C4D5E6F"
    resource = resource.format(name.lower() if service == "s3" else name, **props)
    if resource == "*" or resource.startswith("arn:"):
        return call, resource
    region = "" if service in WITHOUT_REGION or kind == "CloudWatch::Dashboard" else get_region()
    account = "" if service in WITHOUT_ACCOUNT else get_account_id()
    return call, f"arn:aws:{service}:{region}:{account}:{resource}"


def patch_creation_by_caller():
    """CloudFormation creates a resource only if its caller may create it and pass the resource's role.

    AWS ("Controlling access with IAM", AWS CloudFormation user guide, control-access-with-iam; "Forward access
    sessions", access_forward_access_sessions): without a service role, CloudFormation calls services with its caller's
    permissions. A denied call fails the resource, and the stack is rolled back.

    ministack: checks no permissions. The patch checks only the calls that create resources.
    """
    provision = reviewed(stacks, "_provision_resource", "resource_type", "logical_id", "props", "stack_name")

    def demand(caller, action, resource):
        if why := session_denied(caller, action, resource):
            raise PermissionError(why)

    def provision_as_caller(resource_type, logical_id, props, stack_name):
        caller = iam_evaluator.caller_arn()
        if ":assumed-role/" in caller:
            demand(caller, *arn_of(resource_type.removeprefix("AWS::"), logical_id, props, stack_name))
            for role in filter(None, map(props.get, PASSING)):
                demand(caller, "iam:PassRole", role)
        return provision(resource_type, logical_id, props, stack_name)

    stacks._provision_resource = provisioners._provision_resource = provision_as_caller
