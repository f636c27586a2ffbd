#!/usr/bin/env bash
# Removes build results and generated files of this checkout. Outputs (OUT) and caches outside it are kept.
. "$(dirname "$0")/common.sh"

cargo clean --quiet
rm -rf -- .local .aws-sam
find web \( -name node_modules -o -name dist -o -name .out \) -type d -prune -exec rm -rf -- {} +
find tools -name __pycache__ -type d -prune -exec rm -rf -- {} +
