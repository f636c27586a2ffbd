#!/usr/bin/env bash
# sam build, then sam local invoke of every event in events/, in real containers.
#
# There is no AWS behind it: every call of a service is refused at once. A function has to start, read
# its event and answer, with a result or with one of its own errors (judge_answer.py says which).
. "$(dirname "$0")/common.sh"
. tools/docker-engine.sh
. tools/lambda-image.sh

export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=eu-central-1 AWS_EC2_METADATA_DISABLED=true
# Credentials are made up: SAM hands them to the containers, and nothing there checks them.
export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local
export PYTHONPATH=$SMMU_ROOT/tools PYTHONDONTWRITEBYTECODE=1
# SAM cannot make up the user pool that the api function would otherwise ask for keys.
PARAMETERS='JwtAlgorithm=HS256 JwtSecret=a-secret-of-32-bytes-for-sam-local JwtIssuer=https://issuer.invalid JwtAudience=smmu'

build_functions() {
    # The debug profile is enough to be called once. No Rust target is ever downloaded.
    PATH=$SMMU_LINT_VENV/bin:$PATH RUSTUP_DIST_SERVER=http://127.0.0.1:9 SAM_BUILD_MODE=debug \
        CARGO_TARGET_DIR=$SMMU_TARGET_DIR "$SMMU_LINT_VENV/bin/sam" build
    "$SMMU_LINT_VENV/bin/python" tools/without_aws.py .aws-sam/build/template.yaml >.aws-sam/build/without-aws.json
}

# on-upload-created.json → OnUploadFunction: the longest name of a function that the event begins with.
logical_id() {
    local folder name best=
    for folder in functions/*/; do
        name=$(basename "$folder")
        [[ $1 != "$name"-* || ${#name} -le ${#best} ]] || best=$name
    done
    sed -E 's/(^|-)(.)/\U\2/g' <<<"${best}Function"
}

invoke() {
    local event=$1 answer options=()
    answer=$(mktemp)
    # What an own engine has not got, it cannot pull.
    [ "$ENGINE_IS_OURS" = no ] || options+=(--skip-pull-image)
    "$SMMU_LINT_VENV/bin/sam" local invoke "$(logical_id "$(basename "$event")")" \
        --template .aws-sam/build/without-aws.json --event "$event" \
        --parameter-overrides "$PARAMETERS" "${options[@]}" >"$answer" || true
    "$SMMU_LINT_VENV/bin/python" tools/judge_answer.py "$answer"
    rm -f -- "$answer"
}

tools/setup.sh run
if ! find_engine; then
    printf '%s\n' "sam local invoke needs a Docker engine, and there is none here." \
        "Start yours, or as root on Debian run: apt-get install docker.io debootstrap"
    exit "${REQUIRE_DOCKER:-0}"
fi
trap stop_engine EXIT
tools/setup.sh sam-local
[ "$ENGINE_IS_OURS" = no ] || make_lambda_image

part "sam build" build_functions
[ "$PART_CODE" -eq 0 ] || tally_parts
for event in events/*.json; do
    part "sam local invoke: $(basename "$event" .json)" invoke "$event"
done
tally_parts
