//! What a job costs at list prices: what it used, times a price table.
//!
//! It is metered where the work is done, so it leaves out what nobody there can see: the start of a container, log
//! storage, downloads by clients, and discounts such as Spot's. docs/COST.md compares it with bills and with others.

use serde::{Deserialize, Serialize};
use std::ops::{Add, AddAssign};

mod usage;

pub use usage::{Machine, Requests, Usage};

/// Millionths of a US dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MicroDollars(pub u64);

impl Add for MicroDollars {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for MicroDollars {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// List prices of one region, each in micro-dollars for the amount that its name says. Configuration: an operator
/// replaces it by `SMMU_PRICES`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceTable {
    /// AWS region.
    pub region: String,
    /// As of when, as `YYYY-MM-DD`: the day of the look-up, where somebody looked. docs/COST.md says what the built-in is.
    pub date: String,
    /// Lambda, a million GB-seconds. A GB of memory is 1024 MB here, as it is on the bill.
    pub lambda_million_gb_seconds: MicroDollars,
    /// Fargate, one vCPU for an hour.
    pub fargate_vcpu_hour: MicroDollars,
    /// Fargate, one GB of memory for an hour.
    pub fargate_gb_hour: MicroDollars,
    /// Fargate, one GB of disk beyond the 20 that are free, for an hour.
    pub fargate_disk_gb_hour: MicroDollars,
    /// S3 Standard, one GB for a month.
    pub storage_gb_month: MicroDollars,
    /// Lambda, a million invocations.
    pub million_lambda_requests: MicroDollars,
    /// Step Functions (Standard), a million state transitions.
    pub million_state_transitions: MicroDollars,
    /// S3 Standard, a million PUT, COPY, POST or LIST requests.
    pub million_object_writes: MicroDollars,
    /// S3 Standard, a million GET or HEAD requests.
    pub million_object_reads: MicroDollars,
    /// `DynamoDB` on demand, a million write request units.
    pub million_record_writes: MicroDollars,
    /// `DynamoDB` on demand, a million read request units.
    pub million_record_reads: MicroDollars,
    /// SQS, a million requests.
    pub million_queue_requests: MicroDollars,
    /// HTTP API, a million requests.
    pub million_api_requests: MicroDollars,
}

impl Default for PriceTable {
    /// Prices of US East (N. Virginia) for `x86_64`.
    fn default() -> Self {
        serde_json::from_str(include_str!("../prices/us-east-1.json")).expect("the table beside this crate is one")
    }
}

/// What something costs, by what it is paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Time of functions and containers.
    pub compute_micro_dollars: MicroDollars,
    /// Requests to services.
    pub requests_micro_dollars: MicroDollars,
    /// Storage of what was uploaded and made, for one month.
    pub storage_month_micro_dollars: MicroDollars,
}

impl Cost {
    /// Everything together, with the first month of storage.
    #[must_use]
    pub fn total(&self) -> MicroDollars {
        self.compute_micro_dollars + self.requests_micro_dollars + self.storage_month_micro_dollars
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            compute_micro_dollars: self.compute_micro_dollars + other.compute_micro_dollars,
            requests_micro_dollars: self.requests_micro_dollars + other.requests_micro_dollars,
            storage_month_micro_dollars: self.storage_month_micro_dollars + other.storage_month_micro_dollars,
        }
    }
}

/// A worker's share of the cost of its job, as its manifest has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bill {
    /// How much.
    #[serde(flatten)]
    pub cost: Cost,
    /// Region of the prices.
    pub prices_region: String,
    /// Day of the prices.
    pub prices_date: String,
}

/// Amounts times prices, in units so small that nothing is lost before the end.
struct Sum(u128);

impl Sum {
    const fn new() -> Self {
        Self(0)
    }

    /// `amount` units at `price` for `per` of them.
    fn plus(self, amount: u64, price: MicroDollars, per: u64) -> Self {
        const SCALE: u128 = 1_000_000;
        let exact = u128::from(amount) * u128::from(price.0) * SCALE / u128::from(per);
        Self(self.0 + exact)
    }

    /// To the nearest micro-dollar.
    fn rounded(self) -> MicroDollars {
        MicroDollars(u64::try_from((self.0 + 500_000) / 1_000_000).unwrap_or(u64::MAX))
    }
}

const MILLION: u64 = 1_000_000;
const HOUR_MS: u64 = 3_600_000;
const GB: u64 = 1024 * 1024 * 1024;

impl PriceTable {
    /// What this much costs.
    #[must_use]
    pub fn cost(&self, used: &Usage) -> Cost {
        let compute = Sum::new()
            .plus(used.lambda_mb_ms, self.lambda_million_gb_seconds, 1024 * 1000 * MILLION)
            .plus(used.fargate_cpu_unit_ms, self.fargate_vcpu_hour, 1024 * HOUR_MS)
            .plus(used.fargate_mib_ms, self.fargate_gb_hour, 1024 * HOUR_MS)
            .plus(used.fargate_disk_gib_ms, self.fargate_disk_gb_hour, HOUR_MS);
        let requests = Sum::new()
            .plus(used.requests.lambda, self.million_lambda_requests, MILLION)
            .plus(used.requests.state_transitions, self.million_state_transitions, MILLION)
            .plus(used.requests.object_writes, self.million_object_writes, MILLION)
            .plus(used.requests.object_reads, self.million_object_reads, MILLION)
            .plus(used.requests.record_writes, self.million_record_writes, MILLION)
            .plus(used.requests.record_reads, self.million_record_reads, MILLION)
            .plus(used.requests.queue, self.million_queue_requests, MILLION)
            .plus(used.requests.api, self.million_api_requests, MILLION);
        let storage = Sum::new().plus(used.stored_bytes, self.storage_gb_month, GB);
        Cost {
            compute_micro_dollars: compute.rounded(),
            requests_micro_dollars: requests.rounded(),
            storage_month_micro_dollars: storage.rounded(),
        }
    }

    /// A share of a job's cost, with the table that it was computed from.
    #[must_use]
    pub fn bill(&self, used: &Usage) -> Bill {
        Bill { cost: self.cost(used), prices_region: self.region.clone(), prices_date: self.date.clone() }
    }
}

#[cfg(test)]
mod tests;
