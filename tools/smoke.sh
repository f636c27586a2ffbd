#!/usr/bin/env bash
# smoke.sh STAGE: tests a deployed stage as a client: health, then one image from upload to verified outputs. Needs a
# user of the stage's own pool in SMOKE_USER and SMOKE_PASSWORD, or a token in SMMU_TOKEN.
. "$(dirname "$0")/common.sh"

[ $# -eq 1 ] || fail "usage: tools/smoke.sh STAGE"
is_there aws || fail "the AWS CLI is missing; it is needed to find the stage" "see docs/DEPLOY.md"

output() { # output NAME: an output of the stage's stack.
    aws cloudformation describe-stacks --stack-name "smmu-$STAGE" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

STAGE=$1
SMMU_API=${SMMU_API:-$(output ApiUrl)}
export SMMU_API
smmu=$(client)
made=$(mktemp -d)
trap 'rm -rf -- "$made"' EXIT

step "$SMMU_API answers"
"$smmu" health
if [ -z "${SMMU_TOKEN:-}" ]; then
    [ -n "${SMOKE_USER:-}" ] && [ -n "${SMOKE_PASSWORD:-}" ] || fail "SMOKE_USER and SMOKE_PASSWORD are not set" "see docs/DEPLOY.md"
    export XDG_CONFIG_HOME=$made/config
    printf '%s\n' "$SMOKE_PASSWORD" | "$smmu" login --user "$SMOKE_USER" --password-stdin
fi
step "processing an image from upload to output"
python3 tools/smoke_image.py >"$made/smoke.png"
"$smmu" upload "$made/smoke.png" --wait --out "$made/out"
