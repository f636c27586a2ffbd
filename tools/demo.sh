#!/usr/bin/env bash
# Sends MEDIA, or samples made here, through the pipeline; outputs go to OUT.
. "$(dirname "$0")/common.sh"

media=${MEDIA:-}
if [ -z "$media" ]; then
    # Named by what makes them, so that samples of an older checkout are not taken for these.
    media=$SMMU_ROOT/.local/samples-$(digest tools/av-samples.sh crates/media/examples/samples.rs)
    # Renamed into place when complete, so that an interrupted run leaves no half set behind.
    if [ ! -d "$media" ]; then
        step "making samples in ${media#"$SMMU_ROOT/"}"
        rm -rf -- "$media.making"
        # Of the whole workspace, so that dependencies keep the features that build.sh built them with.
        cargo build --locked --quiet --workspace --example samples
        "$SMMU_TARGET_DIR/debug/examples/samples" "$media.making"
        tools/av-samples.sh "$media.making"
        mv -- "$media.making" "$media"
    fi
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

exec "$SMMU_TARGET_DIR/debug/smmu-local" demo --media "$media" --out "$out"
