//! Checks every playlist that we make against the rules of HLS, each cited by section. The tests parse playlists
//! by their tags only, and measure the stated values in the files independently of the product's code.
//!
//! Sections are those of RFC 8216. "Apple" is the HLS Authoring Specification for Apple Devices, cited by heading.

use crate::{Bench, H264, Made, ffmpeg, moving, profile, tone};
use smmu_core::av::{Av1Profile, AvProfile};
use std::{collections::HashMap, fs, ops::Range, path::Path};

/// A playlist as text, read by its tags.
struct Playlist {
    text: String,
}

impl Playlist {
    fn of(made: &Made, name: &str) -> Self {
        Self { text: made.text(name) }
    }

    /// The values of a tag, in order.
    fn values(&self, tag: &str) -> Vec<&str> {
        self.text.lines().filter_map(|line| line.strip_prefix(tag)?.strip_prefix(':')).collect()
    }

    fn value(&self, tag: &str) -> &str {
        let [value] = self.values(tag)[..] else { panic!("expected one {tag}: {}", self.text) };
        value
    }

    fn has(&self, tag: &str) -> bool {
        self.text.lines().any(|line| line == tag)
    }

    fn durations(&self) -> Vec<f64> {
        self.values("#EXTINF").iter().map(|value| value.trim_end_matches(',').parse().expect("seconds")).collect()
    }

    /// End time of each segment, in seconds.
    fn ends(&self) -> Vec<f64> {
        let ends = self.durations().into_iter().scan(0.0, |end, duration| {
            *end += duration;
            Some(*end)
        });
        ends.collect()
    }

    fn ranges(&self) -> Vec<Range<usize>> {
        self.values("#EXT-X-BYTERANGE").into_iter().map(range).collect()
    }

    fn target(&self) -> f64 {
        self.value("#EXT-X-TARGETDURATION").parse().expect("whole seconds")
    }

    /// The only file of its segments.
    fn file(&self) -> &str {
        let mut uris: Vec<&str> = self.text.lines().filter(|line| !line.starts_with('#')).collect();
        uris.dedup();
        let [uri] = uris[..] else { panic!("expected one file: {uris:?}") };
        uri
    }

    /// The highest bit rate of contiguous segments that last half to one and a half target durations (RFC 8216, 4.1).
    fn peak(&self) -> f64 {
        let segments: Vec<_> = self.durations().into_iter().zip(self.ranges()).collect();
        let mut peak: f64 = 0.0;
        for first in 0..segments.len() {
            for end in first + 1..=segments.len() {
                let together = &segments[first..end];
                let seconds: f64 = together.iter().map(|(seconds, _)| seconds).sum();
                let bytes: usize = together.iter().map(|(_, range)| range.len()).sum();
                if (self.target() * 0.5..=self.target() * 1.5).contains(&seconds) {
                    peak = peak.max(bytes as f64 * 8.0 / seconds);
                }
            }
        }
        peak
    }
}

/// `length@offset` (RFC 8216, 4.3.2.2).
fn range(text: &str) -> Range<usize> {
    let (length, offset) = text.split_once('@').expect("an offset");
    let [length, offset] = [length, offset].map(|number| number.parse::<usize>().expect("a number"));
    offset..offset + length
}

/// The attributes of a tag (RFC 8216, 4.2), without quotes.
fn attributes(value: &str) -> HashMap<&str, &str> {
    let mut rest = value;
    let mut found = HashMap::new();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').expect("a closing quote"),
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        assert!(found.insert(name, value).is_none(), "{name} is given twice");
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    found
}

fn number(attributes: &HashMap<&str, &str>, name: &str) -> f64 {
    attributes[name].parse().unwrap_or_else(|_| panic!("{name} is not a number: {attributes:?}"))
}

/// Rules for every media playlist of byte ranges.
fn assert_media_playlist(made: &Made, playlist: &Playlist) {
    let text = &playlist.text;
    assert!(text.starts_with("#EXTM3U\n"), "4.3.1.1: {text}");
    assert!(playlist.value("#EXT-X-VERSION").parse::<u32>().expect("a version") >= 6, "7, of EXT-X-MAP");
    assert_eq!(playlist.value("#EXT-X-PLAYLIST-TYPE"), "VOD", "4.3.3.5");
    assert!(text.ends_with("#EXT-X-ENDLIST\n"), "4.3.3.4, and nothing after it is needed");
    assert!(
        playlist.durations().iter().all(|duration| *duration > 0.0 && duration.round() <= playlist.target()),
        "4.3.3.1"
    );
    let content = fs::read(made.path(playlist.file())).expect("segments");
    let map = attributes(playlist.value("#EXT-X-MAP"));
    assert_eq!(map["URI"], playlist.file(), "4.3.2.5: one header, in the same file");
    assert!(text.find("#EXT-X-MAP") < text.find("#EXTINF"), "4.3.2.5: it applies to the segments after it");
    let header = range(map["BYTERANGE"]);
    let mut end = header.end;
    assert_eq!((header.start, &content[4..8]), (0, &b"ftyp"[..]), "3.3: a file type and a movie box");
    for range in playlist.ranges() {
        assert!(range.start >= end && range.end <= content.len(), "4.3.2.2: in order, and inside the file");
        assert_eq!(&content[range.start + 4..range.start + 8], b"moof", "3.3: a fragment");
        end = range.end;
    }
}

/// Number of frames that a segment decodes to, with only its header before it.
fn frames_of(made: &Made, playlist: &Playlist, range: &Range<usize>) -> u64 {
    let content = fs::read(made.path(playlist.file())).expect("segments");
    let header = self::range(attributes(playlist.value("#EXT-X-MAP"))["BYTERANGE"]);
    let part = made.bench.path("part.mp4");
    fs::write(&part, [&content[header], &content[range.clone()]].concat()).expect("written");
    ffmpeg::frames(&part)
}

/// Rules for the keyframe playlist of a rung.
fn assert_keyframes(made: &Made, rung: &Playlist, tag: &HashMap<&str, &str>) {
    let playlist = Playlist::of(made, tag["URI"]);
    assert_media_playlist(made, &playlist);
    assert!(playlist.has("#EXT-X-I-FRAMES-ONLY"), "4.3.3.6");
    assert_eq!(playlist.file(), rung.file());
    assert_eq!(playlist.durations(), rung.durations(), "4.3.3.6: from one I-frame to the next");
    for (key, segment) in playlist.ranges().iter().zip(rung.ranges()) {
        assert_eq!(key.start, segment.start);
        assert_eq!(frames_of(made, &playlist, key), 1, "4.3.3.6: one I-frame");
    }
    assert!(number(tag, "BANDWIDTH") >= playlist.peak(), "4.3.4.2");
    for name in ["FRAME-RATE", "AUDIO", "SUBTITLES", "CLOSED-CAPTIONS"] {
        assert!(!tag.contains_key(name), "4.3.4.3: {name} is not for I-frames");
    }
}

/// The codec string of a track file: from the bytes of `avcC`, or only its prefix for AV1.
fn codec_of(path: &Path) -> String {
    let content = fs::read(path).expect("segments");
    let Some(at) = content.windows(4).position(|window| window == b"avcC") else { return "av01.0.".to_owned() };
    content[at + 5..at + 8].iter().fold("avc1.".to_owned(), |codec, byte| format!("{codec}{byte:02X}"))
}

fn assert_variant(made: &Made, line: &str, playlist: &Playlist, audio: Option<&Playlist>) {
    let attributes = attributes(line);
    assert_media_playlist(made, playlist);
    assert!(playlist.has("#EXT-X-INDEPENDENT-SEGMENTS"));
    let path = made.path(playlist.file());
    assert_eq!(ffmpeg::keyframes_ms(&path).len(), playlist.ranges().len(), "4.3.5.1: each segment is independent");
    for range in playlist.ranges() {
        assert!(frames_of(made, playlist, &range) > 0, "4.3.5.1: each segment is independent");
    }
    let (audio_peak, audio_codec) = audio.map_or((0.0, ""), |audio| (audio.peak(), ",mp4a.40.2"));
    let (stated, measured) = (number(&attributes, "BANDWIDTH"), playlist.peak() + audio_peak);
    assert!(stated >= measured, "4.3.4.2: states {stated}, measured {measured}");
    assert!(stated <= measured * 1.1 + 2.0, "Apple, Multivariant playlist: within a tenth of the measured value");
    assert!(number(&attributes, "AVERAGE-BANDWIDTH") <= stated, "4.3.4.2");
    let codecs = attributes["CODECS"];
    assert!(codecs.starts_with(&codec_of(&path)) && codecs.ends_with(audio_codec), "4.3.4.2: {codecs}");
    let stream =
        &ffmpeg::probe("-select_streams v -show_entries stream=width,height,r_frame_rate", &path)["streams"][0];
    assert_eq!(attributes["RESOLUTION"], format!("{}x{}", stream["width"], stream["height"]), "4.3.4.2");
    let (frames, seconds) = stream["r_frame_rate"].as_str().and_then(|rate| rate.split_once('/')).expect("a rate");
    let [frames, seconds] = [frames, seconds].map(|number| number.parse::<f64>().expect("a number"));
    assert_eq!(attributes["FRAME-RATE"], format!("{:.3}", frames / seconds), "4.3.4.2");
    assert_eq!(attributes.get("AUDIO").copied(), audio.map(|_| "audio"), "4.3.4.2.1");
}

/// Checks all rules on the outputs of one clip.
fn assert_conforms(made: &Made) {
    let master = Playlist::of(made, "master.m3u8");
    assert!(master.text.starts_with("#EXTM3U\n"), "4.3.1.1");
    assert!(!master.text.contains("#EXTINF"), "4.1: a playlist of playlists or of segments, not both");
    let audio = master.values("#EXT-X-MEDIA").into_iter().find(|value| value.starts_with("TYPE=AUDIO"));
    let audio = audio.map(|value| Playlist::of(made, attributes(value)["URI"]));
    let uris: Vec<&str> = master.text.lines().filter(|line| !line.starts_with('#')).collect();
    let variants: Vec<_> = uris.iter().map(|uri| Playlist::of(made, uri)).collect();
    let lines = master.values("#EXT-X-STREAM-INF");
    assert_eq!(lines.len(), variants.len());
    for (line, playlist) in lines.iter().zip(&variants) {
        assert_variant(made, line, playlist, audio.as_ref());
    }
    let mut keyframes: HashMap<String, _> = HashMap::new();
    for value in master.values("#EXT-X-I-FRAME-STREAM-INF") {
        let tag = attributes(value);
        keyframes.insert(Playlist::of(made, tag["URI"]).file().to_owned(), tag);
    }
    for variant in &variants {
        let tag = keyframes.get(variant.file()).expect("Apple, Trick play: keyframes of every rung");
        assert_keyframes(made, variant, tag);
    }
    let longest = variants.iter().chain(&audio).map(Playlist::target).fold(0.0, f64::max);
    for playlist in variants.iter().chain(&audio) {
        assert!((playlist.target() - longest).abs() < 0.5, "6.2.4: the same target duration");
    }
    assert_in_step(&variants, audio.as_ref());
    if let Some(audio) = &audio {
        assert_media_playlist(made, audio);
    }
}

/// 6.2.4: all variants have the same content at the same time, and their segments end together. AV1 segments end where
/// some H.264 segments do; audio segments end within half an audio fragment of the picture's.
fn assert_in_step(variants: &[Playlist], audio: Option<&Playlist>) {
    let near = |ends: &[f64], end: f64, by: f64| ends.iter().any(|other| (other - end).abs() <= by);
    let finest = variants.iter().max_by_key(|variant| variant.durations().len()).expect("a rung").ends();
    for variant in variants {
        assert!(variant.ends().iter().all(|&end| near(&finest, end, 0.001)), "{:?}", variant.ends());
        assert!(variant.file().contains("av1") || variant.ends().len() == finest.len());
    }
    let ends = audio.map(Playlist::ends).unwrap_or_default();
    let picture = finest.last().copied().unwrap_or_default();
    let mut inner = ends.iter().take_while(|&&end| end < picture);
    assert!(inner.all(|&end| near(&finest, end, 0.26)), "{ends:?} and {finest:?}");
}

/// A clip of 14 s: three segments of two seconds, one of six, and a short one.
fn clip(rate: &str) -> String {
    moving("320x240", rate, 14)
}

#[test]
fn playlists_of_a_video_with_sound_conform() {
    let clip = format!("{} {} {H264} -c:a aac -ac 2", clip("30000/1001"), tone(440, 14.0));
    let made = Bench::with_clip(&clip, "mp4").transcode();
    assert_conforms(&made);
    let ends = Playlist::of(&made, "video-240p.m3u8").ends();
    assert_eq!(
        ends.iter().map(|end| (end * 1000.0).round()).collect::<Vec<_>>(),
        [2002.0, 4004.0, 6006.0, 12012.0, 14014.0]
    );
}

#[test]
fn playlists_of_a_video_without_sound_conform() {
    assert_conforms(&Bench::with_clip(&format!("{} {H264}", clip("25")), "mp4").transcode());
}

#[test]
fn playlists_of_sound_that_outlasts_the_picture_conform() {
    let clip = format!("{} {} {H264} -c:a aac", moving("320x240", "24", 5), tone(440, 15.0));
    assert_conforms(&Bench::with_clip(&clip, "mp4").transcode());
}

#[test]
fn playlists_with_av1_conform() {
    let av1: Av1Profile = serde_json::from_value(serde_json::json!({ "preset": 12, "crf": 50 })).expect("in range");
    let clip = format!("{} {} {H264} -c:a aac", clip("25"), tone(440, 14.0));
    assert_conforms(&Bench::with_clip(&clip, "mp4").transcode_as(&AvProfile { av1: Some(av1), ..profile() }));
}
