#!/usr/bin/env bash
# Starts the local cloud and leaves it running until Ctrl-C.
. "$(dirname "$0")/common.sh"

arguments=()
[ -z "${PORT:-}" ] || arguments+=(--port "$PORT")
exec "$SMMU_TARGET_DIR/debug/smmu-local" up "${arguments[@]}"
