#!/usr/bin/env bash
# Everything that a change must pass by running it. Wants what build.sh built.
. "$(dirname "$0")/common.sh"

tools/setup.sh test

# A changed snapshot fails; it is accepted by hand (cargo insta review), never by a test run.
export INSTA_UPDATE=no INSTA_WORKSPACE_ROOT=$SMMU_ROOT
if [ -n "${SMMU_MEDIA_DIR:-}" ]; then
    step "extra media: $SMMU_MEDIA_DIR"
else
    step "SMMU_MEDIA_DIR is not set: no extra media, only samples made here"
fi

part "unit, property and snapshot tests" cargo test --locked --no-fail-fast --workspace --exclude smmu-tests
# The whole workspace is selected, so that its dependencies keep the features that they were built with.
# What roles are allowed meanwhile, for the part after it.
SMMU_CALLS=$(mktemp)
export SMMU_CALLS
trap 'rm -f -- "$SMMU_CALLS"' EXIT
part "journeys, contracts and faults on the local cloud" cargo test --locked --workspace --test integration
part "roles allow nothing that no journey needs" "$SMMU_VENV/bin/python" tools/mutate_permissions.py "$SMMU_CALLS"
tally_parts
