//! Cost of a job at list prices: its usage times a price table.
//!
//! Workers meter their own usage, which excludes the start of a container, log storage, downloads by clients, and
//! discounts such as Spot's. docs/COST.md compares the result with bills and with other services.

use serde::{Deserialize, Serialize};
use std::ops::{Add, AddAssign};

mod usage;

pub use usage::{Machine, Requests, Threads, Usage, Way};

/// Millionths of a US dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
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

/// List prices of one region, each in micro-dollars for the unit in its name. Operators can replace the built-in table
/// with `SMMU_PRICES`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceTable {
    /// AWS region.
    pub region: String,
    /// Date of the prices, as `YYYY-MM-DD`. The built-in table has the date of the newest source in docs/COST.md.
    pub date: String,
    /// Lambda, per million GB-seconds. A GB of memory is 1024 MB here, as on the bill.
    pub lambda_million_gb_seconds: MicroDollars,
    /// Fargate, per vCPU-hour.
    pub fargate_vcpu_hour: MicroDollars,
    /// Fargate, per GB-hour of memory.
    pub fargate_gb_hour: MicroDollars,
    /// Fargate, per GB-hour of disk beyond the 20 GB that are free.
    pub fargate_disk_gb_hour: MicroDollars,
    /// S3 Standard, per GB-month.
    pub storage_gb_month: MicroDollars,
    /// Lambda, per million invocations.
    pub million_lambda_requests: MicroDollars,
    /// Step Functions (Standard), per million state transitions.
    pub million_state_transitions: MicroDollars,
    /// Step Functions (Express), per million runs. The default is the built-in price, for tables from before these runs.
    #[serde(default = "usual_million_light_runs")]
    pub million_light_runs: MicroDollars,
    /// Step Functions (Express), per million GB-seconds, first tier. The default is as above.
    #[serde(default = "usual_light_million_gb_seconds")]
    pub light_million_gb_seconds: MicroDollars,
    /// S3 Standard, per million PUT, COPY, POST or LIST requests.
    pub million_object_writes: MicroDollars,
    /// S3 Standard, per million GET or HEAD requests.
    pub million_object_reads: MicroDollars,
    /// `DynamoDB` on demand, per million write request units.
    pub million_record_writes: MicroDollars,
    /// `DynamoDB` on demand, per million read request units.
    pub million_record_reads: MicroDollars,
    /// SQS, per million requests.
    pub million_queue_requests: MicroDollars,
    /// HTTP API, per million requests.
    pub million_api_requests: MicroDollars,
}

const fn usual_million_light_runs() -> MicroDollars {
    MicroDollars(1_000_000)
}

const fn usual_light_million_gb_seconds() -> MicroDollars {
    MicroDollars(16_670_000)
}

impl Default for PriceTable {
    /// Prices of US East (N. Virginia) for `x86_64`.
    fn default() -> Self {
        serde_json::from_str(include_str!("../prices/us-east-1.json")).expect("the built-in price table is valid")
    }
}

/// Cost by item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Run time of functions and containers.
    pub compute_micro_dollars: MicroDollars,
    /// Requests to services.
    pub requests_micro_dollars: MicroDollars,
    /// One month of storage for uploads and outputs.
    pub storage_month_micro_dollars: MicroDollars,
}

impl Cost {
    /// Total, with the first month of storage.
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

/// A cost and the prices it was computed with: a worker's share in its manifest, or a whole job in its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Bill {
    /// Cost by item.
    #[serde(flatten)]
    pub cost: Cost,
    /// AWS region of the prices.
    pub prices_region: String,
    /// Date of the prices, as `YYYY-MM-DD`.
    pub prices_date: String,
}

/// Sum of amounts times prices, in units small enough to round only once, at the end.
struct Sum(u128);

impl Sum {
    const fn new() -> Self {
        Self(0)
    }

    /// Adds `amount` units at `price` per `per` units.
    fn plus(self, amount: u64, price: MicroDollars, per: u64) -> Self {
        const SCALE: u128 = 1_000_000;
        let exact = u128::from(amount) * u128::from(price.0) * SCALE / u128::from(per);
        Self(self.0 + exact)
    }

    /// Rounded to the nearest micro-dollar.
    fn rounded(self) -> MicroDollars {
        MicroDollars(u64::try_from((self.0 + 500_000) / 1_000_000).unwrap_or(u64::MAX))
    }
}

const MILLION: u64 = 1_000_000;
const HOUR_MS: u64 = 3_600_000;
const GB: u64 = 1024 * 1024 * 1024;

impl PriceTable {
    /// Cost of this usage.
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
            .plus(used.requests.light_runs, self.million_light_runs, MILLION)
            .plus(used.light_mb_ms, self.light_million_gb_seconds, 1024 * 1000 * MILLION)
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

    /// Cost of this usage, with the region and date of the prices.
    #[must_use]
    pub fn bill(&self, used: &Usage) -> Bill {
        Bill { cost: self.cost(used), prices_region: self.region.clone(), prices_date: self.date.clone() }
    }

    /// Cost of a whole job: its workers' shares, plus its journey around them, plus storage of `source_bytes` bytes of
    /// its source. `None` if no worker made anything.
    #[must_use]
    pub fn bill_of_job(&self, way: Way, shares: &[Cost], source_bytes: u64) -> Option<Bill> {
        let around = self.bill(&Usage::of_journey(way, shares.len(), source_bytes));
        let cost = shares.iter().fold(around.cost, |sum, share| sum + *share);
        (!shares.is_empty()).then_some(Bill { cost, ..around })
    }

    /// A lower bound for a job that failed or was cancelled: what its attempts reported, and what every job uses by
    /// then.
    /// `examined` is set if its content was examined.
    #[must_use]
    pub fn bill_of_stopped_job(&self, attempts: impl Iterator<Item = Cost>, examined: bool) -> Bill {
        let around = self.bill(&Usage::of_stopped_journey(examined));
        let cost = attempts.fold(around.cost, |sum, attempt| sum + attempt);
        Bill { cost, ..around }
    }
}

#[cfg(test)]
mod tests;
