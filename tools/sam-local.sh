#!/usr/bin/env bash
# Runs `sam build`, then sends every event in events/ through `sam local invoke`, in real containers, against the local
# cloud. Each answer and the resulting job must match the snapshots of tests/integration/events.rs, and what the workers'
# functions store must be what tests/integration/worker_events.rs expects.
#
# IMAGE_PROFILE if images cannot be pulled: the cargo profile of the workers, debug (default) or release.
# IMAGE_MODEL   the speech model in the transcribe worker's image: tiny.en (default) or base.
. "$(dirname "$0")/common.sh"
. tools/docker-engine.sh
. tools/lambda-image.sh
. tools/sam.sh
. tools/worker-images.sh

require_engine
tools/setup.sh test sam
[ "$ENGINE_IS_OURS" = no ] || make_lambda_image
cargo build --locked --workspace --bins

part "sam build" build_functions
[ "$PART_CODE" -eq 0 ] || tally_parts
export IMAGE_PROFILE=${IMAGE_PROFILE:-debug} IMAGE_MODEL=${IMAGE_MODEL:-tiny.en}
part "the workers' images, for sam local invoke" build_images_for_sam
[ "$PART_CODE" -eq 0 ] || tally_parts
export SMMU_INVOKER=tools/sam-invoke.sh SMMU_BRIDGE=1 INSTA_UPDATE=no INSTA_WORKSPACE_ROOT=$SMMU_ROOT
part "sam local invoke of every sample event, against the local cloud" \
    integration --nocapture events::
# SAM removes containers but not their volumes, of which those of the workers have one each.
[ "$ENGINE_IS_OURS" = no ] || docker volume prune --force >/dev/null
tally_parts
