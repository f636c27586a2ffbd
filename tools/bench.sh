#!/usr/bin/env bash
# Speed and memory against the peers, in one run on one machine: images against libvips and Pillow, video
# against one ffmpeg run per output.
. "$(dirname "$0")/common.sh"

venv=$SMMU_TOOLS_DIR/bench-$(digest bench/requirements.txt)
clips=$SMMU_TOOLS_DIR/bench-clips-$(digest bench/clips.py)
samples=$(mktemp -d)
trap 'rm -rf -- "$samples"' EXIT

make_venv "$venv" bench/requirements.txt
step "building with optimisation (some minutes the first time)"
cargo build --locked --profile bench-tools --package smmu-media --example render --example bench_inputs
cargo build --locked --profile bench-tools --package smmu-transcode
step "making clips (some minutes, once)"
"$venv/bin/python" bench/clips.py "$clips"
tools/av-samples.sh "$samples"

built=$SMMU_TARGET_DIR/bench-tools
step "images"
"$venv/bin/python" bench/images.py --render "$built/examples/render" --inputs "$built/examples/bench_inputs"
step "video and audio"
"$venv/bin/python" bench/av.py --transcode "$built/smmu-transcode" --clips "$clips" --samples "$samples"
