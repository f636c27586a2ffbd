//! X-Ray, as far as workers have to speak to it; for functions Lambda does.

use aws_config::{SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_xray::{Client, config::Builder};
use smmu_core::{TraceSegment, with_causes};
use std::time::Duration;

/// A job waits no longer for its trace.
const PATIENCE: Duration = Duration::from_secs(2);

/// Sends a segment. One that is lost is missed by nobody but who looks at that trace.
pub(crate) async fn put(sdk: &SdkConfig, segment: &TraceSegment<'_>) {
    let timeouts = TimeoutConfig::builder().operation_timeout(PATIENCE).build();
    let config = Builder::from(sdk).timeout_config(timeouts).retry_config(RetryConfig::disabled()).build();
    let sent = Client::from_conf(config).put_trace_segments().trace_segment_documents(segment.document()).send().await;
    match sent {
        Ok(answer) => {
            for refused in answer.unprocessed_trace_segments() {
                tracing::warn!(reason = refused.message(), "a trace segment was refused");
            }
        }
        Err(error) => tracing::info!(error = with_causes(&error), "a trace segment was not sent"),
    }
}
