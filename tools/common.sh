# shellcheck shell=bash disable=SC2034
# Sourced by the scripts beside it: messages, places, and parts that are run and counted.

set -euo pipefail

SMMU_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Tools that take minutes to build or fetch live outside the checkout, where the next one finds them.
SMMU_TOOLS_DIR=${SMMU_TOOLS_DIR:-$HOME/.cache/smmu/tools}
# What cargo builds; the same for every target, so that nothing is built twice.
SMMU_TARGET_DIR=${CARGO_TARGET_DIR:-$SMMU_ROOT/target}

cd "$SMMU_ROOT"
# The emulator that local/ starts; smmu-local reads the same variable.
export SMMU_VENV=${SMMU_VENV:-$SMMU_ROOT/.local/venv}
# The browser player's modules, which the player test loads; it reads the same variable.
export SMMU_PLAYER=${SMMU_PLAYER:-$SMMU_ROOT/.local/player}
# What holds the API against its document: a checker in Python, and the modules of a client in TypeScript. The tests of the
# document read the same variables.
export SMMU_SCHEMATHESIS=${SMMU_SCHEMATHESIS:-$SMMU_ROOT/.local/schemathesis}
export SMMU_CLIENT=${SMMU_CLIENT:-$SMMU_ROOT/.local/client}
# Linters, SAM and cargo-lambda, which never go into the product.
SMMU_LINT_VENV=$SMMU_TOOLS_DIR/python-$(sha256sum tools/requirements-lint.txt | cut -c1-16)
# checkov, which cannot share an environment with SAM.
SMMU_CHECKOV_VENV=$SMMU_TOOLS_DIR/checkov-$(sha256sum tools/requirements-checkov.txt | cut -c1-16)

step() { printf '==> %s\n' "$*"; }

# fail MESSAGE...: one line for each argument, then exit 1.
fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
    exit 1
}

is_there() { command -v "$1" >/dev/null 2>&1; }

# client: prints where the client is, which is `SMMU` where that is set, and built otherwise.
client() {
    [ -n "${SMMU:-}" ] || cargo build --locked --quiet --release --package smmu-cli --bin smmu >&2
    printf '%s\n' "${SMMU:-$SMMU_TARGET_DIR/release/smmu}"
}

# digest FILE...: names a set of files by content, for directories that are made once per content.
digest() { cat "$@" | sha256sum | cut -c1-16; }

# Speech models, a folder each; the tests and the demo read the same variable.
export SMMU_SPEECH_MODELS=${SMMU_SPEECH_MODELS:-$SMMU_TOOLS_DIR/speech-$(digest tools/requirements-speech.txt tools/speech-models.sh)}
# The one that workers get: tiny.en is fast and hears English, base hears every language.
MODEL=${MODEL:-tiny.en}
export SMMU_SPEECH_MODEL=${SMMU_SPEECH_MODEL:-$SMMU_SPEECH_MODELS/$MODEL}

# make_venv DIR REQUIREMENTS: a virtual environment with exactly those packages, by their hashes.
make_venv() {
    local venv=$1 requirements=$2 wanted
    wanted=$(digest "$requirements")
    if [ "$(cat "$venv/.complete" 2>/dev/null)" = "$wanted" ] && "$venv/bin/python" -c '' 2>/dev/null; then
        return
    fi
    step "installing the Python packages of $requirements into ${venv#"$SMMU_ROOT/"}"
    mkdir -p "$(dirname "$venv")"
    python3 -m venv --clear "$venv"
    # The file is a whole lock: pip has nothing to resolve, and `pip check` proves that nothing is missing.
    { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --no-deps --require-hashes -r "$requirements" &&
        "$venv/bin/python" -m pip check >/dev/null; } ||
        fail "the Python packages of $requirements could not be installed (pip says why, above)" \
            "they are fetched once and need a network for it; then run the same command again"
    printf '%s\n' "$wanted" >"$venv/.complete"
}

# make_node_modules DIR SOURCE: the npm packages of SOURCE's package-lock.json, by their hashes, in DIR.
make_node_modules() {
    local dir=$1 source=$2 wanted
    wanted=$(digest "$source/package.json" "$source/package-lock.json")
    [ "$(cat "$dir/.complete" 2>/dev/null)" != "$wanted" ] || return 0
    step "installing the npm packages of $source/package-lock.json"
    mkdir -p "$dir"
    cp "$source/package.json" "$source/package-lock.json" "$dir"
    (cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) ||
        fail "the npm packages could not be fetched" "a network is needed this once; then run the same command again"
    printf '%s\n' "$wanted" >"$dir/.complete"
}

# What a part returns that could not be run here and has said why (as automake has it): neither passed nor failed.
NOT_RUN=77

# part NAME COMMAND...: runs one part of a longer run, shows it, and records how it ended; PART_CODE is its exit code.
part() {
    local name=$1 started=$SECONDS log
    shift
    [ -n "${SMMU_PARTS:-}" ] || SMMU_PARTS=$(mktemp -d)
    log=$SMMU_PARTS/$(find "$SMMU_PARTS" -name '*.log' | wc -l).log
    printf '\n==== %s\n' "$name"
    # Not `|| code=…`: to the left of that, bash would ignore `set -e` in functions too.
    set +e
    (
        set -e
        "$@"
    ) </dev/null 2>&1 | tee "$log"
    PART_CODE=${PIPESTATUS[0]}
    set -e
    printf '%s\t%s\t%s\t%s\n' "$PART_CODE" "$((SECONDS - started))" "$log" "$name" >>"$SMMU_PARTS/parts.tsv"
}

# tally_parts: the table of all parts, then `N passed, N failed`; exits 1 when any failed.
tally_parts() {
    local code=0
    python3 tools/tally.py "$SMMU_PARTS/parts.tsv" || code=$?
    rm -rf -- "$SMMU_PARTS"
    exit "$code"
}
