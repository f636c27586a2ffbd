#!/usr/bin/env bash
# smoke.sh STAGE: whether a deployed stage does its work, asked as a client asks: health, then one image from upload to
# verified outputs. Needs a user of the stage's own pool in SMOKE_USER and SMOKE_PASSWORD, or a token in SMMU_TOKEN.
. "$(dirname "$0")/common.sh"

[ $# -eq 1 ] || fail "usage: tools/smoke.sh STAGE"
is_there aws || fail "the AWS CLI is missing; it tells where the stage is" "see docs/DEPLOY.md"

output() { # output NAME: of the stage's stack.
    aws cloudformation describe-stacks --stack-name "smmu-$STAGE" --output text \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}

STAGE=$1
SMMU_API=${SMMU_API:-$(output ApiUrl)}
export SMMU_API
smmu=${SMMU:-$SMMU_TARGET_DIR/release/smmu}
[ -x "$smmu" ] || cargo build --locked --release --package smmu-cli --bin smmu

step "$SMMU_API answers"
"$smmu" health
if [ -z "${SMMU_TOKEN:-}" ]; then
    [ -n "${SMOKE_USER:-}" ] && [ -n "${SMOKE_PASSWORD:-}" ] || fail "SMOKE_USER and SMOKE_PASSWORD are not set" "see docs/DEPLOY.md"
    # From a file that only this user can read: other users of a machine see arguments.
    request=$(mktemp)
    trap 'rm -rf -- "$request" "${made:-}"' EXIT
    printf '%s' "$SMOKE_PASSWORD" | python3 tools/sign_in.py "$(output UserPoolClientId)" "$SMOKE_USER" >"$request"
    SMMU_TOKEN=$(aws cognito-idp initiate-auth --cli-input-json "file://$request" --output text \
        --query AuthenticationResult.AccessToken)
    export SMMU_TOKEN
fi
made=$(mktemp -d)
trap 'rm -rf -- "${request:-}" "$made"' EXIT
step "an image goes all the way"
python3 tools/smoke_image.py >"$made/smoke.png"
"$smmu" upload "$made/smoke.png" --wait --out "$made/out"
