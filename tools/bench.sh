#!/usr/bin/env bash
# Speed and memory of the image core against libvips and Pillow, in one run on one machine.
. "$(dirname "$0")/common.sh"

venv=$SMMU_TOOLS_DIR/bench-$(digest bench/requirements.txt)
make_venv "$venv" bench/requirements.txt
step "building with optimisation (some minutes the first time)"
cargo build --locked --profile bench-tools --package smmu-media --example render --example bench_inputs
examples=$SMMU_TARGET_DIR/bench-tools/examples
exec "$venv/bin/python" bench/images.py --render "$examples/render" --inputs "$examples/bench_inputs"
