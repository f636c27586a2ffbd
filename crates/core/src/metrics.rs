//! What is measured, as log lines that `CloudWatch` turns into metrics.
//!
//! The embedded metric format ("Specification: Embedded metric format" in the `CloudWatch` user guide) asks for no API
//! call, no permission and no waiting: a line is written, and whoever reads logs finds the number beside its job.
//! template.yaml has alarms and a dashboard on the names and dimensions below; a test compares them.

use crate::{
    artifact::Role,
    cost::MicroDollars,
    error::ErrorCode,
    ids::JobId,
    job::{Job, JobState},
    kind::MediaKind,
    stage::Stage,
    time::Timestamp,
    trail::Trail,
};
use serde_json::{Map, Value, json};

/// The namespace of every metric.
pub const NAMESPACE: &str = "SmartMediaUploader";

/// How a job ended, as an operator counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was made.
    Completed,
    /// Everything but an optional step, which failed with this code.
    CompletedWithout(ErrorCode),
    /// The file could not be processed: an answer, not a fault.
    Refused(ErrorCode),
    /// It failed for a reason on our side.
    Faulted(ErrorCode),
    /// Its owner called it off.
    Cancelled,
}

impl Outcome {
    /// How a job ended, if it has.
    #[must_use]
    pub fn of(job: &Job) -> Option<Self> {
        match &job.state {
            JobState::Queued { .. } | JobState::Running { .. } => None,
            JobState::Completed { warnings, .. } => {
                // A fault of ours counts, whatever else there is.
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

    /// How many faults it adds to the error budget, 0 or 1; `None` where the job is not counted.
    const fn faults(self) -> Option<u8> {
        match self {
            Self::Completed => Some(0),
            Self::CompletedWithout(code) => Some(if code.ours() { 1 } else { 0 }),
            Self::Faulted(_) => Some(1),
            Self::Refused(_) | Self::Cancelled => None,
        }
    }
}

/// How an attempt of a worker ended, as an operator counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// It made what was asked for, found it made, or found that nobody wants it.
    Done,
    /// It found that the file cannot be processed.
    Refused,
    /// It failed; the next one may succeed.
    Failed,
}

/// Something that was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measurement {
    /// An execution has taken a job.
    JobStarted {
        /// From when the job was recorded, in milliseconds.
        waited_ms: u64,
        /// Size of the upload.
        bytes: u64,
    },
    /// A job has ended.
    JobEnded {
        /// What it was, once somebody looked.
        kind: Option<MediaKind>,
        /// How.
        outcome: Outcome,
        /// From when the job was recorded, in milliseconds.
        lasted_ms: u64,
        /// Encoded rungs that it has.
        renditions: usize,
        /// What it cost, where that was metered.
        cost: Option<MicroDollars>,
    },
    /// An attempt of a worker has ended.
    AttemptEnded {
        /// What the worker does.
        stage: Stage,
        /// From its start, in milliseconds.
        lasted_ms: u64,
        /// How.
        outcome: AttemptOutcome,
    },
    /// Lost jobs were looked for.
    Reconciled {
        /// Jobs that have not moved for long though their execution runs, or that could not be looked into.
        stuck: usize,
        /// Jobs that had to be sent, or failed.
        mended: usize,
    },
}

impl Measurement {
    /// What an ended job measures. `None` where it has not ended.
    #[must_use]
    pub fn of_ended(job: &Job, cost: Option<MicroDollars>) -> Option<Self> {
        let rungs = job.outputs().iter().map(|output| output.artifact.role);
        Some(Self::JobEnded {
            kind: job.kind,
            outcome: Outcome::of(job)?,
            lasted_ms: job.updated_at.ms_since(job.created_at),
            renditions: rungs.filter(|&role| role == Role::Rendition || role == Role::Segments).count(),
            cost,
        })
    }
}

/// Whose measurement it is. Not a dimension, which would make a metric for every job, but in the same line.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The job.
    pub job: &'a JobId,
    /// Where it came from.
    pub trail: Option<&'a Trail>,
}

/// The log line of a measurement, in the stage of this name.
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
    // Exact for every duration that is one: 2^52 ms are 142,000 years.
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

/// A line that is being written: members, and what `CloudWatch` is to make of them.
#[derive(Default)]
struct Line {
    members: Map<String, Value>,
    directives: Vec<Value>,
}

impl Line {
    /// Something to count separately by; the deployment always is.
    fn dimension(&mut self, name: &str, value: &str) {
        self.members.insert(name.to_owned(), value.into());
    }

    /// A number, once for each set of dimensions.
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
