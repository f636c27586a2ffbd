//! What is not as it should be with a file that was processed all the same.

use serde::{Deserialize, Serialize};

/// A stable kind of warning. Codes are added, never renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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
}

impl WarningCode {
    /// Every code, for documentation and tests.
    pub const ALL: &'static [Self] = &[Self::CutOff, Self::Repaired, Self::Shortened, Self::PreviewUsed];
}

/// One thing that the owner of a file may want to know: `{code, message}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Stable, for programs.
    pub code: WarningCode,
    /// For people, with what was found; free of keys, names and addresses.
    pub message: String,
}

impl Warning {
    /// A warning with its explanation.
    pub fn new(code: WarningCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
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
