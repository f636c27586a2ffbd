//! Cleans text from files before it is used.

/// Longest text that is kept, in characters.
const MAX_CHARS: usize = 64;

/// Returns the text as one line of at most 64 characters, without control or invisible formatting characters; `None` if
/// nothing is left.
pub(crate) fn clean(text: &str) -> Option<String> {
    smmu_core::text::clean(text, MAX_CHARS)
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn a_text_is_cleaned_and_shortened() {
        assert_eq!(clean("  Canon\0\n EOS\u{202e} R5 \u{200b}").as_deref(), Some("Canon EOS R5"));
        assert_eq!(clean(&"ü".repeat(1000)).map(|text| text.chars().count()), Some(64));
    }
}
