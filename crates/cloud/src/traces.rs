//! Sends trace segments to X-Ray for workers. Lambda does this for functions.

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_xray::{Client, config::Builder};
use smmu_core::{TraceSegment, with_causes};
use std::time::Duration;

/// Maximum time that a job waits for its trace.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Sends a segment. A failure is only logged: a lost segment affects nothing except that trace.
pub(crate) async fn put(sdk: &SdkConfig, segment: &TraceSegment<'_>) {
    let timeouts = TimeoutConfig::builder().operation_timeout(TIMEOUT).build();
    let config = Builder::from(sdk).timeout_config(timeouts).retry_config(RetryConfig::disabled()).build();
    let sent = Client::from_conf(config).put_trace_segments().trace_segment_documents(segment.document()).send().await;
    match sent {
        Ok(answer) => {
            for refused in answer.unprocessed_trace_segments() {
                tracing::warn!(reason = refused.message(), "X-Ray refused a trace segment");
            }
        }
        Err(error) => tracing::info!(error = with_causes(&error), "failed to send a trace segment"),
    }
}
