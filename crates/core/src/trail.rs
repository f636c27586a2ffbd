//! Ids that connect the log lines of one job, from the request that submitted it to the worker that ends it.

use crate::ids::{InvalidId, Sha256};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Origin of a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The request, event or scheduled run that submitted the job.
    pub correlation_id: CorrelationId,
    /// Id of its trace, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<TraceId>,
    /// Set if X-Ray keeps that trace; most are dropped, but have an id too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sampled: bool,
}

impl Origin {
    /// The tracing header by which later calls join the trace ("Tracing header" in the X-Ray developer guide).
    #[must_use]
    pub fn trace_header(&self) -> Option<String> {
        let root = self.trace_id.as_ref()?;
        Some(format!("Root={root};Sampled={}", u8::from(self.sampled)))
    }
}

/// Fields that every log line of a job has besides the job's id. They are stored in the job's record, message and
/// execution, so that no step has to look them up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trail {
    /// Origin of the job.
    #[serde(flatten)]
    pub origin: Origin,
    /// Hash of its owner's id.
    pub user_hash: UserHash,
}

macro_rules! text_id {
    ($name:ident, $what:literal) => {
        impl $name {
            /// The text as logged.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                if Self::is_valid(&text) { Ok(Self(text)) } else { Err(InvalidId($what)) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// Id of the cause of a job: API Gateway's request id, S3's, or the id of an `EventBridge` event. 1 to 128 visible
/// ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CorrelationId(String);

text_id!(CorrelationId, "correlation id");

impl CorrelationId {
    fn is_valid(text: &str) -> bool {
        (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

/// X-Ray trace id: `1-`, 8 hexadecimal digits, `-`, 24 more ("Tracing header" in the X-Ray developer guide).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TraceId(String);

text_id!(TraceId, "X-Ray trace id");

impl TraceId {
    fn is_valid(text: &str) -> bool {
        let hexadecimal =
            |part: &str, digits| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        text.strip_prefix("1-")
            .and_then(|rest| rest.split_once('-'))
            .is_some_and(|(time, unique)| hexadecimal(time, 8) && hexadecimal(unique, 24))
    }
}

impl FromStr for TraceId {
    type Err = InvalidId;

    /// Parses the trace id from a tracing header: `Root=1-…;Parent=…;Sampled=1`, in any order.
    fn from_str(header: &str) -> Result<Self, InvalidId> {
        let root = header.split(';').find_map(|field| field.trim().strip_prefix("Root="));
        root.ok_or(InvalidId("X-Ray tracing header"))?.to_owned().try_into()
    }
}

/// Returns whether a tracing header states that its trace is kept.
#[must_use]
pub fn is_sampled(header: &str) -> bool {
    header.split(';').any(|field| field.trim() == "Sampled=1")
}

/// Pseudonym of a user in logs: the first 16 hexadecimal digits of a digest of their id. 64 bits distinguish all users
/// of one deployment, and are too few to identify anyone elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserHash(String);

text_id!(UserHash, "user hash");

impl UserHash {
    const DIGITS: usize = 16;

    fn is_valid(text: &str) -> bool {
        text.len() == Self::DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    }

    /// Shortens the digest of a user's id.
    #[must_use]
    pub fn of(digest: &Sha256) -> Self {
        let mut text = digest.to_string();
        text.truncate(Self::DIGITS);
        Self(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TRACE: &str = "1-67891233-abcdef012345678912345678";

    #[test]
    fn a_trace_id_is_parsed_from_a_header_in_any_order() {
        for header in [
            format!("Root={TRACE}"),
            format!("Root={TRACE};Parent=53995c3f42cd8ad8;Sampled=1"),
            format!("Sampled=0; Self=1-67891233-000000000000000000000000; Root={TRACE};Lineage=a:0"),
        ] {
            assert_eq!(header.parse::<TraceId>().map(String::from), Ok(TRACE.to_owned()), "{header}");
        }
    }

    #[test]
    fn a_trace_is_sampled_if_its_header_says_so() {
        assert!(is_sampled(&format!("Root={TRACE};Parent=53995c3f42cd8ad8;Sampled=1")));
        for header in ["", TRACE, "Root=1;Sampled=0", "Root=1;Sampled=?"] {
            assert!(!is_sampled(header), "{header}");
        }
    }

    #[test]
    fn an_invalid_trace_is_refused() {
        for header in
            ["", "Root=", "Parent=53995c3f42cd8ad8", "Root=1-67891233-abc", "Root=2-67891233-abcdef012345678912345678"]
        {
            assert!(header.parse::<TraceId>().is_err(), "{header}");
        }
    }

    #[test]
    fn a_correlation_id_cannot_break_a_log_line() {
        assert!(CorrelationId::try_from("JKJaXmPLvHcESHA=".to_owned()).is_ok());
        for bad in ["", "a b", "a\nb", "é", &"x".repeat(129)] {
            assert!(CorrelationId::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_trail_is_flat_and_round_trips() {
        let trail = Trail {
            origin: Origin {
                correlation_id: CorrelationId("r-1".into()),
                trace_id: Some(TraceId(TRACE.into())),
                sampled: true,
            },
            user_hash: UserHash::of(&Sha256::from_bytes([0xab; 32])),
        };
        let written = serde_json::to_value(&trail).unwrap();
        assert_eq!(
            written,
            json!({"correlationId": "r-1", "traceId": TRACE, "sampled": true, "userHash": "abababababababab"})
        );
        assert_eq!(trail.origin.trace_header().as_deref(), Some(&*format!("Root={TRACE};Sampled=1")));
        assert_eq!(serde_json::from_value::<Trail>(written).unwrap(), trail);
    }
}
