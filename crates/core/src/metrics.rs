//! Measurements, as log lines that `CloudWatch` turns into metrics.
//!
//! The embedded metric format ("Specification: Embedded metric format" in the `CloudWatch` user guide) needs no API
//! call, no permission and no waiting: a line is written, and the log has each number next to its job. Alarms and the
//! dashboard in template.yaml use the names and dimensions below; a test compares them.

use crate::{
    artifact::Role,
    cost::MicroDollars,
    error::ErrorCode,
    ids::JobId,
    job::{Job, JobState},
    kind::MediaKind,
    push::Pushed,
    stage::Stage,
    time::Timestamp,
    trail::Trail,
};
use serde_json::{Map, Value, json};

/// The namespace of every metric.
pub const NAMESPACE: &str = "SmartMediaUploader";

/// Outcome of a job for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was made.
    Completed,
    /// Everything was made except an optional step, which failed with this code.
    CompletedWithout(ErrorCode),
    /// The file could not be processed. Not a fault of ours.
    Refused(ErrorCode),
    /// It failed for a reason on our side.
    Faulted(ErrorCode),
    /// Its owner cancelled it.
    Cancelled,
}

impl Outcome {
    /// The outcome of a job; `None` if it has not ended.
    #[must_use]
    pub fn of(job: &Job) -> Option<Self> {
        match &job.state {
            JobState::Queued { .. } | JobState::Running { .. } => None,
            JobState::Completed { warnings, .. } => {
                // A fault of ours takes precedence over refusals.
                let failed = warnings.iter().filter_map(|warning| Some(warning.failed?.error_code));
                Some(failed.max_by_key(|code| code.ours()).map_or(Self::Completed, Self::CompletedWithout))
            }
            JobState::Failed { error, .. } if error.code.ours() => Some(Self::Faulted(error.code)),
            JobState::Failed { error, .. } => Some(Self::Refused(error.code)),
            JobState::Cancelled { .. } => Some(Self::Cancelled),
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Completed | Self::CompletedWithout(_) => "completed",
            Self::Refused(_) => "refused",
            Self::Faulted(_) => "faulted",
            Self::Cancelled => "cancelled",
        }
    }

    const fn code(self) -> Option<ErrorCode> {
        match self {
            Self::Refused(code) | Self::Faulted(code) => Some(code),
            Self::Completed | Self::CompletedWithout(_) | Self::Cancelled => None,
        }
    }

    /// Number of faults that count against the error budget, 0 or 1; `None` if the job is not counted.
    const fn faults(self) -> Option<u8> {
        match self {
            Self::Completed => Some(0),
            Self::CompletedWithout(code) => Some(if code.ours() { 1 } else { 0 }),
            Self::Faulted(_) => Some(1),
            Self::Refused(_) | Self::Cancelled => None,
        }
    }
}

/// Outcome of a worker's attempt, for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// It made the outputs, found them already made, or found that the job had ended.
    Done,
    /// It found that the file cannot be processed.
    Refused,
    /// It failed; the next attempt may succeed.
    Failed,
    /// It ran in a function that could not end the work, and left it to a container.
    Moved,
}

/// Outcome of a webhook delivery attempt, for operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The message was received, this many milliseconds after the job's end; `None` for a replay.
    Delivered(Option<u64>),
    /// The message was not received; the next attempt may succeed.
    Failed,
}

/// A measurement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measurement {
    /// An execution has taken a job.
    JobStarted {
        /// Time since the job was recorded, in milliseconds.
        waited_ms: u64,
        /// Size of the upload in bytes.
        bytes: u64,
    },
    /// A job has ended.
    JobEnded {
        /// Kind of media, if detected.
        kind: Option<MediaKind>,
        /// The outcome.
        outcome: Outcome,
        /// Time since the job was recorded, in milliseconds.
        lasted_ms: u64,
        /// Number of encoded rungs.
        renditions: usize,
        /// Cost, if metered.
        cost: Option<MicroDollars>,
    },
    /// An attempt of a worker has ended.
    AttemptEnded {
        /// Stage of the worker.
        stage: Stage,
        /// Duration of the attempt in milliseconds.
        lasted_ms: u64,
        /// The outcome.
        outcome: AttemptOutcome,
    },
    /// An attempt to deliver a webhook has ended.
    DeliveryEnded(DeliveryOutcome),
    /// A batch of changes was pushed to sockets.
    Pushed(Pushed),
    /// A run of `reconcile` that looked for lost jobs.
    Reconciled {
        /// Jobs whose execution runs but that have not changed for long, and jobs that could not be checked.
        stuck: usize,
        /// Jobs that had to be sent again or failed.
        mended: usize,
    },
}

impl Measurement {
    /// The measurement of an ended job; `None` if it has not ended.
    #[must_use]
    pub fn of_ended(job: &Job) -> Option<Self> {
        let rungs = job.outputs().iter().map(|output| output.artifact.role);
        Some(Self::JobEnded {
            kind: job.kind,
            outcome: Outcome::of(job)?,
            lasted_ms: job.updated_at.ms_since(job.created_at),
            renditions: rungs.filter(|&role| role == Role::Rendition || role == Role::Segments).count(),
            cost: job.bill().map(|bill| bill.cost.total()),
        })
    }
}

/// The job of a measurement. Written into the line but not a dimension, which would create a metric per job.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The job.
    pub job: &'a JobId,
    /// Origin of the job.
    pub trail: Option<&'a Trail>,
}

/// The log line of a measurement, for the deployment of this name.
#[must_use]
pub fn line(measured: &Measurement, deployment: &str, subject: Option<Subject<'_>>, at: Timestamp) -> Value {
    let mut line = Line::default();
    match measured {
        Measurement::JobStarted { waited_ms, bytes } => {
            line.metric("QueueWaitSeconds", Unit::Seconds, seconds(*waited_ms), &[&[]]);
            line.metric("BytesIn", Unit::Bytes, json!(bytes), &[&[]]);
        }
        Measurement::JobEnded { kind, outcome, lasted_ms, renditions, cost } => {
            line.dimension("Kind", kind.map_or("unknown", MediaKind::as_str));
            line.dimension("Outcome", outcome.as_str());
            line.metric("Jobs", Unit::Count, json!(1), &[&["Outcome"], &["Kind"]]);
            line.metric("JobSeconds", Unit::Seconds, seconds(*lasted_ms), &[&["Kind"]]);
            line.metric("Renditions", Unit::Count, json!(renditions), &[&["Kind"]]);
            if let Some(code) = outcome.code() {
                line.dimension("Code", code.as_str());
                line.metric("FailedJobs", Unit::Count, json!(1), &[&["Code"]]);
            }
            if let Outcome::CompletedWithout(_) = outcome {
                line.metric("IncompleteJobs", Unit::Count, json!(1), &[&[]]);
            }
            if let Some(faults) = outcome.faults() {
                line.metric("Faulted", Unit::Count, json!(faults), &[&[]]);
            }
            if let Some(cost) = cost {
                line.metric("CostMicroDollars", Unit::None, json!(cost), &[&["Kind"]]);
            }
        }
        Measurement::AttemptEnded { stage, lasted_ms, outcome } => {
            line.dimension("Stage", stage.as_str());
            line.metric("StageSeconds", Unit::Seconds, seconds(*lasted_ms), &[&["Stage"]]);
            let failed = u8::from(*outcome == AttemptOutcome::Failed);
            line.metric("FailedAttempts", Unit::Count, json!(failed), &[&[]]);
        }
        Measurement::DeliveryEnded(DeliveryOutcome::Delivered(since_end_ms)) => {
            line.metric("WebhooksDelivered", Unit::Count, json!(1), &[&[]]);
            if let Some(ms) = since_end_ms {
                line.metric("WebhookSeconds", Unit::Seconds, seconds(*ms), &[&[]]);
            }
        }
        Measurement::DeliveryEnded(DeliveryOutcome::Failed) => {
            line.metric("WebhookFailures", Unit::Count, json!(1), &[&[]]);
        }
        Measurement::Pushed(Pushed { delivered, failed, gone: _, slowest_ms }) => {
            line.metric("PushEvents", Unit::Count, json!(delivered), &[&[]]);
            line.metric("PushFailures", Unit::Count, json!(failed), &[&[]]);
            if let Some(ms) = slowest_ms {
                line.metric("PushSeconds", Unit::Seconds, seconds(*ms), &[&[]]);
            }
        }
        Measurement::Reconciled { stuck, mended } => {
            line.metric("StuckJobs", Unit::Count, json!(stuck), &[&[]]);
            line.metric("MendedJobs", Unit::Count, json!(mended), &[&[]]);
        }
    }
    line.written(deployment, subject, at)
}

fn seconds(ms: u64) -> Value {
    let (whole, rest) = (ms / 1000, u32::try_from(ms % 1000).expect("less than a thousand"));
    if rest == 0 {
        return json!(whole);
    }
    // Exact for any real duration: 2^52 ms are 142,000 years.
    #[expect(clippy::cast_precision_loss, reason = "whole seconds of a duration are far below 2^52")]
    let whole = whole as f64;
    json!(whole + f64::from(rest) / 1000.0)
}

/// Units as `CloudWatch` spells them.
#[derive(Clone, Copy)]
enum Unit {
    Count,
    Seconds,
    Bytes,
    None,
}

impl Unit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
            Self::Bytes => "Bytes",
            Self::None => "None",
        }
    }
}

/// A log line under construction: its members, and the directives for `CloudWatch`.
#[derive(Default)]
struct Line {
    members: Map<String, Value>,
    directives: Vec<Value>,
}

impl Line {
    /// Adds a dimension to aggregate by. The deployment is always one.
    fn dimension(&mut self, name: &str, value: &str) {
        self.members.insert(name.to_owned(), value.into());
    }

    /// Adds a number, as one metric for each set of dimensions.
    fn metric(&mut self, name: &str, unit: Unit, value: Value, by: &[&[&str]]) {
        let sets: Vec<Vec<&str>> = by.iter().map(|set| [&["Deployment"], *set].concat()).collect();
        self.directives.push(json!({
            "Namespace": NAMESPACE,
            "Dimensions": sets,
            "Metrics": [{"Name": name, "Unit": unit.as_str()}],
        }));
        self.members.insert(name.to_owned(), value);
    }

    fn written(mut self, deployment: &str, subject: Option<Subject<'_>>, at: Timestamp) -> Value {
        self.dimension("Deployment", deployment);
        if let Some(Subject { job, trail }) = subject {
            self.dimension("jobId", job.as_str());
            if let Some(trail) = trail {
                self.dimension("correlationId", trail.origin.correlation_id.as_str());
                self.dimension("userHash", trail.user_hash.as_str());
            }
        }
        let about = json!({"Timestamp": at.unix_ms(), "CloudWatchMetrics": self.directives});
        self.members.insert("_aws".to_owned(), about);
        Value::Object(self.members)
    }
}

#[cfg(test)]
mod tests;
