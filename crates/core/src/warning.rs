//! Warnings about a file that was processed despite a problem.

use crate::{
    error::{ErrorCode, JobError},
    stage::Stage,
};
use serde::{Deserialize, Serialize};

/// A stable code for a kind of warning. Codes are added, never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// The end of the file is missing. The rest was processed.
    CutOff,
    /// The file violates its format; it was read as browsers do.
    Repaired,
    /// The outputs cover less than the file, because a limit was reached.
    Shortened,
    /// The outputs were made from the camera's embedded preview, not from its sensor data.
    PreviewUsed,
    /// One step failed and its outputs are missing. The others exist.
    StepFailed,
}

impl WarningCode {
    /// Every code, for documentation and tests.
    pub const ALL: &'static [Self] =
        &[Self::CutOff, Self::Repaired, Self::Shortened, Self::PreviewUsed, Self::StepFailed];
}

/// A note for the owner of a processed file: `{code, message}`, and for a failed step also its error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "A note for the owner of a processed file.")
)]
pub struct Warning {
    /// Stable code, for programs.
    pub code: WarningCode,
    /// Message for people, with the finding; free of keys, names and addresses.
    pub message: String,
    /// The failed step and its error.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedStep>,
}

/// A step without which a job was completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FailedStep {
    /// Stage of the step.
    pub step: Stage,
    /// The code with which the job would have failed if the step were required.
    pub error_code: ErrorCode,
    /// True if the same file may succeed later.
    pub retryable: bool,
}

impl Warning {
    /// A warning with a message.
    pub fn new(code: WarningCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), failed: None }
    }

    /// A warning that a job was completed without a step, with the reason.
    #[must_use]
    pub fn of_failed_step(error: &JobError) -> Self {
        let message = format!(
            "the step {} failed, and the job was completed without it: {}",
            error.stage.as_str(),
            error.message
        );
        let failed = FailedStep { step: error.stage, error_code: error.code, retryable: error.retryable };
        Self { failed: Some(failed), ..Self::new(WarningCode::StepFailed, message) }
    }
}

/// Merges the warnings of several workers. A code that an earlier worker reported is dropped from later lists, even if
/// the message differs.
#[must_use]
pub fn joined<'a>(lists: impl IntoIterator<Item = &'a [Warning]>) -> Vec<Warning> {
    lists.into_iter().fold(Vec::new(), |mut all, list| {
        let news = list.iter().filter(|warning| !all.iter().any(|known: &Warning| known.code == warning.code));
        let news: Vec<_> = news.cloned().collect();
        all.extend(news);
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_drops_repeated_codes_across_workers_but_not_within_one() {
        let cut = |message: &str| Warning::new(WarningCode::CutOff, message);
        let repaired = |message: &str| Warning::new(WarningCode::Repaired, message);
        let (first, second) =
            ([cut("7 of 10 seconds are present")], [cut("70% is present"), repaired("one"), repaired("two")]);
        assert_eq!(joined([&first[..], &second[..]]), [first[0].clone(), repaired("one"), repaired("two")]);
    }
}
