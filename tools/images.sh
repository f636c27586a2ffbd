#!/usr/bin/env bash
# Builds the images of both workers, smmu-transcode-worker and smmu-transcribe-worker, and tries them.
#
# IMAGE_TAG     their tag; `local` where it is empty.
# IMAGE_MODEL   the speech model inside, base (which is meant where it is empty) or tiny.en.
# IMAGE_PROFILE where images cannot be pulled: the cargo profile of the workers, release (meant where it is empty) or debug.
. "$(dirname "$0")/common.sh"
. tools/docker-engine.sh
. tools/samples.sh
. tools/worker-images.sh

require_engine
build_images "${IMAGE_TAG:-local}"
try_images "${IMAGE_TAG:-local}"
tally_parts
