//! Integration tests with the deployed template, the real functions and workers, and a real emulator process.

// A failed `unwrap` is a failed test.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a failed expectation is a failed test")]

mod account;
mod api;
mod attempts;
mod cancel;
mod cdn;
mod contracts;
mod crowded;
mod dedup;
mod delete;
mod document;
mod events;
mod faults;
mod flow;
mod functions;
mod history;
mod isolation;
mod journeys;
mod light;
mod lists;
mod login;
mod once;
mod page;
mod parts;
mod player;
mod profiles;
mod quotas;
mod recovery;
mod rerun;
mod restart;
mod resume;
mod sizes;
mod snippets;
mod soak;
mod sockets;
mod speech;
mod storage;
mod tokens;
mod turns;
mod uploads;
mod wait;
mod watch;
mod web;
mod webhook_endpoints;
mod webhooks;
mod worker_events;
