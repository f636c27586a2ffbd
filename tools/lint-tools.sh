# shellcheck shell=bash disable=SC2034
# Sourced by lint.sh: linters that are not Debian or Python packages, installed once, outside the checkout.

# install_crate NAME VERSION: builds a program that is neither in PyPI nor in Debian.
install_crate() {
    local root=$SMMU_TOOLS_DIR/$1-$2
    [ ! -x "$root/bin/$1" ] || return 0
    step "building $1 $2 (about 1 minute, once)"
    # Optimised for build time: it only runs for a second.
    env -u CARGO_TARGET_DIR CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 \
        cargo install --quiet --locked --root "$root" --version "$2" "$1" ||
        fail "$1 could not be built" "a network is needed this once; then run the same command again"
}

# Checks this workspace's lock file.
CARGO_DENY_VERSION=0.20.2
CARGO_DENY=$SMMU_TOOLS_DIR/cargo-deny-$CARGO_DENY_VERSION/bin/cargo-deny
install_cargo_deny() { install_crate cargo-deny "$CARGO_DENY_VERSION"; }

# Runs the rules of tools/guard.
CFN_GUARD_VERSION=3.2.1
CFN_GUARD=$SMMU_TOOLS_DIR/cfn-guard-$CFN_GUARD_VERSION/bin/cfn-guard
install_cfn_guard() { install_crate cfn-guard "$CFN_GUARD_VERSION"; }
