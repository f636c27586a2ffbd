#!/usr/bin/env bash
# Load under faults: N uploads (500) with the seed SEED (1), without faults and then with faults. The report also goes
# to REPORT (.local/soak.json). Needs the results of build.sh.
. "$(dirname "$0")/common.sh"

report=${REPORT:-$SMMU_ROOT/.local/soak.json}
mkdir -p "$(dirname "$report")"
export INSTA_UPDATE=no INSTA_WORKSPACE_ROOT=$SMMU_ROOT
export SMMU_SOAK_JOBS=${N:-500} SMMU_SOAK_SEED=${SEED:-1} SMMU_SOAK_REPORT=$report
step "$SMMU_SOAK_JOBS uploads with seed $SMMU_SOAK_SEED, twice"
integration --exact --nocapture soak::no_upload_is_lost_or_done_twice_under_load_and_faults
step "report: $report"
