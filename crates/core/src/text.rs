//! Cleans untrusted text, written by a user or by a model, before it is stored or shown.

/// Returns the text on one line, with at most `max_chars` characters: white space and control characters become single
/// spaces, and invisible characters that affect their neighbours are dropped. `None` if nothing is left.
#[must_use]
pub fn clean(text: &str, max_chars: usize) -> Option<String> {
    let spaced = text.chars().filter(|&c| !is_invisible(c)).map(|c| if c.is_control() { ' ' } else { c });
    let mut kept = String::new();
    let mut chars = 0;
    let mut gap = false;
    for c in spaced {
        if c.is_whitespace() {
            gap = chars > 0;
            continue;
        }
        let needed = 1 + usize::from(gap);
        if chars + needed > max_chars {
            break;
        }
        if std::mem::take(&mut gap) {
            kept.push(' ');
        }
        kept.push(c);
        chars += needed;
    }
    (!kept.is_empty()).then_some(kept)
}

/// Invisible characters (`Default_Ignorable_Code_Point`, Unicode UAX #44), including direction marks and overrides (UAX
/// #9) and tags, and replacement and non-characters. Joiners and the variation selectors of emoji are kept: scripts and
/// emoji need them.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{fffd}'..='\u{ffff}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::clean;
    use proptest::prelude::*;

    #[test]
    fn control_and_direction_characters_are_removed_and_words_kept() {
        assert_eq!(clean("  Canon\0\u{1b}[31m \r\n EOS\u{202e} R5 \u{200b}", 64).as_deref(), Some("Canon [31m EOS R5"));
        assert_eq!(clean("a\u{2028}b\u{2029}c\u{a0}d\u{3000}e\u{85}f", 64).as_deref(), Some("a b c d e f"));
        assert_eq!(clean("\0\0  \u{7f}", 64), None);
    }

    #[test]
    fn scripts_and_emoji_keep_their_joiners() {
        for text in ["می\u{200c}خواهم", "👩\u{200d}🚀", "❤\u{fe0f}", "e\u{301}", "한국어", "ไทย"]
        {
            assert_eq!(clean(text, 64).as_deref(), Some(text));
        }
    }

    #[test]
    fn length_is_bounded_in_characters() {
        assert_eq!(clean(&"ü".repeat(1000), 64).map(|text| text.chars().count()), Some(64));
        assert_eq!(clean("ab cd", 3).as_deref(), Some("ab"));
        assert_eq!(clean("ab cd", 0), None);
    }

    proptest! {
        #[test]
        fn clean_text_is_one_line_and_cleaning_is_idempotent(text in any::<String>(), max in 0usize..50) {
            if let Some(kept) = clean(&text, max) {
                prop_assert!((1..=max).contains(&kept.chars().count()));
                prop_assert!(!kept.chars().any(char::is_control) && !kept.contains("  "));
                prop_assert_eq!(kept.trim(), &kept);
                prop_assert_eq!(clean(&kept, max), Some(kept));
            }
        }
    }
}
