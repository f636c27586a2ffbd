# shellcheck shell=bash
# Sourced by scripts that need media: samples of every accepted kind, made of the pictures and recordings in samples/.

# make_samples: creates the samples if necessary and sets SAMPLES to their folder.
make_samples() {
    # Named by a digest of the generators, so samples of an older checkout are not reused.
    SAMPLES=$SMMU_ROOT/.local/samples-$(digest samples/*.jpg samples/*.flac \
        tools/earth.sh tools/sample-pictures.sh tools/av-samples.sh crates/media/examples/samples.rs)
    # Renamed when complete, so an interrupted run leaves no partial set behind.
    [ ! -d "$SAMPLES" ] || return 0
    step "making samples in ${SAMPLES#"$SMMU_ROOT/"}"
    rm -rf -- "$SAMPLES.making"
    # For the whole workspace, so dependencies keep the features that build.sh built them with.
    cargo build --locked --quiet --workspace --example samples
    local pictures=$SAMPLES.making/pictures
    tools/sample-pictures.sh "$pictures"
    "$SMMU_TARGET_DIR/debug/examples/samples" "$pictures" "$SAMPLES.making"
    rm -rf -- "$pictures"
    tools/av-samples.sh "$SAMPLES.making"
    mv -- "$SAMPLES.making" "$SAMPLES"
}
