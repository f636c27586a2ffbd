#!/usr/bin/env bash
# sam-invoke.sh FUNCTION EVENT [ENVIRONMENT]: calls a function built by `make sam-local` in a container with access to
# the local cloud, and prints its answer:
#
#     make up CONTAINERS=1                                   # in another terminal
#     tools/sam-invoke.sh api events/api-health.json
#
# ENVIRONMENT is a file for SAM's --env-vars. Without it, the function gets its environment in the cloud of `make up`,
# whose port is PORT.
. "$(dirname "$0")/common.sh"
. tools/docker-engine.sh
. tools/sam.sh

[ $# -eq 2 ] || [ $# -eq 3 ] || fail "usage: tools/sam-invoke.sh FUNCTION EVENT [ENVIRONMENT]"
[ -s .aws-sam/build/local.json ] || fail "the functions have not been built by SAM" "run: make sam-local"
use_engine_of_others || fail "there is no Docker engine that runs"
# The local cloud's root user, which can assume the function's role.
export AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
environment=${3:-$work/environment.json}
options=()
if [ $# -eq 2 ]; then
    port=${PORT:-4566}
    gateway=$(docker network inspect "$ENGINE_NETWORK" --format '{{(index .IPAM.Config 0).Gateway}}') ||
        fail "no local cloud can be reached from containers" "start one: make up CONTAINERS=1"
    # The api function accepts keys over plain HTTP only from this machine, which it recognises by this name.
    options+=(--add-host "cloud.localhost:$gateway")
    AWS_ENDPOINT_URL=http://127.0.0.1:$port "$SMMU_LINT_VENV/bin/python" tools/sam_local.py \
        environment "smmu-dev-$1" "http://$gateway:$port" "http://cloud.localhost:$port" >"$environment" ||
        fail "the local cloud does not answer on port $port" "start it: make up CONTAINERS=1"
fi
# Our own engine cannot pull images.
[ "$ENGINE_IS_OURS" = no ] || options+=(--skip-pull-image)
# SAM passes these credentials to the container.
session=$("$SMMU_LINT_VENV/bin/python" tools/sam_local.py session "$1" "$environment") ||
    fail "the local cloud gives no credentials of the role of $1"
while IFS= read -r pair; do export "${pair?}"; done <<<"$session"
# validate-input → ValidateInputFunction
resource=$(sed -E 's/(^|-)(.)/\U\2/g' <<<"$1")Function
sam local invoke "$resource" --docker-network "$ENGINE_NETWORK" --template .aws-sam/build/local.json --event "$2" --env-vars "$environment" "${options[@]}"
