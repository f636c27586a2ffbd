//! Idempotency keys: a client's name for a request, by which a repeated request is recognised
//! (draft-ietf-httpapi-idempotency-key-header-07).

/// Longest key, in characters.
pub const MAX_KEY: usize = 255;

/// Pattern of the header's value, as an ECMA-262 regular expression. HTTP removes surrounding white space.
pub const PATTERN: &str = r#"^("[ !#-~]{1,255}"|[!#-~]([ !#-~]{0,253}[!#-~])?)$"#;

/// A key within these limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// The key is empty, too long, or has forbidden characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`Idempotency-Key` must have 1 to {MAX_KEY} printable ASCII characters other than quotation marks")]
pub struct InvalidKey;

impl IdempotencyKey {
    /// Parses a header's value. The draft requires quotation marks, which many clients omit.
    ///
    /// # Errors
    ///
    /// If the key is empty, too long, or has forbidden characters.
    pub fn parse(value: &str) -> Result<Self, InvalidKey> {
        let value = value.trim();
        let key = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
        let printable = key.bytes().all(|byte| (byte.is_ascii_graphic() && byte != b'"') || byte == b' ');
        if printable && (1..=MAX_KEY).contains(&key.len()) { Ok(Self(key.to_owned())) } else { Err(InvalidKey) }
    }

    /// Returns the key without quotation marks.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_with_and_without_quotation_marks() {
        assert_eq!(IdempotencyKey::parse("\"8e03978e\""), IdempotencyKey::parse(" 8e03978e "));
        for value in ["", "\"\"", "ä", "a\tb", "\"a", "a\"b", &"a".repeat(MAX_KEY + 1)] {
            assert_eq!(IdempotencyKey::parse(value), Err(InvalidKey), "{value:?}");
        }
        assert!(IdempotencyKey::parse(&"a".repeat(MAX_KEY)).is_ok());
    }
}
