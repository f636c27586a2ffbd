#!/usr/bin/env bash
# bench.sh [PART...]: compares speed and memory with peers, in one run on one machine: images with libvips and Pillow,
# av with one ffmpeg run per output, players with the usual layout of HLS, speech with faster-whisper, cold starts with
# a minimal function and Python, api routes with /health, short work in functions with containers; scale simulates a
# burst against AWS's quotas. Without PART, runs all eight.
. "$(dirname "$0")/common.sh"
. tools/sam.sh

venv=$SMMU_TOOLS_DIR/bench-$(digest bench/requirements.txt)
built=$SMMU_TARGET_DIR/bench-tools

# optimised ARGUMENT...: cargo build in the profile bench-tools. Takes minutes the first time.
optimised() { cargo build --locked --quiet --profile bench-tools "$@"; }

images() {
    tools/setup.sh bench
    make_venv "$venv" bench/requirements.txt
    optimised --package smmu-media --example render --example bench_inputs
    "$venv/bin/python" bench/images.py --render "$built/examples/render" --inputs "$built/examples/bench_inputs"
}

av() {
    local clips samples
    clips=$SMMU_TOOLS_DIR/bench-clips-$(digest bench/clips.py)
    samples=$(mktemp -d)
    make_venv "$venv" bench/requirements.txt
    optimised --package smmu-transcode --package smmu-fence
    step "making clips (some minutes, once)"
    "$venv/bin/python" bench/clips.py "$clips"
    tools/av-samples.sh "$samples"
    "$venv/bin/python" bench/av.py --transcode "$built/smmu-transcode" --clips "$clips" --samples "$samples"
    rm -rf -- "$samples"
}

players() {
    local clips modules
    clips=$SMMU_TOOLS_DIR/bench-clips-$(digest bench/clips.py)
    modules=$SMMU_TOOLS_DIR/bench-players-$(digest bench/players/package.json bench/players/package-lock.json)
    tools/setup.sh test players
    make_node_modules "$modules" bench/players
    # The players see ffmpeg's output, which does not depend on the profile of our programs.
    cargo build --locked --quiet --workspace --bins --example with_captions
    step "making clips (some minutes, once)"
    python3 bench/clips.py "$clips"
    python3 bench/players.py --programs "$SMMU_TARGET_DIR/debug" --clips "$clips" --modules "$modules"
}

speech() {
    local venv media=()
    venv=$SMMU_TOOLS_DIR/bench-speech-$(digest bench/requirements-speech.txt)
    make_venv "$venv" bench/requirements-speech.txt
    tools/speech-models.sh base
    optimised --package smmu-speech --example hear --example judge
    optimised --package smmu-fence
    [ -z "${SMMU_MEDIA_DIR:-}" ] || media=(--media "$SMMU_MEDIA_DIR")
    "$venv/bin/python" bench/speech.py --hear "$built/examples/hear" --judge "$built/examples/judge" \
        --model "$SMMU_SPEECH_MODELS/base" "${media[@]}" --hour
}

cold() {
    local venv emulator
    venv=$SMMU_TOOLS_DIR/bench-cold-$(digest bench/requirements-cold.txt)
    make_venv "$venv" bench/requirements-cold.txt
    make_venv "$SMMU_LINT_VENV" tools/requirements-lint.txt
    # The emulator is part of SAM.
    emulator=$(find "$SMMU_LINT_VENV" -name "aws-lambda-rie-$(uname -m | sed s/aarch64/arm64/)" -print -quit)
    step "building the functions as they are deployed (twenty minutes the first time)"
    AWS_DEFAULT_REGION=us-east-1 sam build --build-dir .aws-sam/release >/dev/null
    cargo build --locked --quiet --release --package smmu-dispatch --example minimal
    cargo build --locked --quiet --workspace --bins
    "$SMMU_TARGET_DIR/debug/smmu-local" run -- "$venv/bin/python" bench/cold.py --emulator "$emulator" \
        --functions .aws-sam/release --minimal "$SMMU_TARGET_DIR/release/examples/minimal"
}

api() {
    step "building the functions and workers"
    cargo build --locked --quiet --workspace --bins
    # The emulator waits up to 100 ms for the log of a function that logs nothing, so this log level always logs.
    "$SMMU_TARGET_DIR/debug/smmu-local" run --parameter LogFilter=info,lambda_runtime=trace -- python3 bench/api.py --document docs/openapi.json
}

# The workers' programs are those of the debug build on both sides.
short() {
    local clips way
    clips=$SMMU_TOOLS_DIR/bench-clips-$(digest bench/clips.py)
    tools/setup.sh test
    tools/speech-models.sh "$MODEL"
    cargo build --locked --quiet --workspace --bins
    step "making clips (some minutes, once)"
    python3 bench/clips.py "$clips"
    for way in enabled disabled; do
        step "short work with WorkerFunctions=$way"
        "$SMMU_TARGET_DIR/debug/smmu-local" run --parameter "WorkerFunctions=$way" -- \
            python3 bench/short.py --programs "$SMMU_TARGET_DIR/debug" --clips "$clips"
    done
}

# Needs neither builds nor packages.
scale() { python3 bench/scale.py; }

[ $# -gt 0 ] || set -- images av players speech cold api short scale
for name in "$@"; do
    case $name in
    images | av | players | speech | cold | api | short | scale) step "$name" && "$name" ;;
    *) fail "unknown part: $name" "known are images, av, players, speech, cold, api, short and scale" ;;
    esac
done
