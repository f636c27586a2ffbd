//! A span of time.

use serde::{Deserialize, Serialize};

/// A half-open span in milliseconds from the start of the media, at least 1 ms long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Record", into = "Record")]
pub struct Span {
    start_ms: u64,
    end_ms: u64,
}

/// The end is not after the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a span ends after it starts")]
pub struct EmptySpan;

/// Unvalidated form of a span, as serialised.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    start_ms: u64,
    end_ms: u64,
}

impl Span {
    /// A span from its two ends.
    pub const fn new(start_ms: u64, end_ms: u64) -> Result<Self, EmptySpan> {
        if start_ms < end_ms { Ok(Self { start_ms, end_ms }) } else { Err(EmptySpan) }
    }

    /// First millisecond.
    #[must_use]
    pub const fn start_ms(self) -> u64 {
        self.start_ms
    }

    /// First millisecond after the span.
    #[must_use]
    pub const fn end_ms(self) -> u64 {
        self.end_ms
    }

    /// Duration in milliseconds, at least 1.
    #[must_use]
    pub const fn duration_ms(self) -> u64 {
        self.end_ms - self.start_ms
    }

    /// Returns whether `other` is entirely inside.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.start_ms <= other.start_ms && other.end_ms <= self.end_ms
    }

    /// The shortest span that contains both.
    #[must_use]
    pub fn hull(self, other: Self) -> Self {
        Self { start_ms: self.start_ms.min(other.start_ms), end_ms: self.end_ms.max(other.end_ms) }
    }

    /// The overlap of the two, if any.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.start_ms.max(other.start_ms), self.end_ms.min(other.end_ms)).ok()
    }
}

impl TryFrom<Record> for Span {
    type Error = EmptySpan;

    fn try_from(Record { start_ms, end_ms }: Record) -> Result<Self, EmptySpan> {
        Self::new(start_ms, end_ms)
    }
}

impl From<Span> for Record {
    fn from(Span { start_ms, end_ms }: Span) -> Self {
        Self { start_ms, end_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_span_that_ends_before_it_starts_is_refused() {
        assert!(serde_json::from_value::<Span>(json!({ "startMs": 5, "endMs": 6 })).is_ok());
        assert!(serde_json::from_value::<Span>(json!({ "startMs": 5, "endMs": 5 })).is_err());
        assert!(serde_json::from_value::<Span>(json!({ "startMs": 5, "endMs": 4 })).is_err());
    }

    fn spans() -> impl Strategy<Value = Span> {
        (0u64..100, 1u64..100).prop_map(|(start_ms, ms)| Span::new(start_ms, start_ms + ms).expect("not empty"))
    }

    proptest! {
        #[test]
        fn two_spans_are_inside_their_hull_and_contain_their_intersection(one in spans(), other in spans()) {
            let hull = one.hull(other);
            prop_assert!(hull.contains(one) && hull.contains(other));
            let apart = one.end_ms() <= other.start_ms() || other.end_ms() <= one.start_ms();
            match one.intersection(other) {
                Some(both) => prop_assert!(!apart && one.contains(both) && other.contains(both)),
                None => prop_assert!(apart),
            }
        }
    }
}
