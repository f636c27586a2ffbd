#!/usr/bin/env bash
# Sends MEDIA, or samples made here, through the pipeline; outputs go to OUT.
. "$(dirname "$0")/common.sh"
. tools/samples.sh

# first_photo OUT: on the first run, processes a photo while the speech engine compiles.
first_photo() {
    tools/build.sh --without-speech
    make_samples
    step "compiling the speech engine; meanwhile, a photo"
    local log=.local/speech-build.log build
    tools/build.sh >"$log" 2>&1 &
    build=$!
    trap 'kill "$build" 2>/dev/null || true' EXIT
    "$SMMU_TARGET_DIR/debug/smmu-local" demo --parameter Transcription=disabled \
        --media "$SAMPLES/photo-12mp-upright-gps.jpg" --out "$1"
    step "waiting for the speech engine"
    wait "$build" || { cat "$log" >&2 && fail "the speech engine could not be built" "see the reason above"; }
    trap - EXIT
}

# The client never overwrites, so a second run into a given folder adds new folders. The default folder belongs to the
# demo, so it is emptied first.
media=${MEDIA:-} out=${OUT:-out}
if [ -z "$media" ] && [ ! -e "$SMMU_TARGET_DIR/debug/smmu-transcribe" ]; then
    rm -rf -- "$SMMU_ROOT/out/first"
    first_photo out/first
fi
tools/build.sh

if [ -z "$media" ]; then
    make_samples
    media=$SAMPLES
elif [ ! -e "$media" ]; then
    fail "MEDIA=$media does not exist" "give a file or a folder: make demo MEDIA=path"
fi

if [ "$out" = out ]; then
    case $(realpath -- "$media")/ in
    "$SMMU_ROOT"/out/*) fail "MEDIA=$media is in out/, which is emptied for the outputs" "name another folder: OUT=path" ;;
    esac
    rm -rf -- "$SMMU_ROOT/out"
fi

step "outputs go to $out"
exec "$SMMU_TARGET_DIR/debug/smmu-local" demo --media "$media" --out "$out"
