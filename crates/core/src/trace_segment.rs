//! X-Ray segments for a worker's part of a job's trace. Lambda writes those of functions itself.

use crate::{ids::JobId, stage::Stage, time::Timestamp, trail::TraceId};
use serde_json::json;

/// A segment of a trace ("AWS X-Ray segment documents" in the X-Ray developer guide).
#[derive(Debug, Clone)]
pub struct TraceSegment<'a> {
    /// Name of the deployment's stage.
    pub deployment: &'a str,
    /// Stage of the job in which the worker ran.
    pub stage: Stage,
    /// Id of the segment, unique within the trace.
    pub id: u64,
    /// The trace of the job's original request.
    pub trace: &'a TraceId,
    /// The job.
    pub job: &'a JobId,
    /// Start of the work.
    pub started_at: Timestamp,
    /// End of the work.
    pub ended_at: Timestamp,
    /// Set if it failed for a reason on our side.
    pub fault: bool,
}

impl TraceSegment<'_> {
    /// The JSON document for X-Ray. Times are in seconds since 1970.
    #[must_use]
    pub fn document(&self) -> String {
        let seconds = |at: Timestamp| std::time::Duration::from_millis(at.unix_ms().unsigned_abs()).as_secs_f64();
        json!({
            "name": format!("smmu-{}-{}", self.deployment, self.stage.as_str()),
            "id": format!("{:016x}", self.id),
            "trace_id": self.trace.as_str(),
            "start_time": seconds(self.started_at),
            "end_time": seconds(self.ended_at),
            "fault": self.fault,
            "annotations": { "jobId": self.job.as_str() },
        })
        .to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_matches_the_xray_documentation() {
        let segment = TraceSegment {
            deployment: "dev",
            stage: Stage::Transcode,
            id: 0xab,
            trace: &TraceId::try_from("1-67891233-abcdef012345678912345678".to_owned()).unwrap(),
            job: &"job_01jd0w00000000000000000001".parse().unwrap(),
            started_at: "2026-11-23T12:00:00.250Z".parse().unwrap(),
            ended_at: "2026-11-23T12:00:02.000Z".parse().unwrap(),
            fault: false,
        };
        let document: serde_json::Value = serde_json::from_str(&segment.document()).unwrap();
        assert_eq!(
            document,
            json!({
                "name": "smmu-dev-transcode", "id": "00000000000000ab", "trace_id": "1-67891233-abcdef012345678912345678",
                "start_time": 1_795_435_200.25, "end_time": 1_795_435_202.0, "fault": false,
                "annotations": {"jobId": "job_01jd0w00000000000000000001"},
            })
        );
    }
}
