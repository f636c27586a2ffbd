#!/usr/bin/env bash
# web.sh build|modules|check|test|digest: the web page and the package in it, by npm. `build` writes web/dist unless it
# is of these sources already, and leaves the page out where npm is missing. `digest` names the npm packages.
. "$(dirname "$0")/common.sh"

WEB=web
# What npm needs to install the packages.
MANIFESTS=(package.json package-lock.json uppy-smmu/package.json)

manifests_digest() { (cd "$WEB" && digest "${MANIFESTS[@]}"); }

# is_node_new: whether Node has what the packages need.
is_node_new() {
    is_there npm && node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'
}

# make_modules: installs the npm packages. They are kept in SMMU_WEB and copied, because Node and the bundler look for
# them beside the sources.
make_modules() {
    local wanted manifest
    is_node_new || fail "npm with Node 20.19 or newer is missing" "install it, then run the same command again"
    wanted=$(manifests_digest)
    [ "$(cat "$WEB/node_modules/.complete" 2>/dev/null)" != "$wanted" ] || return 0
    if [ "$(cat "$SMMU_WEB/.complete" 2>/dev/null)" != "$wanted" ]; then
        step "installing the npm packages of $WEB/package-lock.json"
        rm -rf -- "$SMMU_WEB"
        for manifest in "${MANIFESTS[@]}"; do
            mkdir -p "$(dirname "$SMMU_WEB/$manifest")"
            cp "$WEB/$manifest" "$SMMU_WEB/$manifest"
        done
        (cd "$SMMU_WEB" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) ||
            fail "the npm packages could not be fetched" "a network is needed this once; then run the same command again"
        printf '%s\n' "$wanted" >"$SMMU_WEB/.complete"
    fi
    rm -rf -- "$WEB/node_modules"
    cp -a "$SMMU_WEB/node_modules" "$WEB/node_modules"
    printf '%s\n' "$wanted" >"$WEB/node_modules/.complete"
}

# sources: a digest of everything that the page is built from.
sources() {
    find "$WEB" \( -name node_modules -o -name dist -o -name .out \) -prune -o -type f -print0 |
        sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16
}

build() {
    local wanted
    is_node_new || { step "npm with Node 20.19 or newer is missing, so the web page is left out"; return; }
    wanted=$(sources)
    if [ -e "$WEB/dist/index.html" ] && [ "$(cat .local/web.sources 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    # Its own process: after `||` bash would ignore failures in a function.
    tools/web.sh modules || { step "so the web page is left out"; return; }
    step "building the web page"
    npm run --silent --prefix "$WEB" build
    mkdir -p .local
    printf '%s\n' "$wanted" >.local/web.sources
}

[ $# -eq 1 ] || fail "usage: tools/web.sh build|modules|check|test|digest"
case $1 in
build) build ;;
digest) manifests_digest ;;
modules) make_modules ;;
check | test)
    make_modules
    npm run --silent --prefix "$WEB/uppy-smmu" "$1"
    npm run --silent --prefix "$WEB" "$1"
    ;;
*) fail "usage: tools/web.sh build|modules|check|test|digest" ;;
esac
