#!/usr/bin/env bash
# Starts the local cloud and leaves it running until Ctrl-C. With CONTAINERS=1 the workers run as their images in a Docker
# engine, and other containers, of `sam local invoke` for one, can reach the cloud.
. "$(dirname "$0")/common.sh"

arguments=()
[ -z "${PORT:-}" ] || arguments+=(--port "$PORT")
if [ -n "${CONTAINERS:-}" ]; then
    . tools/docker-engine.sh
    . tools/worker-images.sh
    REQUIRE_DOCKER=1 require_engine
    build_images local
    export SMMU_IMAGE_TAG=local
fi
# Not in place of this shell: the engine may be ours, and then it ends after the cloud.
"$SMMU_TARGET_DIR/debug/smmu-local" up "${arguments[@]}"
