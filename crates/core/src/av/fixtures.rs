//! What ffprobe 5.1 said of tiny clips; `fixtures/record.sh` makes and records them.

use super::Probe;

macro_rules! fixtures {
    ($($name:literal)*) => {
        /// Names and ffprobe's words.
        pub(super) const ALL: &[(&str, &str)] = &[$(($name, include_str!(concat!("fixtures/", $name, ".json"))),)*];
    };
}

fixtures! {
    "anamorphic"
    "chapters"
    "hdr-arib-std-b67"
    "hdr-smpte2084"
    "interlaced-h264"
    "interlaced-mpeg"
    "mono-96k"
    "no-duration"
    "no-sound"
    "odd-size"
    "portrait"
    "rotate-tag"
    "song"
    "song-opus"
    "sound-in-mp4"
    "timecode"
    "two-sounds"
    "upside-down"
    "variable-frame-rate"
}

/// ffprobe's words on one of the clips.
pub(super) fn json(name: &str) -> &'static str {
    ALL.iter().find(|(known, _)| *known == name).expect("a recorded clip").1
}

/// What is read from them.
pub(super) fn probe(name: &str) -> Probe {
    Probe::read(json(name).as_bytes()).expect("every recorded clip can be read")
}
