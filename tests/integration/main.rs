//! Integration tests: the deployed template, the real functions and workers, a real emulator process.

// Test functions are async for the runtime's sake, and `unwrap` is how a test says that it expected more.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a failed expectation is a failed test")]

mod account;
mod api;
mod attempts;
mod cancel;
mod contracts;
mod crowded;
mod dedup;
mod delete;
mod document;
mod events;
mod faults;
mod flow;
mod isolation;
mod journeys;
mod lists;
mod login;
mod once;
mod parts;
mod player;
mod profiles;
mod quotas;
mod rerun;
mod resume;
mod sizes;
mod snippets;
mod speech;
mod tokens;
mod turns;
mod uploads;
mod wait;
