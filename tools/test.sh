#!/usr/bin/env bash
# All tests. Needs the results of build.sh.
. "$(dirname "$0")/common.sh"

tools/setup.sh test

# A changed snapshot is a failure. Accept it manually (cargo insta review), never by a test run.
export INSTA_UPDATE=no INSTA_WORKSPACE_ROOT=$SMMU_ROOT
if [ -n "${SMMU_MEDIA_DIR:-}" ]; then
    step "extra media: $SMMU_MEDIA_DIR"
else
    step "SMMU_MEDIA_DIR is not set: no extra media, only samples made here"
fi
# The same cases in every run, so that a change fails only for what it did. CONTRIBUTING.md tells how to try others.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-1}
step "extra real-world files: ${SMMU_CASES_DIR:-none, because SMMU_CASES_DIR is not set}"

part "unit, property and snapshot tests" cargo test --locked --no-fail-fast --workspace --exclude smmu-tests
part "unit tests of the web page" tools/web.sh test
# SMMU_CALLS records the calls that roles were allowed, for the next part.
SMMU_CALLS=$(mktemp)
export SMMU_CALLS
trap 'rm -f -- "$SMMU_CALLS"' EXIT
part "journeys, contracts and faults on the local cloud" integration
part "roles allow nothing that no journey needs" "$SMMU_VENV/bin/python" tools/mutate_permissions.py "$SMMU_CALLS"
tally_parts
