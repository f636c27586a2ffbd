//! Output of ffprobe 5.1 for tiny clips; `fixtures/record.sh` makes and records them.

use super::Probe;

macro_rules! fixtures {
    ($($name:literal)*) => {
        /// Names of the clips, each with ffprobe's output.
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

/// ffprobe's output for one clip.
pub(super) fn json(name: &str) -> &'static str {
    ALL.iter().find(|(known, _)| *known == name).expect("a recorded clip").1
}

/// The probe parsed from it.
pub(crate) fn probe(name: &str) -> Probe {
    Probe::read(json(name).as_bytes()).expect("every recorded clip can be read")
}
