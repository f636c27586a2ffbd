#!/usr/bin/env bash
# The journeys on the local cloud with the workers' real images in place of processes. Builds and tries the images first.
. "$(dirname "$0")/common.sh"
. tools/docker-engine.sh
. tools/samples.sh
. tools/worker-images.sh

require_engine
tools/setup.sh test
cargo build --locked --workspace --bins
build_images local
try_images local
export SMMU_IMAGE_TAG=local
part "journeys with the workers' images" \
    cargo test --locked --workspace --test integration -- journeys:: speech:: player::
tally_parts
