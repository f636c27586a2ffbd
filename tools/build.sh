#!/usr/bin/env bash
# Builds everything that the local cloud runs, in the profile shared by tests and demo, and the web page.
# --without-speech leaves out the transcribe worker, whose speech engine in C++ takes a third of the time.
. "$(dirname "$0")/common.sh"

programs=(--bins)
if [ "${1:-}" = --without-speech ]; then
    # By name and with --workspace: another selection of packages has other features, and everything is built twice.
    mapfile -t programs < <(cargo metadata --locked --no-deps --format-version 1 | python3 -c '
import json, sys
for package in json.load(sys.stdin)["packages"]:
    for target in package["targets"]:
        if target["kind"] == ["bin"] and target["name"] != "smmu-transcribe":
            print("--bin", target["name"], sep="\n")')
fi
tools/setup.sh --packages run
step "building (the first time takes some minutes)"
# Downloads and the web page run in parallel with the compiler.
page_too() { tools/setup.sh run && tools/web.sh build; }
page_too &
setup=$!
trap 'kill "$setup" 2>/dev/null || true' EXIT
cargo build --locked --workspace "${programs[@]}"
# After a failure run it again, so its reason is the last output.
wait "$setup" || page_too
trap - EXIT
