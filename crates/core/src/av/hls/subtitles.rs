//! Captions of a video: their own playlist, and their entry in the master playlist.

use std::fmt::Write as _;

/// Captions, as listed for players.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubtitleRendition {
    /// File name of their media playlist.
    pub playlist: String,
    /// Label in a player's menu, such as the name of the language.
    pub name: String,
    /// Language tag (BCP 47).
    pub language: String,
}

/// `GROUP-ID` of the captions.
const GROUP: &str = "subs";

const MEDIA: &str = "#EXT-X-MEDIA:";
const VARIANT: &str = "#EXT-X-STREAM-INF:";

/// The playlist of captions in one `WebVTT` file, as a single segment as long as the media: text is small, and players
/// find cues by time, not by segment (RFC 8216, 3.5 and 4.3).
#[must_use]
pub fn subtitle_playlist(file: &str, duration_ms: u64) -> String {
    // Segments need a duration above 0; EXTINF, rounded, is never above the target (4.3.3.1).
    let duration_ms = duration_ms.max(1);
    let target = duration_ms.div_ceil(1000);
    let (seconds, ms) = (duration_ms / 1000, duration_ms % 1000);
    format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:{seconds}.{ms:03},\n{file}\n#EXT-X-ENDLIST\n"
    )
}

/// Adds these captions to every rung of one of our master playlists. Players offer them, and select them if the
/// viewer's settings ask for captions, but they are never forced: a machine wrote them. Existing captions are replaced.
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
            writeln!(text, "{line}{group}").expect("writing to a String cannot fail");
        } else {
            writeln!(text, "{line}").expect("writing to a String cannot fail");
        }
    }
    text
}

fn is_subtitles(line: &str) -> bool {
    line.strip_prefix(MEDIA).is_some_and(|attributes| attributes.starts_with("TYPE=SUBTITLES,"))
}

/// The characteristics are those of captions for deaf viewers (RFC 8216, 4.3.4.1).
fn media_tag(subtitles: &SubtitleRendition) -> String {
    let SubtitleRendition { playlist, name, language } = subtitles;
    let (name, language) = (quoted(name), quoted(language));
    format!(
        "{MEDIA}TYPE=SUBTITLES,GROUP-ID=\"{GROUP}\",NAME=\"{name}\",LANGUAGE=\"{language}\",\
         DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog\",\
         URI=\"{playlist}\"\n"
    )
}

/// Removes what a quoted string must not contain: quotes and control characters (RFC 8216, 4.2).
fn quoted(text: &str) -> String {
    text.chars().filter(|&c| c != '"' && !c.is_control()).collect()
}
