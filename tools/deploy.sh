#!/usr/bin/env bash
# deploy.sh STAGE [NAME=VALUE...]: deploys a stage of samconfig.toml into your AWS account, in the order that a first
# deployment needs: image repositories, images, stack, web page. Run it again to update. docs/DEPLOY.md lists the requirements.
#
# IMAGE_TAG  tag of the worker images; by default the commit. An existing tag is not pushed again.
# SMMU      the client, which checks the profiles; built by default.
# PREBUILT=1 uses the existing .aws-sam/build, web page and local images, as the pipeline does: built once, deployed to
# all stages.
# NO_IMAGES=1 skips images: they exist already, or no worker will run. Without them, pass WorkerFunctions=disabled:
# Lambda checks the image of a function when it creates the function.
# PAGE      folder of the built web page; by default web/dist.
. "$(dirname "$0")/common.sh"

[ $# -ge 1 ] || fail "usage: tools/deploy.sh STAGE [NAME=VALUE...]" "stages are those of samconfig.toml: dev, staging, prod"
STAGE=$1
shift
export SAM_CLI_TELEMETRY=0
PAGE=${PAGE:-web/dist}
TAG=${IMAGE_TAG:-$(git rev-parse --short=12 HEAD)}
[ -n "${IMAGE_TAG:-}" ] || git diff --quiet HEAD ||
    step "there are changes that are not committed: functions get them, images that $TAG has already do not"
make_venv "$SMMU_LINT_VENV" tools/requirements-lint.txt
PATH=$SMMU_LINT_VENV/bin:$PATH
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
python3 tools/stage_parameters.py "$STAGE" "$work/parameters.yaml" "ImageTag=$TAG" "$@"

given=("$@")
value_of() { # value_of PARAMETER: its value in the stack.
    python3 tools/stage_parameters.py --print "$1" "$STAGE" "ImageTag=$TAG" "${given[@]}"
}

# With an invalid profile neither the api function nor workers start: every request and job would fail.
smmu=$(client)
"$smmu" check-profiles --profile "$(value_of Profile)" --profiles "$(value_of Profiles)" >/dev/null ||
    fail "the profiles cannot be deployed" "see docs/PROFILE.md"

# Names of three zones with Fargate: "Supported Regions for Amazon ECS on AWS Fargate" lists the few without. In a
# region with two such zones, the first gets a second subnet.
zones() {
    aws ec2 describe-availability-zones --filters Name=zone-type,Values=availability-zone \
        --query 'AvailabilityZones[].[ZoneName,ZoneId]' --output text 2>/dev/null | sort | awk '
            $2 ~ /^usw1-/ && $2 !~ /-az[13]$/ { next }
            $2 ~ /^apne1-/ && $2 !~ /-az[124]$/ { next }
            $2 ~ /^cnn1-/ && $2 !~ /-az[12]$/ { next }
            NF == 2 { zone[n++] = $1 }
            END { if (n) print zone[0] "," zone[1 % n] "," zone[2 % n] }'
}

# Capacity providers need the service-linked role of ECS, which exists only after an account has used ECS (AWS: "Using
# service-linked roles for Amazon ECS"). Without it the first deployment fails and is stuck in ROLLBACK_COMPLETE.
ecs_role() {
    local said
    said=$(aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com 2>&1) ||
        [[ $said == *"has been taken"* ]] ||
        step "the service-linked role of ECS could not be created; a first deployment fails without it: $said"
}

# Warns if a worker exceeds the vCPU quota of the account, for which RunTask would return 200 with failures.
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

# Checks an issuer other than the stack's own pool: if its name differs in one character, all tokens are refused.
issuer_is_right() {
    local issuer algorithm
    issuer=$(value_of JwtIssuer) algorithm=$(value_of JwtAlgorithm)
    [ -z "$issuer" ] || [ "$algorithm" = HS256 ] || python3 tools/issuer.py "$issuer" "$algorithm" ||
        fail "tokens of $issuer cannot be verified" "docs/DEPLOY.md has the values of the usual issuers"
}

output() { # output NAME: an output of the stack; `None` if it has none of this name.
    aws cloudformation describe-stacks --stack-name "smmu-$STAGE" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue | [0]"
}

# Fills the bucket of the web page. Files of earlier deployments stay, because open pages can still load them. No cached
# file has to be invalidated: those in assets/ are named by their content, and the others are revalidated.
publish_page() {
    local address
    [ "$(value_of Web)" = enabled ] || return 0
    is_there aws || { step "the AWS CLI is missing, so the web page is left out"; return; }
    [ -n "${PREBUILT:-}" ] || tools/web.sh build
    [ -e "$PAGE/index.html" ] || { step "the web page was not built, so it is left out"; return; }
    address=$(output WebAddress)
    [[ $address == https://* ]] || { step "this partition has no CloudFront, so the web page is left out"; return; }
    python3 tools/page.py "$PAGE" "$work/page" "$(output WebPageConfig)" "$(output WebPageSources)"
    local to
    to=s3://$(output WebBucketName)
    # New files first: the page that names them comes last.
    aws s3 cp "$work/page/assets" "$to/assets" --recursive --only-show-errors \
        --cache-control "public, max-age=31536000, immutable"
    aws s3 cp "$work/page" "$to" --recursive --only-show-errors --exclude "assets/*" --cache-control no-cache
    step "the web page is at $address"
}

uri_of() { # uri_of WORKER: URI of its image repository, from the stack of repositories.
    aws cloudformation describe-stacks --stack-name "smmu-$STAGE-repositories" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

push() { # push WORKER OUTPUT: pushes its local image, unless this tag exists.
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
    # `sam build` does not know the parameters of the deployment.
    sam build --parameter-overrides "Architecture=$(value_of Architecture)"
fi
step "stack smmu-$STAGE"
options=()
# CI cannot answer prompts, and the stage's environment has its own approval.
[ -z "${CI:-}" ] || options+=(--no-confirm-changeset)
# SAM looks for its configuration next to the template, which here is in the build folder.
sam deploy --config-file "$SMMU_ROOT/samconfig.toml" --config-env "$STAGE" \
    --template-file .aws-sam/build/template.yaml --parameter-overrides "file://$work/parameters.yaml" "${options[@]}"
publish_page
