#!/usr/bin/env bash
# Sends MEDIA, or samples made here, through the pipeline; outputs go to OUT.
. "$(dirname "$0")/common.sh"

media=${MEDIA:-}
if [ -z "$media" ]; then
    media=$SMMU_ROOT/.local/samples
    # Renamed into place when complete, so that an interrupted run leaves no half set behind.
    if [ ! -d "$media" ]; then
        step "making samples in ${media#"$SMMU_ROOT/"}"
        rm -rf -- "$media.making"
        cargo run --locked --quiet -p smmu-media --example samples -- "$media.making"
        mv -- "$media.making" "$media"
    fi
elif [ ! -e "$media" ]; then
    fail "MEDIA=$media does not exist" "give a file or a folder: make demo MEDIA=path"
fi

# The client never overwrites: a second run into a folder of yours makes new ones beside the first. The
# default folder is the demo's own, so it starts empty.
out=${OUT:-out}
[ "$out" != out ] || rm -rf -- "$SMMU_ROOT/out"

exec "$SMMU_TARGET_DIR/debug/smmu-local" demo --media "$media" --out "$out"
