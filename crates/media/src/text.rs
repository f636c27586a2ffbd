//! Text that somebody else wrote into a file, before it goes anywhere.

/// Longest text that is kept, in characters.
const MAX_CHARS: usize = 64;

/// The text on one line, without control or invisible formatting characters, at most 64 characters
/// long; `None` where nothing is left.
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
