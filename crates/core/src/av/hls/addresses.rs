//! Playlists name files relative to themselves; the server replaces those names with its own addresses.

/// The same playlist with other addresses: every URI line and every `URI` attribute known to `address` is replaced with
/// what it returns. Everything else is kept.
pub fn with_addresses(playlist: &str, address: &dyn Fn(&str) -> Option<String>) -> String {
    playlist.split_inclusive('\n').map(|line| with_address(line, address)).collect()
}

fn with_address(line: &str, address: &dyn Fn(&str) -> Option<String>) -> String {
    let text = line.trim_end_matches(['\n', '\r']);
    let end = &line[text.len()..];
    let uri = if text.starts_with("#EXT") {
        uri_attribute(text)
    } else {
        // A line that starts with # but is not a tag is a comment (RFC 8216, 4.1).
        (!text.is_empty() && !text.starts_with('#')).then_some(0..text.len())
    };
    let found = uri.and_then(|range| Some((address(&text[range.clone()])?, range)));
    match found {
        Some((address, range)) => format!("{}{address}{}{end}", &text[..range.start], &text[range.end..]),
        None => line.to_owned(),
    }
}

/// The byte range of a tag's `URI` attribute value, without the quotes. Ignores similar text inside other quoted
/// values.
fn uri_attribute(tag: &str) -> Option<std::ops::Range<usize>> {
    let mut at = tag.find(':')? + 1;
    loop {
        let equals = at + tag[at..].find('=')?;
        let name = &tag[at..equals];
        let value = equals + 1;
        let end = if tag[value..].starts_with('"') {
            let end = value + 1 + tag[value + 1..].find('"')?;
            if name == "URI" {
                return Some(value + 1..end);
            }
            end + 1
        } else {
            value + tag[value..].find(',').unwrap_or(tag.len() - value)
        };
        // Skips the comma; without one, the tag has no further attributes.
        at = end + tag[end..].strip_prefix(',').map(|_| 1)?;
    }
}
