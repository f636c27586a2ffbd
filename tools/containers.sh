#!/usr/bin/env bash
# Builds and tries the workers' images, then runs every integration test with them in place of processes.
. "$(dirname "$0")/common.sh"
. tools/docker-engine.sh
. tools/samples.sh
. tools/worker-images.sh

require_engine
tools/setup.sh test
cargo build --locked --workspace --bins
build_images local
try_images local
export SMMU_IMAGE_TAG=local INSTA_UPDATE=no INSTA_WORKSPACE_ROOT=$SMMU_ROOT
part "journeys, contracts and faults with the workers' images" cargo test --locked --workspace --test integration
tally_parts
