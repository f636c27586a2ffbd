# shellcheck shell=bash
# Sourced by lint.sh: linters that are neither Debian's nor Python's, installed once, outside the checkout.

# Nothing on PyPI or in Debian reads this workspace's lock file, so it is built: about 2 minutes.
CARGO_DENY_VERSION=0.20.2
CARGO_DENY=$SMMU_TOOLS_DIR/cargo-deny-$CARGO_DENY_VERSION/bin/cargo-deny
NPM_DIR=$SMMU_TOOLS_DIR/npm-$(digest tools/package.json tools/package-lock.json)

install_cargo_deny() {
    [ ! -x "$CARGO_DENY" ] || return 0
    step "building cargo-deny $CARGO_DENY_VERSION (about 2 minutes, once)"
    # Built to be built soon, not to run fast: it runs for a second.
    env -u CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        cargo install --quiet --locked --root "${CARGO_DENY%/bin/*}" --version "$CARGO_DENY_VERSION" cargo-deny ||
        fail "cargo-deny could not be built" "a network is needed this once; then run the same command again"
}

install_npm_linters() {
    [ ! -e "$NPM_DIR/.complete" ] || return 0
    step "installing the npm packages of tools/package-lock.json"
    mkdir -p "$NPM_DIR"
    cp tools/package.json tools/package-lock.json "$NPM_DIR"
    (cd "$NPM_DIR" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) ||
        fail "the npm packages could not be fetched" "a network is needed this once; then run the same command again"
    touch "$NPM_DIR/.complete"
}
