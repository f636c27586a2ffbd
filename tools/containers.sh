#!/usr/bin/env bash
# Builds and tests the workers' images, then runs the integration tests of what workers do with the images instead of
# processes.
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
# Contract tests run scripts in the place of workers. The others left out are about the API and its clients: whether the
# worker behind it is a process or a container changes nothing for them.
skip=()
for tests in contracts account api attempts document events isolation lists login page quotas resume snippets soak \
    sockets tokens turns uploads wait watch web webhook_endpoints webhooks; do
    skip+=(--skip "$tests::")
done
part "journeys and faults with the workers' images" integration "${skip[@]}"
tally_parts
