#!/usr/bin/env bash
# Runs `sam build`, then sends every event in events/ through `sam local invoke`, in real containers, against the local
# cloud. Each answer and the resulting job must match the snapshots of tests/integration/events.rs.
. "$(dirname "$0")/common.sh"
. tools/docker-engine.sh
. tools/lambda-image.sh
. tools/sam.sh

require_engine
tools/setup.sh sam
[ "$ENGINE_IS_OURS" = no ] || make_lambda_image
cargo build --locked --workspace --bins

part "sam build" build_functions
[ "$PART_CODE" -eq 0 ] || tally_parts
export SMMU_INVOKER=tools/sam-invoke.sh SMMU_BRIDGE=1 INSTA_UPDATE=no INSTA_WORKSPACE_ROOT=$SMMU_ROOT
part "sam local invoke of every sample event, against the local cloud" \
    cargo test --locked --workspace --test integration -- --nocapture events::
tally_parts
