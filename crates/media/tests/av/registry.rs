//! Checks the registry of formats for video and audio against the actual behaviour.

use crate::{Bench, moving, profile, tone};
use smmu_core::{
    MediaKind,
    av::AvLimits,
    detect,
    formats::{self, Decoder, FormatEntry},
};
use std::{collections::BTreeSet, fs};

/// The registry entry of a file's detected format.
fn entry(content: &[u8]) -> &'static FormatEntry {
    let found = detect(&content[..content.len().min(detect::HEAD_BYTES)]).expect("a format");
    formats::of_media_type(found.content_type).expect("a listed media type").format
}

/// A clip of one second in each format.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let both = |codecs: &str| format!("{} {} -shortest {codecs}", moving("64x48", "25", 1), tone(440, 1.0));
    let silent = |size: &str, codec: &str| format!("{} {codec}", moving(size, "25", 1));
    let sound = |codec: &str| format!("{} {codec}", tone(440, 1.0));
    let h264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac";
    let clips = [
        ("mp4", both(h264)),
        ("mov", both(h264)),
        ("3gp", both(h264)),
        ("webm", both("-c:v libvpx -deadline realtime -c:a libopus")),
        ("mkv", both("-c:v mpeg4 -c:a flac")),
        ("avi", both("-c:v mpeg4 -c:a libmp3lame")),
        ("mpg", both("-c:v mpeg2video -c:a mp2")),
        ("ts", both(h264)),
        ("ogg", sound("-c:a libvorbis")),
        ("flv", both(h264)),
        ("wmv", both("-c:v wmv2 -c:a wmav2")),
        ("mxf", silent("64x48", "-c:v mpeg2video")),
        ("dv", silent("720x576", "-pix_fmt yuv420p -c:v dvvideo")),
        ("ivf", silent("64x48", "-c:v libvpx -deadline realtime")),
        ("mp3", sound("-c:a libmp3lame")),
        ("aac", sound("-c:a aac")),
        ("wav", sound("")),
        ("w64", sound("")),
        ("flac", sound("-c:a flac")),
        ("aiff", sound("")),
        ("caf", sound("-c:a pcm_s16be")),
        ("ac3", sound("-c:a ac3")),
        ("dts", sound("-ar 48000 -ac 2 -c:a dca -strict -2")),
        ("au", sound("")),
        ("wv", sound("-c:a wavpack")),
        ("tta", sound("-c:a tta")),
    ];
    let made = clips.into_iter().map(|(extension, clip)| {
        let content = fs::read(Bench::with_clip(&clip, extension).input()).expect("a clip");
        (extension, content)
    });
    // Frames of 12.2 kb/s, all zeros, 20 ms each (RFC 4867, section 5).
    let frame = [&[0x3C][..], &[0; 31]].concat();
    let amr = [b"#!AMR\n", &frame.repeat(50)[..]].concat();
    // Silent frames of 20 ms each (RFC 3551, 4.5.8.1).
    let gsm = [&[0xD8, 0x20, 0xA2, 0xE1, 0x5A][..], &[0; 28]].concat().repeat(50);
    // 1,024 bytes of text, then 16-bit samples.
    let text = "NIST_1A\n   1024\nsample_count -i 8000\nsample_n_bytes -i 2\nchannel_count -i 1\nsample_byte_format -s2 01\n\
        sample_rate -i 8000\nsample_coding -s3 pcm\nend_head\n";
    let sample = |at: u32| ((f64::from(at) * 0.3).sin() * 9000.0) as i16;
    let samples = (0..8000).flat_map(|at| sample(at).to_le_bytes());
    let sphere = text.bytes().chain([b' '].repeat(1024 - text.len())).chain(samples).collect();
    made.chain([("amr", amr), ("gsm", gsm), ("sph", sphere)]).collect()
}

#[test]
fn every_format_that_the_registry_assigns_to_ffmpeg_is_decoded() {
    let mut made = BTreeSet::new();
    for (name, content) in samples() {
        let entry = entry(&content);
        assert_eq!(entry.decoder, Decoder::Ffmpeg, "{name}");
        if let Err((_, error)) = Bench::with_bytes(&content).transcode_with(&profile(), &AvLimits::default()) {
            panic!("{name}, which is {}: {error}", entry.name);
        }
        made.insert(entry.name);
    }
    for kind in [MediaKind::Video, MediaKind::Audio] {
        for entry in formats::of_kind(kind, true) {
            assert!(made.contains(entry.name), "{} is registered as decoded but has no sample", entry.name);
        }
    }
}
