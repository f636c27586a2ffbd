//! Makes untrusted text safe to store and show.

/// Most characters of a kept text.
const MAX_CHARS: usize = 200;

/// Most characters of a technical name.
const MAX_WORD: usize = 40;

/// A technical name in ffmpeg's notation; empty for anything else, and for `unknown`.
pub(super) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if text == "unknown" || text.len() > MAX_WORD || !text.chars().all(plain) {
        return String::new();
    }
    text.to_owned()
}

/// A channel layout in ffmpeg's notation, such as `5.1(side)`; empty for anything else.
pub(super) fn layout(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '(' | ')' | '-');
    if text == "unknown" || text.len() > MAX_WORD || !text.chars().all(plain) {
        return String::new();
    }
    text.to_owned()
}

/// Text for people: on one line, without invisible characters, shortened.
pub(super) fn shown(text: &str) -> Option<String> {
    crate::text::clean(text, MAX_CHARS)
}

/// A language tag in lower case: letters, digits and hyphens; `None` if undetermined.
pub(super) fn language(text: &str) -> Option<String> {
    let plain = (2..=35).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let language = text.to_ascii_lowercase();
    (plain && language != "und").then_some(language)
}

/// Parses `HH:MM:SS.fraction` into milliseconds.
pub(super) fn clock_ms(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, ':');
    let hours: u32 = parts.next()?.parse().ok()?;
    let minutes: u32 = parts.next()?.parse().ok()?;
    let seconds_ms = super::milliseconds(parts.next()?)?;
    Some(u64::from(hours) * 3_600_000 + u64::from(minutes) * 60_000 + seconds_ms).filter(|_| minutes < 60)
}
