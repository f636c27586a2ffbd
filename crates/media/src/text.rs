//! Text that somebody else wrote into a file, before it goes anywhere.

/// Longest text that is kept, in characters.
const MAX_CHARS: usize = 64;

/// The text on one line, without control or invisible formatting characters, at most 64 characters
/// long; `None` where nothing is left.
pub(crate) fn clean(text: &str) -> Option<String> {
    // Bidirectional overrides and zero-width characters could make a name read as another.
    let visible = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffd}')
    };
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let kept: String = spaced.filter(visible).collect();
    let kept: String = kept.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let kept: String = kept.chars().take(MAX_CHARS).collect();
    let kept = kept.trim_end();
    (!kept.is_empty()).then(|| kept.to_owned())
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn control_and_direction_characters_go_and_words_stay() {
        assert_eq!(clean("  Canon\0\u{1b}[31m \n EOS\u{202e} R5 \u{200b}").as_deref(), Some("Canon[31m EOS R5"));
        assert_eq!(clean("\0\0  \u{7f}"), None);
    }

    #[test]
    fn length_is_bounded_in_characters() {
        assert_eq!(clean(&"ü".repeat(1000)).map(|text| text.chars().count()), Some(64));
    }
}
