#!/usr/bin/env bash
# Runs `sam build`, deploys into local clouds with tools/deploy.sh (`sam deploy`) in the role of the pipeline, and runs
# every integration test that uses such a stack: contract tests have a cloud and a template of their own, and the soak
# deploys its stack by itself.
. "$(dirname "$0")/common.sh"
. tools/sam.sh

tools/setup.sh run test sam
cargo build --locked --workspace --bins

part "sam build" build_functions
[ "$PART_CODE" -eq 0 ] || tally_parts
# Workers are processes, so no image is pushed. CI=true skips the prompts.
export SMMU=$SMMU_TARGET_DIR/debug/smmu
export SMMU_DEPLOYER=tools/deploy-as-pipeline.sh PREBUILT=1 NO_IMAGES=1 CI=true INSTA_UPDATE=no INSTA_WORKSPACE_ROOT=$SMMU_ROOT
part "journeys and faults on what sam deploy has made" integration --skip contracts:: --skip soak::
tally_parts
