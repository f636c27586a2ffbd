#!/usr/bin/env bash
# Removes what was built and made in this checkout. Outputs (OUT) and caches outside it stay.
. "$(dirname "$0")/common.sh"

cargo clean --quiet
rm -rf -- .local .aws-sam
find tools -name __pycache__ -type d -prune -exec rm -rf -- {} +
