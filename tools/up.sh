#!/usr/bin/env bash
# Starts the local cloud and leaves it running until Ctrl-C. With CONTAINERS=1 the workers run as their images in a Docker
# engine, and other containers, of `sam local invoke` for one, can reach the cloud.
. "$(dirname "$0")/common.sh"

up=("$SMMU_TARGET_DIR/debug/smmu-local" up)
[ -z "${PORT:-}" ] || up+=(--port "$PORT")
[ -n "${CONTAINERS:-}" ] || exec "${up[@]}"

. tools/docker-engine.sh
. tools/worker-images.sh
REQUIRE_DOCKER=1 require_engine
build_images local
export SMMU_IMAGE_TAG=local
# Not in place of this shell: the engine may be ours, and then it has to end after the cloud.
"${up[@]}" 9>&- &
cloud=$! code=0
trap 'kill "$cloud" 2>/dev/null' INT TERM
# A signal ends the wait, not the cloud.
while kill -0 "$cloud" 2>/dev/null; do
    code=0
    wait "$cloud" || code=$?
done
exit "$code"
