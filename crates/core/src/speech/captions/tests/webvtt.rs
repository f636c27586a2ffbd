//! A strict `WebVTT` parser by the grammar of W3C's specification (section 4), like a validator and unlike a browser.
//! It only knows the syntax that our writer uses, and refuses everything else.

/// A parsed cue: start and end in milliseconds, the voice's name, and the unescaped lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    pub(super) voice: Option<String>,
    pub(super) lines: Vec<String>,
}

/// Parses a whole file, or returns what is wrong with it.
pub(super) fn read(file: &str) -> Result<Vec<Read>, String> {
    if file.contains(['\0', '\r']) {
        return Err("it has NUL or CR".to_owned());
    }
    let body = file.strip_prefix("WEBVTT\n").ok_or("it does not begin with WEBVTT")?;
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let body = body.strip_prefix('\n').ok_or("no empty line follows the header")?;
    let body = body.strip_suffix('\n').ok_or("the last line does not end")?;
    let cues = body.split("\n\n").map(cue).collect::<Result<Vec<Read>, String>>()?;
    // "WebVTT cue timings" (4.1): a start is not before those of earlier cues.
    if cues.windows(2).any(|pair| pair[1].start_ms < pair[0].start_ms) {
        return Err("a cue starts before the previous one".to_owned());
    }
    Ok(cues)
}

fn cue(block: &str) -> Result<Read, String> {
    let mut lines = block.split('\n');
    let times = lines.next().unwrap_or_default();
    let (start, end) = times.split_once(" --> ").ok_or_else(|| format!("no times: {times:?}"))?;
    let (start_ms, end_ms) = (timestamp(start)?, timestamp(end)?);
    if end_ms <= start_ms {
        return Err(format!("it ends before it starts: {times}"));
    }
    let payload: Vec<&str> = lines.collect();
    if payload.is_empty() || payload.iter().any(|line| line.is_empty() || line.contains("-->")) {
        return Err(format!("no payload: {block:?}"));
    }
    let payload = payload.join("\n");
    let (voice, text) = match payload.strip_prefix("<v ") {
        Some(rest) => {
            let (name, text) = rest.split_once('>').ok_or("a tag has no end")?;
            if name.is_empty() || name.contains(['\n', '&', '<']) {
                return Err(format!("no name of a voice: {name:?}"));
            }
            (Some(name.to_owned()), text)
        }
        None => (None, payload.as_str()),
    };
    let text = unescaped(text)?;
    Ok(Read { start_ms, end_ms, voice, lines: text.split('\n').map(str::to_owned).collect() })
}

/// `HH:MM:SS.mmm`, with two or more digits of hours.
fn timestamp(text: &str) -> Result<u64, String> {
    let wrong = || format!("no timestamp: {text:?}");
    let digits = |part: &str, is_length: &dyn Fn(usize) -> bool| {
        let fits = is_length(part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| part.parse::<u64>().ok()).flatten().ok_or_else(wrong)
    };
    let [hours, minutes, seconds] = text.split(':').collect::<Vec<_>>()[..] else { return Err(wrong()) };
    let (seconds, ms) = seconds.split_once('.').ok_or_else(wrong)?;
    let (hours, minutes) = (digits(hours, &|n| n >= 2)?, digits(minutes, &|n| n == 2)?);
    let (seconds, ms) = (digits(seconds, &|n| n == 2)?, digits(ms, &|n| n == 3)?);
    if minutes > 59 || seconds > 59 {
        return Err(wrong());
    }
    Ok(((hours * 60 + minutes) * 60 + seconds) * 1000 + ms)
}

/// Cue text without tags, with its character references resolved.
fn unescaped(text: &str) -> Result<String, String> {
    let mut read = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&', '>']) {
        read.push_str(&rest[..at]);
        rest = &rest[at..];
        let known = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')];
        let (escape, c) = known.iter().find(|(escape, _)| rest.starts_with(escape)).ok_or("a bare <, > or &")?;
        read.push(*c);
        rest = &rest[escape.len()..];
    }
    Ok(read + rest)
}
