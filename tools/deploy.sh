#!/usr/bin/env bash
# deploy.sh STAGE [NAME=VALUE...]: puts a stage of samconfig.toml into your AWS account, in the one order that works from
# nothing: image repositories, images, stack. Run again it updates. docs/DEPLOY.md says what it needs.
#
# IMAGE_TAG  tag of the worker images; the commit where it is empty. A tag that is pushed already is not pushed again.
# SMMU      the client, which judges the profiles; built where it is empty.
# PREBUILT=1 takes .aws-sam/build and the local images as they are, as the pipeline does: built once, deployed thrice.
# NO_IMAGES=1 leaves images alone: they are there, or nothing is run that needs a worker.
. "$(dirname "$0")/common.sh"

[ $# -ge 1 ] || fail "usage: tools/deploy.sh STAGE [NAME=VALUE...]" "stages are those of samconfig.toml: dev, staging, prod"
STAGE=$1
shift
export SAM_CLI_TELEMETRY=0
TAG=${IMAGE_TAG:-$(git rev-parse --short=12 HEAD)}
[ -n "${IMAGE_TAG:-}" ] || git diff --quiet HEAD ||
    step "there are changes that are not committed: functions get them, images that $TAG has already do not"
make_venv "$SMMU_LINT_VENV" tools/requirements-lint.txt
PATH=$SMMU_LINT_VENV/bin:$PATH
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
python3 tools/stage_parameters.py "$STAGE" "$work/parameters.yaml" "ImageTag=$TAG" "$@"

given=("$@")
value_of() { # value_of PARAMETER: what the stack will have.
    python3 tools/stage_parameters.py --print "$1" "$STAGE" "ImageTag=$TAG" "${given[@]}"
}

# The api function does not start with a profile that it cannot read, nor do workers: every request and job would fail.
smmu=$(client)
"$smmu" check-profiles --profile "$(value_of Profile)" --profiles "$(value_of Profiles)" >/dev/null ||
    fail "the profiles cannot be deployed" "see docs/PROFILE.md"

# Three zones that have Fargate, by name: "Supported Regions for Amazon ECS on AWS Fargate" lists the few that have none. A
# region with two of them has one subnet more in the first.
zones() {
    aws ec2 describe-availability-zones --filters Name=zone-type,Values=availability-zone \
        --query 'AvailabilityZones[].[ZoneName,ZoneId]' --output text 2>/dev/null | sort | awk '
            $2 ~ /^usw1-/ && $2 !~ /-az[13]$/ { next }
            $2 ~ /^apne1-/ && $2 !~ /-az[124]$/ { next }
            $2 ~ /^cnn1-/ && $2 !~ /-az[12]$/ { next }
            NF == 2 { zone[n++] = $1 }
            END { if (n) print zone[0] "," zone[1 % n] "," zone[2 % n] }'
}

# Capacity providers need ECS's role, which an account has only once it used ECS (AWS: "Using service-linked roles for
# Amazon ECS"). Without it the first deployment fails and is stuck in ROLLBACK_COMPLETE.
ecs_role() {
    local said
    said=$(aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com 2>&1) ||
        [[ $said == *"has been taken"* ]] ||
        step "the service-linked role of ECS could not be made; a first deployment fails without it: $said"
}

# RunTask answers 200 with failures where the account may not run that many vCPU.
fargate_quota() {
    local quota largest
    quota=$(aws service-quotas get-service-quota --service-code fargate --quota-code L-3032A538 \
        --query Quota.Value --output text 2>/dev/null) || quota=
    [[ $quota =~ ^[0-9] ]] || { step "the Fargate quota of vCPU could not be read (L-3032A538)"; return 0; }
    largest=$(python3 -c 'import json, sys
values = json.load(open(sys.argv[1]))
print(max(int(values[name]) for name in ("TranscodeCpu", "TranscodeLargeCpu", "TranscribeCpu")) // 1024)' "$work/parameters.yaml")
    [ "$largest" -le "${quota%%.*}" ] ||
        step "a worker of $largest vCPU never starts under this account's quota of ${quota%%.*} (Service Quotas, fargate, L-3032A538)"
}

# Tokens of an issuer that is not the stack's own pool are refused, all of them, where its name differs in one character.
issuer_is_right() {
    local issuer algorithm
    issuer=$(value_of JwtIssuer) algorithm=$(value_of JwtAlgorithm)
    [ -z "$issuer" ] || [ "$algorithm" = HS256 ] || python3 tools/issuer.py "$issuer" "$algorithm" ||
        fail "tokens of $issuer cannot be verified" "docs/DEPLOY.md has the values of the usual issuers"
}

uri_of() { # uri_of WORKER: where its image goes, as the stack of repositories says.
    aws cloudformation describe-stacks --stack-name "smmu-$STAGE-repositories" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

push() { # push WORKER OUTPUT: its local image, unless this tag is there already.
    local uri
    uri=$(uri_of "$2")
    if aws ecr describe-images --repository-name "smmu-$STAGE-$1-worker" --image-ids "imageTag=$TAG" >/dev/null 2>&1; then
        step "$1: $TAG is there already"
        return
    fi
    aws ecr get-login-password | docker login --username AWS --password-stdin "${uri%%/*}" >/dev/null
    docker tag "smmu-$1-worker:$TAG" "$uri:$TAG"
    docker push --quiet "$uri:$TAG"
}

issuer_is_right
if is_there aws; then
    ecs_role
    fargate_quota
    if [ -z "$(value_of WorkerZones)$(value_of SubnetIdA)" ]; then
        python3 tools/stage_parameters.py "$STAGE" "$work/parameters.yaml" "ImageTag=$TAG" "$@" "WorkerZones=$(zones)"
    fi
fi
step "image repositories: stack smmu-$STAGE-repositories"
sam deploy --template-file repositories.yaml --stack-name "smmu-$STAGE-repositories" \
    --parameter-overrides "Stage=$STAGE" --no-confirm-changeset --no-fail-on-empty-changeset

if [ -z "${NO_IMAGES:-}" ]; then
    is_there aws || fail "the AWS CLI is missing; it logs in to the image repositories" "see docs/DEPLOY.md"
    docker info >/dev/null 2>&1 || fail "there is no Docker engine; it builds and pushes the worker images" "see docs/DEPLOY.md"
    [ -n "${PREBUILT:-}" ] || REQUIRE_DOCKER=1 IMAGE_TAG=$TAG make images
    step "images: $TAG"
    push transcode TranscodeRepositoryUri
    push transcribe TranscribeRepositoryUri
fi

if [ -z "${PREBUILT:-}" ]; then
    step "functions"
    # SAM builds for what it is told here, not for what it deploys.
    sam build --parameter-overrides "Architecture=$(value_of Architecture)"
fi
step "stack smmu-$STAGE"
options=()
# Nobody is there to ask; the approval of the stage's environment has asked already.
[ -z "${CI:-}" ] || options+=(--no-confirm-changeset)
# SAM looks for its configuration beside the template, which here is in the build.
sam deploy --config-file "$SMMU_ROOT/samconfig.toml" --config-env "$STAGE" \
    --template-file .aws-sam/build/template.yaml --parameter-overrides "file://$work/parameters.yaml" "${options[@]}"
