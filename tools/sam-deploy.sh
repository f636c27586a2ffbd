#!/usr/bin/env bash
# sam build, then tools/deploy.sh, which is `sam deploy`, into local clouds in the role of the pipeline, and every integration
# test on what it deployed.
. "$(dirname "$0")/common.sh"
. tools/sam.sh

tools/setup.sh run test sam
cargo build --locked --workspace --bins

part "sam build" build_functions
[ "$PART_CODE" -eq 0 ] || tally_parts
# Workers are processes there, so no image is pushed. CI: nobody is asked whether to go on.
export SMMU=$SMMU_TARGET_DIR/debug/smmu
export SMMU_DEPLOYER=tools/deploy-as-pipeline.sh PREBUILT=1 NO_IMAGES=1 CI=true INSTA_UPDATE=no INSTA_WORKSPACE_ROOT=$SMMU_ROOT
part "journeys, contracts and faults on what sam deploy has made" cargo test --locked --workspace --test integration
tally_parts
