//! Logs: one JSON object a line on standard output, as CloudWatch Logs wants them.

use crate::config::Environment;
use tracing_subscriber::EnvFilter;

/// Starts logging with the filter in `SMMU_LOG` (default `info`). What cannot be parsed of the
/// filter is left out: a typing error must not stop a job.
pub fn start(environment: &Environment) {
    let filter = EnvFilter::builder().parse_lossy(environment.get("SMMU_LOG").unwrap_or("info"));
    // A second call, as tests make it, keeps the first subscriber.
    let _already_started = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .try_init();
}
