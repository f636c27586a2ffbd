#!/usr/bin/env bash
# Sends MEDIA, or samples made here, through the pipeline; outputs go to OUT.
. "$(dirname "$0")/common.sh"
. tools/samples.sh

media=${MEDIA:-}
if [ -z "$media" ]; then
    make_samples
    media=$SAMPLES
elif [ ! -e "$media" ]; then
    fail "MEDIA=$media does not exist" "give a file or a folder: make demo MEDIA=path"
fi

# The client never overwrites: a second run into a folder of yours makes new ones beside the first. The
# default folder is the demo's own, so it starts empty.
out=${OUT:-out}
if [ "$out" = out ]; then
    case $(realpath -- "$media")/ in
    "$SMMU_ROOT"/out/*) fail "MEDIA=$media lies in out/, which is emptied for the outputs" "name another folder: OUT=path" ;;
    esac
    rm -rf -- "$SMMU_ROOT/out"
fi

[ "$MODEL" != tiny.en ] || [ -n "${MEDIA:-}" ] ||
    step "the samples are read by a synthetic voice, which the smallest model hears badly; MODEL=base is better"
step "outputs go to $out"
exec "$SMMU_TARGET_DIR/debug/smmu-local" demo --media "$media" --out "$out"
