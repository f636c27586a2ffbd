#!/usr/bin/env bash
# Builds everything that the local cloud runs, in the one profile that tests and demo share.
. "$(dirname "$0")/common.sh"

step "building (the first time takes some minutes)"
cargo build --locked --workspace --bins
