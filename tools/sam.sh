# shellcheck shell=bash
# Sourced by scripts that call SAM.

export SAM_CLI_TELEMETRY=0 AWS_EC2_METADATA_DISABLED=true
export PYTHONPATH=$SMMU_ROOT/tools PYTHONDONTWRITEBYTECODE=1

# sam ARGUMENT...: runs SAM with cargo-lambda in PATH. Never downloads a Rust target.
sam() {
    PATH=$SMMU_LINT_VENV/bin:$PATH RUSTUP_DIST_SERVER=http://127.0.0.1:9 \
        CARGO_TARGET_DIR=$SMMU_TARGET_DIR "$SMMU_LINT_VENV/bin/sam" "$@"
}

# build_functions: builds all functions for local use, in the debug profile.
build_functions() {
    AWS_DEFAULT_REGION=us-east-1 SAM_BUILD_MODE=debug sam build
    "$SMMU_LINT_VENV/bin/python" tools/sam_local.py template .aws-sam/build/template.yaml >.aws-sam/build/local.json
}
