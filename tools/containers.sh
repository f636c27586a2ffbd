#!/usr/bin/env bash
# Builds and tests the workers' images, then runs every integration test that uses workers with the images instead of
# processes. Contract tests run scripts in the place of workers.
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
part "journeys and faults with the workers' images" \
    cargo test --locked --workspace --test integration -- --skip contracts::
tally_parts
