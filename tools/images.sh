#!/usr/bin/env bash
# Builds and tests the images of both workers, smmu-transcode-worker and smmu-transcribe-worker.
#
# IMAGE_TAG     their tag; default `local`.
# IMAGE_MODEL   the speech model inside: base (default) or tiny.en.
# IMAGE_PROFILE if images cannot be pulled: the cargo profile of the workers, release (default) or debug.
. "$(dirname "$0")/common.sh"
. tools/docker-engine.sh
. tools/samples.sh
. tools/worker-images.sh

require_engine
build_images "${IMAGE_TAG:-local}"
try_images "${IMAGE_TAG:-local}"
tally_parts
