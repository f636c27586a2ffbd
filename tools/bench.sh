#!/usr/bin/env bash
# Speed and memory of the image core against libvips and Pillow, in one run on one machine.
. "$(dirname "$0")/common.sh"

venv=$SMMU_TOOLS_DIR/bench-$(digest bench/requirements.txt)
make_venv "$venv" bench/requirements.txt
step "building with the release profile (some minutes the first time)"
cargo build --locked --release --package smmu-transcode
exec "$venv/bin/python" bench/images.py
