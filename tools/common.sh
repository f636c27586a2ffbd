# shellcheck shell=bash disable=SC2034
# Sourced by the other scripts: messages, paths, and counted parts of a run.

set -euo pipefail

SMMU_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Tools that take minutes to build or fetch are kept outside the checkout, so other checkouts can use them.
SMMU_TOOLS_DIR=${SMMU_TOOLS_DIR:-$HOME/.cache/smmu/tools}
# Cargo's target folder, shared by all make targets, so nothing is built twice.
SMMU_TARGET_DIR=${CARGO_TARGET_DIR:-$SMMU_ROOT/target}

cd "$SMMU_ROOT"
# The emulator's environment for local/; smmu-local reads the same variable.
export SMMU_VENV=${SMMU_VENV:-$SMMU_ROOT/.local/venv}
# Modules of the browser player; the player test reads the same variable.
export SMMU_PLAYER=${SMMU_PLAYER:-$SMMU_ROOT/.local/player}
# Tools that compare the API with its document: a checker in Python, and the modules of a TypeScript client. The tests
# of the document read the same variables.
export SMMU_SCHEMATHESIS=${SMMU_SCHEMATHESIS:-$SMMU_ROOT/.local/schemathesis}
export SMMU_CLIENT=${SMMU_CLIENT:-$SMMU_ROOT/.local/client}
# Verifies webhooks as in docs/API.md; the test of that page reads the same variable.
export SMMU_WEBHOOKS=${SMMU_WEBHOOKS:-$SMMU_ROOT/.local/webhooks}
# npm packages of the web page, copied from here to where its sources are.
export SMMU_WEB=${SMMU_WEB:-$SMMU_ROOT/.local/web}
# Linters, SAM and cargo-lambda, which are not part of the product.
SMMU_LINT_VENV=$SMMU_TOOLS_DIR/python-$(sha256sum tools/requirements-lint.txt | cut -c1-16)
# checkov, which cannot share an environment with SAM.
SMMU_CHECKOV_VENV=$SMMU_TOOLS_DIR/checkov-$(sha256sum tools/requirements-checkov.txt | cut -c1-16)

step() { printf '==> %s\n' "$*"; }

# fail MESSAGE...: prints one line per argument and exits with 1.
fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
    exit 1
}

is_there() { command -v "$1" >/dev/null 2>&1; }

# client: prints the path of the client: `SMMU` if set, else a new build.
client() {
    [ -n "${SMMU:-}" ] || cargo build --locked --quiet --release --package smmu-cli --bin smmu >&2
    printf '%s\n' "${SMMU:-$SMMU_TARGET_DIR/release/smmu}"
}

# digest FILE...: a digest of files, to name directories that are created once per content.
digest() { cat "$@" | sha256sum | cut -c1-16; }

# Speech models, one folder each; the tests and the demo read the same variable.
export SMMU_SPEECH_MODELS=${SMMU_SPEECH_MODELS:-$SMMU_TOOLS_DIR/speech-$(digest tools/requirements-speech.txt tools/speech-models.sh)}
# The model of the workers: tiny.en is fast and for English only, base is multilingual.
MODEL=${MODEL:-tiny.en}
export SMMU_SPEECH_MODEL=${SMMU_SPEECH_MODEL:-$SMMU_SPEECH_MODELS/$MODEL}

# integration ARGUMENT...: runs the integration tests. They wait for other processes half of their time, so twice as many
# run at once as there are cores. The whole workspace is selected, so dependencies keep the features that they were built
# with.
integration() {
    RUST_TEST_THREADS=${RUST_TEST_THREADS:-$((2 * $(nproc)))} cargo test --locked --workspace --test integration -- "$@"
}

# make_venv DIR REQUIREMENTS: creates a virtual environment with exactly these packages, verified by hash.
make_venv() {
    local venv=$1 requirements=$2 wanted
    wanted=$(digest "$requirements")
    if [ "$(cat "$venv/.complete" 2>/dev/null)" = "$wanted" ] && "$venv/bin/python" -c '' 2>/dev/null; then
        return
    fi
    step "installing the Python packages of $requirements into ${venv#"$SMMU_ROOT/"}"
    mkdir -p "$(dirname "$venv")"
    python3 -m venv --clear "$venv"
    # The file is a complete lock: pip has nothing to resolve, and `pip check` proves that nothing is missing.
    { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --no-deps --require-hashes -r "$requirements" &&
        "$venv/bin/python" -m pip check >/dev/null; } ||
        fail "the Python packages of $requirements could not be installed (pip says why, above)" \
            "they are fetched once and need a network for it; then run the same command again"
    printf '%s\n' "$wanted" >"$venv/.complete"
}

# make_node_modules DIR SOURCE: installs the npm packages of SOURCE's package-lock.json in DIR, verified by hash.
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

# Exit code of a part that could not run here and has printed why, as in automake: neither passed nor failed.
NOT_RUN=77

# part NAME COMMAND...: runs one part of a longer run and records its result. PART_CODE is its exit code.
part() {
    local name=$1 started=$SECONDS log
    shift
    [ -n "${SMMU_PARTS:-}" ] || SMMU_PARTS=$(mktemp -d)
    log=$SMMU_PARTS/$(find "$SMMU_PARTS" -name '*.log' | wc -l).log
    printf '\n==== %s\n' "$name"
    # Not `|| code=…`, because bash ignores `set -e` on its left side, also in functions.
    set +e
    (
        set -e
        "$@"
    ) </dev/null 2>&1 | tee "$log"
    PART_CODE=${PIPESTATUS[0]}
    set -e
    printf '%s\t%s\t%s\t%s\n' "$PART_CODE" "$((SECONDS - started))" "$log" "$name" >>"$SMMU_PARTS/parts.tsv"
}

# tally_parts: prints the table of all parts and `N passed, N failed`. Exits with 1 if any failed.
tally_parts() {
    local code=0
    python3 tools/tally.py "$SMMU_PARTS/parts.tsv" || code=$?
    rm -rf -- "$SMMU_PARTS"
    exit "$code"
}
