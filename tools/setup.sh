#!/usr/bin/env bash
# setup.sh [--packages] PURPOSE...: installs missing tools for the purposes (see debian-packages.txt). With --packages,
# installs only Debian packages, which may ask for a password. A repeated run is instant.
. "$(dirname "$0")/common.sh"

missing_packages() {
    local purpose package probe
    while read -r purpose package probe; do
        case " $* " in *" $purpose "*) ;; *) continue ;; esac
        bash -c "$probe" >/dev/null 2>&1 </dev/null || printf '%s\n' "$package"
    done < <(grep -v '^#' tools/debian-packages.txt)
}

install_packages() {
    local as_root=() command
    command="apt-get install --no-install-recommends -y $*"
    is_there apt-get || fail "these programs are missing: $*" \
        "this is not a Debian system: install what these Debian packages contain"
    if [ "$(id -u)" -ne 0 ]; then
        is_there sudo || fail "these programs are missing, and installing them needs root: $*" \
            "as root, run: apt-get update && $command"
        as_root=(sudo)
    fi
    step "installing Debian packages: $*"
    "${as_root[@]}" apt-get update -qq || step "the package lists could not be renewed; trying with the old ones"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install --no-install-recommends -y -qq "$@" >/dev/null ||
        fail "apt-get could not install: $*" "it needs a network this once, and root; as root, run: $command"
}

packages_only=
[ "${1:-}" != --packages ] || { packages_only=1 && shift; }
[ $# -gt 0 ] || fail "usage: tools/setup.sh [--packages] run|test|lint|sam|docker|bench|players ..."
is_there cargo || fail "cargo is missing" "install Rust with rustup (see rust-version in Cargo.toml), then run this again"
mapfile -t missing < <(missing_packages "$@")
[ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
[ -z "$packages_only" ] || exit 0
for purpose in "$@"; do
    case $purpose in
    run)
        make_venv "$SMMU_VENV" local/python/requirements.txt
        tools/speech-models.sh "$MODEL"
        ;;
    test)
        make_node_modules "$SMMU_PLAYER" tests/player
        make_node_modules "$SMMU_CLIENT" openapi/client
        tools/web.sh modules
        make_venv "$SMMU_SCHEMATHESIS" tools/requirements-schemathesis.txt
        make_venv "$SMMU_WEBHOOKS" tools/requirements-webhooks.txt
        tools/speech-models.sh base tiny.en
        ;;
    lint)
        make_venv "$SMMU_LINT_VENV" tools/requirements-lint.txt
        make_venv "$SMMU_CHECKOV_VENV" tools/requirements-checkov.txt
        tools/web.sh modules
        ;;
    sam) make_venv "$SMMU_LINT_VENV" tools/requirements-lint.txt ;;
    docker | bench | players) ;; # Debian packages only.
    *) fail "unknown purpose: $purpose" ;;
    esac
done
