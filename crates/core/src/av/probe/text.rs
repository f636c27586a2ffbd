//! Texts of a stranger, made fit to be stored and shown.

/// Most characters of a text that is kept.
const MAX_CHARS: usize = 200;

/// Most characters of a technical name.
const MAX_WORD: usize = 40;

/// A technical name as ffmpeg writes them; empty for anything else, and for what is not known.
pub(super) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if text == "unknown" || text.len() > MAX_WORD || !text.chars().all(plain) {
        return String::new();
    }
    text.to_owned()
}

/// A text for people: white space and control characters become single spaces, characters that
/// have no look but change that of others are dropped, and what is left is shortened.
pub(super) fn shown(text: &str) -> Option<String> {
    let visible: String =
        text.chars().filter(|&c| !is_invisible(c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let joined = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    let kept: String = joined.chars().take(MAX_CHARS).collect();
    let kept = kept.trim_end();
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// Marks and overrides of direction (Unicode UAX #9), invisible separators, tag characters. Joiners
/// stay: scripts and emoji need them.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// A language tag: letters, digits and hyphens, lower case; none where it is undetermined.
pub(super) fn language(text: &str) -> Option<String> {
    let plain = (2..=35).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let language = text.to_ascii_lowercase();
    (plain && language != "und").then_some(language)
}

/// `HH:MM:SS.fraction` as milliseconds.
pub(super) fn clock_ms(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, ':');
    let hours: u32 = parts.next()?.parse().ok()?;
    let minutes: u32 = parts.next()?.parse().ok()?;
    let seconds_ms = super::milliseconds(parts.next()?)?;
    Some(u64::from(hours) * 3_600_000 + u64::from(minutes) * 60_000 + seconds_ms).filter(|_| minutes < 60)
}
