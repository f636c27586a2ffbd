//! What is not as it should be with a file that was processed all the same.

use crate::{
    error::{ErrorCode, JobError},
    stage::Stage,
};
use serde::{Deserialize, Serialize};

/// A stable kind of warning. Codes are added, never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// The end of the file is missing. What is there was processed.
    CutOff,
    /// The file breaks the rules of its format; it was read as browsers read it.
    Repaired,
    /// The outputs show less than the file holds: a limit was reached.
    Shortened,
    /// The outputs were made from a preview that the camera stored, not from its sensor data.
    PreviewUsed,
    /// One step could not be done, and its outputs are missing. The others are there.
    StepFailed,
}

impl WarningCode {
    /// Every code, for documentation and tests.
    pub const ALL: &'static [Self] =
        &[Self::CutOff, Self::Repaired, Self::Shortened, Self::PreviewUsed, Self::StepFailed];
}

/// One thing that the owner of a file may want to know: `{code, message}`, and of a step that failed its `error`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "What the owner of a file may want to know.")
)]
pub struct Warning {
    /// Stable, for programs.
    pub code: WarningCode,
    /// For people, with what was found; free of keys, names and addresses.
    pub message: String,
    /// The step that failed, and why.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedStep>,
}

/// The step that a job was completed without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FailedStep {
    /// Its stage.
    pub step: Stage,
    /// The code that the job would have failed with, had it needed the step.
    pub error_code: ErrorCode,
    /// Whether the same file may succeed later.
    pub retryable: bool,
}

impl Warning {
    /// A warning with its explanation.
    pub fn new(code: WarningCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), failed: None }
    }

    /// That a job was completed without a step, and why.
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

/// The warnings of several workers as one list. What a later one found as well, each in its own words, is said once.
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
    fn what_two_workers_found_of_one_source_is_said_once_and_what_one_found_twice_twice() {
        let cut = |message: &str| Warning::new(WarningCode::CutOff, message);
        let repaired = |message: &str| Warning::new(WarningCode::Repaired, message);
        let (first, second) =
            ([cut("7 of 10 seconds are there")], [cut("70% is there"), repaired("one"), repaired("two")]);
        assert_eq!(joined([&first[..], &second[..]]), [first[0].clone(), repaired("one"), repaired("two")]);
    }
}
