//! Identifiers, parsed once at the edge and never re-parsed after.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A string that is not an identifier of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0}")]
pub struct InvalidId(pub &'static str);

/// Length of the ULID that a media and its first job share, in lower-case Crockford base 32.
const ULID_LEN: usize = 26;

fn is_ulid(text: &str) -> bool {
    let alphabet =
        |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'h' | b'j' | b'k' | b'm' | b'n' | b'p'..=b't' | b'v'..=b'z');
    // 26 base-32 digits hold 130 bits; a first digit above 7 would overflow the 128 of a ULID.
    text.len() == ULID_LEN && text.as_bytes()[0] <= b'7' && text.as_bytes().iter().all(alphabet)
}

macro_rules! ulid_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Text before the ULID, including the separator.
            pub const PREFIX: &'static str = $prefix;

            /// Creates an identifier from a ULID.
            pub fn from_ulid(ulid: &str) -> Result<Self, InvalidId> {
                format!("{}{}", $prefix, ulid.to_ascii_lowercase()).parse()
            }

            /// The identifier as used everywhere: API, DynamoDB, S3 keys, execution names.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                match text.strip_prefix($prefix) {
                    Some(ulid) if is_ulid(ulid) => Ok(Self(text.to_owned())),
                    Some(_) | None => Err(InvalidId($what)),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
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

ulid_id!(
    /// One upload. Random, created with the grant.
    MediaId, "med_", "media id"
);
ulid_id!(
    /// One run of one media. The first job's id follows from the media id, so that two submissions of the same upload
    /// are the same job; it is also the name of the Step Functions execution.
    JobId, "job_", "job id"
);
ulid_id!(
    /// One run of one worker for one job. Outputs of different attempts never share a prefix.
    AttemptId, "att_", "attempt id"
);
ulid_id!(
    /// One webhook endpoint of one user. Random, created with the endpoint.
    WebhookId, "whk_", "webhook id"
);

impl JobId {
    /// The id of the first job of a media.
    #[must_use]
    pub fn of(media: &MediaId) -> Self {
        let ulid = &media.as_str()[MediaId::PREFIX.len()..];
        Self(format!("{}{ulid}", Self::PREFIX))
    }
}

/// The user that a token identifies: its `sub` claim, opaque, at most 255 bytes, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

impl UserId {
    /// The claim as issued. It is personal data in many systems: never log it unhashed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UserId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        // OpenID Connect Core 1.0, section 2: `sub` must not exceed 255 ASCII characters.
        let fits = (1..=255).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text)) } else { Err(InvalidId("user id")) }
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> String {
        id.0
    }
}

/// A SHA-256 digest, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// Wraps an existing digest.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes, which `x-amz-checksum-sha256` encodes in base 64.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Sha256 {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId("SHA-256 digest (64 lower-case hexadecimal digits)");
        if text.len() != 64 {
            return Err(invalid);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digit = |b: u8| match b {
                b'0'..=b'9' => Ok(b - b'0'),
                b'a'..=b'f' => Ok(b - b'a' + 10),
                _ => Err(invalid),
            };
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl TryFrom<String> for Sha256 {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> String {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys;
    use proptest::prelude::*;

    fn ulid() -> impl Strategy<Value = String> {
        "[0-7][0-9a-hjkmnp-tv-z]{25}"
    }

    proptest! {
        #[test]
        fn an_id_round_trips(ulid in ulid()) {
            let id = MediaId::from_ulid(&ulid).unwrap();
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn an_upload_key_maps_back_to_its_media(ulid in ulid()) {
            let id = MediaId::from_ulid(&ulid).unwrap();
            prop_assert_eq!(keys::parse_upload(&keys::upload(&id)), Ok(id));
        }

        #[test]
        fn different_media_have_different_jobs(one in ulid(), other in ulid()) {
            let [one, other] = [one, other].map(|ulid| MediaId::from_ulid(&ulid).unwrap());
            prop_assert_eq!(JobId::of(&one) == JobId::of(&other), one == other);
        }

        #[test]
        fn a_parsed_id_is_written_unchanged(text in "(med_|job_|MED_)?[0-9a-zA-Z]{24,28}") {
            if let Ok(id) = text.parse::<MediaId>() {
                prop_assert_eq!(id.as_str(), text);
            }
        }

        #[test]
        fn no_text_makes_a_parser_panic(text in any::<String>()) {
            let _ = text.parse::<MediaId>();
            let _ = text.parse::<Sha256>();
            let _ = UserId::try_from(text.clone());
            let _ = keys::parse_upload(&text);
        }

        #[test]
        fn a_digest_round_trips(bytes in any::<[u8; 32]>()) {
            let digest = Sha256::from_bytes(bytes);
            prop_assert_eq!(digest.to_string().parse(), Ok(digest));
        }
    }

    #[test]
    fn ids_of_another_kind_or_length_are_refused() {
        let good = "01j9zq4b5c6d7e8f9g0h1j2k3m";
        assert!(format!("med_{good}").parse::<MediaId>().is_ok());
        let long = format!("med_{good}0");
        for bad in [
            &format!("job_{good}"),
            good,
            "med_",
            "med_01J9ZQ4B5C6D7E8F9G0H1J2K3M",
            &long,
            "med_81j9zq4b5c6d7e8f9g0h1j2k3m",
        ] {
            assert!(bad.parse::<MediaId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_user_id_has_1_to_255_bytes_and_no_control_characters() {
        for good in ["a", "auth0|5f7c8ec7c33c6c004bbafe82", &"x".repeat(255)] {
            assert!(UserId::try_from(good.to_owned()).is_ok());
        }
        for bad in ["", "a\nb", &"x".repeat(256)] {
            assert!(UserId::try_from(bad.to_owned()).is_err());
        }
    }
}
