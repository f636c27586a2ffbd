#!/usr/bin/env bash
# Speed and memory against the peers, in one run on one machine: images against libvips and Pillow, video
# against one ffmpeg run per output, speech against faster-whisper.
. "$(dirname "$0")/common.sh"

venv=$SMMU_TOOLS_DIR/bench-$(digest bench/requirements.txt)
clips=$SMMU_TOOLS_DIR/bench-clips-$(digest bench/clips.py)
samples=$(mktemp -d)
trap 'rm -rf -- "$samples"' EXIT

make_venv "$venv" bench/requirements.txt
speech_venv=$SMMU_TOOLS_DIR/bench-speech-$(digest bench/requirements-speech.txt)
make_venv "$speech_venv" bench/requirements-speech.txt
tools/speech-models.sh base
step "building with optimisation (some minutes the first time)"
cargo build --locked --profile bench-tools --package smmu-media --example render --example bench_inputs
cargo build --locked --profile bench-tools --package smmu-transcode
cargo build --locked --profile bench-tools --package smmu-speech --example hear --example judge
step "making clips (some minutes, once)"
"$venv/bin/python" bench/clips.py "$clips"
tools/av-samples.sh "$samples"

built=$SMMU_TARGET_DIR/bench-tools
step "images"
"$venv/bin/python" bench/images.py --render "$built/examples/render" --inputs "$built/examples/bench_inputs"
step "video and audio"
"$venv/bin/python" bench/av.py --transcode "$built/smmu-transcode" --clips "$clips" --samples "$samples"
step "speech"
media=()
[ -z "${SMMU_MEDIA_DIR:-}" ] || media=(--media "$SMMU_MEDIA_DIR")
"$speech_venv/bin/python" bench/speech.py --hear "$built/examples/hear" --judge "$built/examples/judge" \
    --model "$SMMU_SPEECH_MODELS/base" "${media[@]}" --hour
