//! Faults that the emulator injects (`local/python/patches/faults.py`).

use serde::Serialize;

/// Faults of the account's services. The default injects none.
///
/// Rates are probabilities from 0 to 1. They apply to calls with credentials of a role's session: those of functions and
/// workers, and presigned requests. Calls of root never fail.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Faults {
    /// Seed of the decisions.
    pub seed: u64,
    /// Calls that fail before they are carried out.
    pub refused: f64,
    /// Calls that are carried out and then answered with an error.
    pub lost: f64,
    /// Calls that are carried out, and whose connection closes in the middle of the answer.
    pub cut: f64,
    /// Calls that are delayed, by up to `slow_ms`.
    pub slow: f64,
    /// Largest delay of a slow call, in milliseconds.
    pub slow_ms: u64,
    /// Deliveries of a message that are repeated later.
    pub duplicated: f64,
    /// Receipts from a queue whose messages come in random order.
    pub reordered: f64,
    /// Messages that cannot be received at first.
    pub late: f64,
    /// Largest delay of a late or duplicated message, in milliseconds.
    pub late_ms: u64,
    /// Execution environments of functions whose clock is ahead or behind by `skew_s`. Needs libfaketime.
    pub skewed: f64,
    /// Error of such a clock, in seconds.
    pub skew_s: u64,
    /// Express executions that run twice at the same time.
    pub repeated: f64,
    /// Time at the begin of each period in which Fargate has no capacity, in milliseconds.
    pub withheld_ms: u64,
    /// Length of these periods, in milliseconds; at least 1.
    pub period_ms: u64,
}
