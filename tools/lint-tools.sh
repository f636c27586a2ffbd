# shellcheck shell=bash
# Sourced by lint.sh: linters that are neither Debian's nor Python's, installed once, outside the checkout.

# Nothing on PyPI or in Debian reads this workspace's lock file, so it is built: about 2 minutes.
CARGO_DENY_VERSION=0.20.2
CARGO_DENY=$SMMU_TOOLS_DIR/cargo-deny-$CARGO_DENY_VERSION/bin/cargo-deny

install_cargo_deny() {
    [ ! -x "$CARGO_DENY" ] || return 0
    step "building cargo-deny $CARGO_DENY_VERSION (about 2 minutes, once)"
    # Built to be built soon, not to run fast: it runs for a second.
    env -u CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        cargo install --quiet --locked --root "${CARGO_DENY%/bin/*}" --version "$CARGO_DENY_VERSION" cargo-deny ||
        fail "cargo-deny could not be built" "a network is needed this once; then run the same command again"
}
