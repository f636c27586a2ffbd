//! Captions beside a video: a playlist of their own, and their place in the master playlist.

use std::fmt::Write as _;

/// Captions, as a player offers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubtitleRendition {
    /// Their media playlist.
    pub playlist: String,
    /// What a player's menu calls them, such as the name of the language.
    pub name: String,
    /// Their language (BCP 47).
    pub language: String,
}

/// The group of the only captions.
const GROUP: &str = "subs";

const MEDIA: &str = "#EXT-X-MEDIA:";
const VARIANT: &str = "#EXT-X-STREAM-INF:";

/// The playlist of captions that lie in one `WebVTT` file, which is one segment as long as the media: text is
/// small, and cues are searched by their times, not by segments (RFC 8216, 3.5 and 4.3).
#[must_use]
pub fn subtitle_playlist(file: &str, duration_ms: u64) -> String {
    // Never 0, since a segment lasts some time; EXTINF, rounded, is never above the target (4.3.3.1).
    let duration_ms = duration_ms.max(1);
    let target = duration_ms.div_ceil(1000);
    let (seconds, ms) = (duration_ms / 1000, duration_ms % 1000);
    format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:{seconds}.{ms:03},\n{file}\n#EXT-X-ENDLIST\n"
    )
}

/// A master playlist of ours with these captions for every rung. They are offered, and chosen where the viewer's
/// settings ask for captions, but never forced on anybody: a machine wrote them. A playlist that has
/// captions gets these instead.
#[must_use]
pub fn master_with_subtitles(master: &str, subtitles: &SubtitleRendition) -> String {
    let tag = media_tag(subtitles);
    let mut text = String::with_capacity(master.len() + tag.len());
    let mut is_listed = false;
    for line in master.lines().filter(|line| !is_subtitles(line)) {
        if line.starts_with(VARIANT) {
            if !std::mem::replace(&mut is_listed, true) {
                text.push_str(&tag);
            }
            let group = format!(",SUBTITLES=\"{GROUP}\"");
            let line = line.strip_suffix(&group).unwrap_or(line);
            writeln!(text, "{line}{group}").expect("a String takes everything");
        } else {
            writeln!(text, "{line}").expect("a String takes everything");
        }
    }
    text
}

fn is_subtitles(line: &str) -> bool {
    line.strip_prefix(MEDIA).is_some_and(|attributes| attributes.starts_with("TYPE=SUBTITLES,"))
}

/// The characteristics are those of captions for whoever cannot hear (RFC 8216, 4.3.4.1).
fn media_tag(subtitles: &SubtitleRendition) -> String {
    let SubtitleRendition { playlist, name, language } = subtitles;
    let (name, language) = (quoted(name), quoted(language));
    format!(
        "{MEDIA}TYPE=SUBTITLES,GROUP-ID=\"{GROUP}\",NAME=\"{name}\",LANGUAGE=\"{language}\",\
         DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog\",\
         URI=\"{playlist}\"\n"
    )
}

/// What a quoted string can hold: everything but quotes and line ends (RFC 8216, 4.2).
fn quoted(text: &str) -> String {
    text.chars().filter(|&c| c != '"' && !c.is_control()).collect()
}
