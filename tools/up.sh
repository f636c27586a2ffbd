#!/usr/bin/env bash
# Starts the local cloud and runs it until Ctrl-C. With CONTAINERS=1 the workers run as containers in a Docker engine,
# and other containers, such as those of `sam local invoke`, can reach the cloud.
. "$(dirname "$0")/common.sh"

up=("$SMMU_TARGET_DIR/debug/smmu-local" up)
[ -z "${PORT:-}" ] || up+=(--port "$PORT")
[ -n "${CONTAINERS:-}" ] || exec "${up[@]}"

. tools/docker-engine.sh
. tools/worker-images.sh
REQUIRE_DOCKER=1 require_engine
build_images local
export SMMU_IMAGE_TAG=local
# No `exec`: if the engine is our own, this shell has to stop it after the cloud.
"${up[@]}" 9>&- &
cloud=$! code=0
trap 'kill "$cloud" 2>/dev/null' INT TERM
# A signal interrupts the wait before the cloud has ended, so wait again.
while kill -0 "$cloud" 2>/dev/null; do
    code=0
    wait "$cloud" || code=$?
done
exit "$code"
