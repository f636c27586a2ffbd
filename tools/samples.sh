# shellcheck shell=bash
# Sourced by what wants media to work on: samples made here, of every kind that is taken.

# make_samples: sets SAMPLES to their folder.
make_samples() {
    # Named by what makes them, so that samples of an older checkout are not taken for these.
    SAMPLES=$SMMU_ROOT/.local/samples-$(digest tools/av-samples.sh crates/media/examples/samples.rs)
    # Renamed into place when complete, so that an interrupted run leaves no half set behind.
    [ ! -d "$SAMPLES" ] || return 0
    step "making samples in ${SAMPLES#"$SMMU_ROOT/"}"
    rm -rf -- "$SAMPLES.making"
    # Of the whole workspace, so that dependencies keep the features that build.sh built them with.
    cargo build --locked --quiet --workspace --example samples
    "$SMMU_TARGET_DIR/debug/examples/samples" "$SAMPLES.making"
    tools/av-samples.sh "$SAMPLES.making"
    mv -- "$SAMPLES.making" "$SAMPLES"
}
