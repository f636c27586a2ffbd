//! The API's estimate of a job's time and cost.

use crate::{dollars::dollars, show::Line};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use smmu_core::MicroDollars;

/// Estimated time and cost of a job.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Seconds from its submission to its end.
    pub seconds: Range<u64>,
    /// Cost in millionths of a US dollar.
    pub micro_dollars: Range<MicroDollars>,
    /// Region and date of the prices, and any other fields.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// An estimate with its likely bounds.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
pub struct Range<T> {
    /// Unlikely to be less.
    pub low: T,
    /// Most likely.
    pub expected: T,
    /// Unlikely to be more.
    pub high: T,
}

impl Estimate {
    /// Formats the estimate for a table cell.
    #[must_use]
    pub fn cell(&self) -> String {
        format!("{} s, {}", self.seconds.expected, dollars(self.micro_dollars.expected))
    }

    /// Prints the estimate if the job should take ten seconds or more.
    pub fn tell(&self, line: &Line) {
        const LONG_S: u64 = 10;
        let (time, cost) = (self.seconds, self.micro_dollars);
        if time.expected < LONG_S {
            return;
        }
        line.note(&format!(
            "expected: {} s ({} to {}) and {} ({} to {})",
            time.expected,
            time.low,
            time.high,
            dollars(cost.expected),
            dollars(cost.low),
            dollars(cost.high)
        ));
    }
}
