# shellcheck shell=bash
# Sourced by what calls SAM.

export SAM_CLI_TELEMETRY=0 AWS_EC2_METADATA_DISABLED=true
export PYTHONPATH=$SMMU_ROOT/tools PYTHONDONTWRITEBYTECODE=1

# sam ARGUMENT...: SAM, with cargo-lambda beside it. No Rust target is ever downloaded.
sam() {
    PATH=$SMMU_LINT_VENV/bin:$PATH RUSTUP_DIST_SERVER=http://127.0.0.1:9 \
        CARGO_TARGET_DIR=$SMMU_TARGET_DIR "$SMMU_LINT_VENV/bin/sam" "$@"
}

# build_functions: all of them, for running here; the debug profile is enough to be called some times.
build_functions() {
    AWS_DEFAULT_REGION=us-east-1 SAM_BUILD_MODE=debug sam build
    "$SMMU_LINT_VENV/bin/python" tools/sam_local.py template .aws-sam/build/template.yaml >.aws-sam/build/local.json
}
