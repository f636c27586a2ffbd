//! Durations are measured, whatever a file states and whatever its bit rate suggests.

use crate::{Bench, H264, Made, ffmpeg, moving, tone};
use smmu_core::{ErrorCode, WarningCode, av::AvLimits};
use std::{fs, path::Path};

fn probe(made: &Made) -> &smmu_core::av::Probe {
    &made.manifest.av.as_ref().expect("facts").probe
}

/// A clip's bytes.
fn clip(words: &str, extension: &str) -> Vec<u8> {
    fs::read(Bench::with_clip(words, extension).input()).expect("a clip")
}

/// Asserts that the manifest and the audio output both have this duration, within the delays of two encoders.
fn assert_lasts(name: &str, made: &Made, ms: u64) {
    let found = probe(made).duration_ms;
    assert!(found.abs_diff(ms) <= 100, "{name} lasts {found} ms in the manifest");
    let played = ffmpeg::duration_ms(&made.path("audio.m4a"));
    assert!(played.abs_diff(ms) <= 100, "{name} plays {played} ms");
}

/// Ten seconds of near silence, then twenty of noise: the first packets are not representative of the rest.
const QUIET_START: &str =
    "-f lavfi -i aevalsrc=if(lt(t\\,10)\\,0.0001*sin(440*t)\\,random(0)-0.5):duration=30:sample_rate=44100";

#[test]
fn audio_without_an_index_lasts_as_long_as_its_packets() {
    for (codec, extension) in [("-c:a aac", "aac"), ("-c:a libmp3lame -q:a 0 -write_xing 0", "mp3")] {
        let content = clip(&format!("{QUIET_START} {codec}"), extension);
        assert_lasts(extension, &Bench::with_bytes(&content).transcode(), 30_000);
        // The limit does not apply to ffmpeg's guess, which is more than a minute here.
        let limits = AvLimits { max_audio_ms: 31_000, ..AvLimits::default() };
        let made = Bench::with_bytes(&content).transcode_with(&crate::profile(), &limits);
        assert!(made.is_ok(), "{extension}");
        let refusal = Bench::with_bytes(&content).refused_within(&AvLimits { max_audio_ms: 29_000, ..limits });
        assert_eq!(refusal.code, ErrorCode::TooLong, "{extension}: {refusal}");
    }
}

#[test]
fn concatenated_recordings_are_one_recording() {
    for (codec, extension) in
        [("-c:a libmp3lame", "mp3"), ("-c:a libvorbis", "ogg"), ("-c:a libopus", "opus"), ("-c:a aac", "aac")]
    {
        let part = |seconds: f64| clip(&format!("{} {codec}", tone(440, seconds)), extension);
        let made = Bench::with_bytes(&[part(4.0), part(3.0)].concat()).transcode();
        assert_lasts(extension, &made, 7000);
        assert!(!probe(&made).cut_off, "{extension}");
    }
}

#[test]
fn a_recording_whose_times_start_late_starts_at_zero() {
    for extension in ["opus", "mka", "webm"] {
        let words = format!("{} -c:a libopus -output_ts_offset 3600", tone(440, 5.0));
        assert_lasts(extension, &Bench::with_clip(&words, extension).transcode(), 5000);
    }
    for extension in ["mkv", "mp4", "ts"] {
        let words = format!("{} {} {H264} -c:a aac -output_ts_offset 10", moving("160x120", "25", 3), tone(440, 3.0));
        let made = Bench::with_clip(&words, extension).transcode();
        let ms = ffmpeg::duration_ms(&made.path("video.mp4"));
        assert!((2950..=3150).contains(&ms), "{extension}: {ms}");
        assert!((2950..=3100).contains(&probe(&made).duration_ms), "{extension}: {}", probe(&made).duration_ms);
    }
}

/// FLAC as old encoders wrote it with varying block sizes: each block has the number of its first sample, which readers
/// take for the block's number. The audio is the same.
fn numbered_by_samples(flac: &Bench) -> Vec<u8> {
    fn crc(bytes: &[u8], polynomial: u32, bits: u32) -> u32 {
        bytes.iter().fold(0, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte) << (bits - 8), |crc, _| {
                let shifted = crc << 1;
                (if crc >> (bits - 1) & 1 == 1 { shifted ^ polynomial } else { shifted }) & ((1 << bits) - 1)
            })
        })
    }
    let content = fs::read(flac.input()).expect("a clip");
    let report = ffmpeg::probe("-show_entries packet=pos,size,duration", &flac.input());
    let (mut made, mut sample) = (Vec::new(), 0_u32);
    for packet in report["packets"].as_array().expect("packets") {
        let number = |name: &str| packet[name].as_str().and_then(|text| text.parse::<usize>().ok());
        let (at, size) = (number("pos").expect("a place"), number("size").expect("a size"));
        if made.is_empty() {
            made.extend(&content[..at]);
        }
        let frame = &content[at..at + size];
        // The number is encoded like UTF-8 (RFC 9639, 9.1.5); the third byte determines the fields after it.
        let behind = 4 + if frame[4] < 0x80 { 1 } else { 2 };
        let sizes = match frame[2] >> 4 {
            6 => 1,
            7 => 2,
            _ => 0,
        };
        let coded = char::from_u32(sample).map_or_else(Vec::new, |code| code.to_string().into_bytes());
        let mut head = [&frame[..4], &coded, &frame[behind..behind + sizes]].concat();
        head.push(crc(&head, 0x07, 8) as u8);
        let mut whole = [&head, &frame[behind + sizes + 1..size - 2]].concat();
        whole.extend((crc(&whole, 0x8005, 16) as u16).to_be_bytes());
        made.extend(whole);
        sample += packet["duration"].as_u64().expect("samples") as u32;
    }
    made
}

#[test]
fn flac_is_measured_in_samples_whatever_its_times_are() {
    // At most 55,295 samples, so that every number is a valid character.
    let flac = Bench::with_clip("-f lavfi -i anoisesrc=duration=6:sample_rate=8000:amplitude=0.5 -c:a flac", "flac");
    let old = numbered_by_samples(&flac);
    let bench = Bench::with_bytes(&old);
    let report = ffmpeg::probe("-show_entries packet=pts_time", &bench.input());
    let last = report["packets"].as_array().and_then(|packets| packets.last()).expect("packets");
    let seconds: f64 = last["pts_time"].as_str().and_then(|text| text.parse().ok()).expect("a time");
    assert!(seconds > 1000.0, "the times must be wrong: {seconds}");
    let made = bench.transcode();
    assert_lasts("old FLAC", &made, 6000);
    made.assert_valid();
}

#[test]
fn a_truncated_file_is_processed_as_far_as_it_goes_with_a_warning() {
    let both = |codecs: &str| format!("{} {} {codecs}", moving("160x120", "25", 6), tone(440, 6.0));
    let h264 = format!("{H264} -g 25 -c:a aac");
    for (words, extension) in [
        (both(&format!("{h264} -movflags +faststart")), "mp4"),
        (both(&format!("{h264} -movflags +frag_keyframe+empty_moov")), "mp4"),
        (both(&h264), "mkv"),
        (both(&h264), "flv"),
        (both("-c:v mpeg4 -c:a libmp3lame"), "avi"),
        (both("-c:v mpeg2video -g 12 -c:a pcm_s16le -ar 48000"), "mxf"),
        (both("-c:v libvpx -deadline realtime -c:a libopus"), "webm"),
        (both("-c:v wmv2 -c:a wmav2"), "wmv"),
    ] {
        let content = clip(&words, extension);
        let made = Bench::with_bytes(&content[..content.len() * 2 / 3]).transcode();
        let name = format!("{extension} {words}");
        assert!(probe(&made).cut_off, "{name}");
        assert_eq!(made.manifest.warnings.first().map(|warning| warning.code), Some(WarningCode::CutOff), "{name}");
        let ms = ffmpeg::duration_ms(&made.path("video.mp4"));
        assert!((3000..5000).contains(&ms) && ms.abs_diff(probe(&made).duration_ms) < 100, "{name}: {ms}");
        let frames = ffmpeg::frames(&made.path("video.mp4"));
        assert!(frames.abs_diff(ms / 40) <= 3, "{name}: {frames} in {ms} ms");
        made.assert_valid();
        assert!(!probe(&Bench::with_bytes(&content).transcode()).cut_off, "{name} is whole");
    }
    for (codec, extension) in [
        ("-c:a flac", "flac"),
        ("-c:a libmp3lame", "mp3"),
        ("", "wav"),
        ("", "w64"),
        ("", "aiff"),
        ("-c:a pcm_s16le", "caf"),
        ("-c:a wmav2", "wma"),
    ] {
        let content = clip(&format!("-f lavfi -i anoisesrc=duration=6:sample_rate=44100 {codec}"), extension);
        let made = Bench::with_bytes(&content[..content.len() * 2 / 3]).transcode();
        assert!(probe(&made).cut_off, "{extension}");
        assert!((3500..4300).contains(&probe(&made).duration_ms), "{extension}: {}", probe(&made).duration_ms);
        made.assert_valid();
    }
}

#[test]
fn audio_whose_packets_state_no_duration_is_measured() {
    for codec in ["alac", "libopus"] {
        let made = Bench::with_clip(&format!("{} -c:a {codec}", tone(440, 3.0)), "caf").transcode();
        let ms = probe(&made).duration_ms;
        assert!((2980..3120).contains(&ms), "{codec}: {ms}");
        made.assert_valid();
    }
}

#[test]
fn a_fragment_with_an_incomplete_header_is_left_out() {
    let words = format!("{} {H264} -g 25 -movflags +frag_keyframe+empty_moov", moving("160x120", "25", 4));
    let content = clip(&words, "mp4");
    let last = content.windows(4).rposition(|kind| kind == b"moof").expect("fragments") - 4;
    for end in [last + 1, last + 7, last + 8, last + 60] {
        let made = Bench::with_bytes(&content[..end]).transcode();
        assert!(probe(&made).cut_off, "{end}");
        assert!(ffmpeg::frames(&made.path("video.mp4")).abs_diff(75) <= 1, "{end}");
        made.assert_valid();
    }
}

#[test]
fn less_than_a_tenth_of_a_file_is_refused() {
    let words =
        format!("{} {} {H264} -g 25 -c:a aac -movflags +faststart", moving("160x120", "25", 20), tone(440, 20.0));
    let content = clip(&words, "mp4");
    let (_, refusal) = Bench::with_bytes(&content[..content.len() / 12]).refused_late(&AvLimits::default());
    assert_eq!(refusal.code, ErrorCode::CorruptMedia, "{refusal}");
    assert!(refusal.message.contains("of 20.0 seconds are present"), "{refusal}");
}

#[test]
fn one_frame_per_second_is_kept_and_slower_frames_are_repeated() {
    for (rate, shown, frames) in [("5", "5/1", 50), ("1", "1/1", 10), ("1/5", "1/1", 10)] {
        for extension in ["mp4", "mkv"] {
            let words = format!("-f lavfi -i testsrc2=size=160x120:rate={rate}:duration=10 {H264}");
            let made = Bench::with_clip(&words, extension).transcode();
            let video = made.path("video.mp4");
            let report = ffmpeg::probe("-select_streams v -show_entries stream=r_frame_rate", &video);
            assert_eq!(report["streams"][0]["r_frame_rate"], shown, "{rate} in {extension}");
            assert_eq!(ffmpeg::frames(&video), frames, "{rate} in {extension}");
            made.assert_valid();
        }
    }
}

/// Times at which the picture gets brighter or darker, in milliseconds. The file must have a constant frame rate.
fn changes_ms(video: &Path) -> Vec<u64> {
    let levels = ffmpeg::brightness(video);
    let step = ffmpeg::duration_of_picture_ms(video) as f64 / levels.len() as f64;
    let changes = levels.windows(2).enumerate().filter(|(_, pair)| pair[0].abs_diff(pair[1]) > 5);
    changes.map(|(at, _)| ((at + 1) as f64 * step).round() as u64).collect()
}

/// Asserts that every change of brightness is within 40 ms of its time, and the end within 60 ms.
fn assert_shown(name: &str, made: &Made, changes: &[u64], end_ms: u64) {
    let video = made.path("video.mp4");
    let found = changes_ms(&video);
    let near = found.len() == changes.len() && found.iter().zip(changes).all(|(one, other)| one.abs_diff(*other) <= 40);
    assert!(near, "{name}: {found:?}, not {changes:?}");
    for ms in [ffmpeg::duration_of_picture_ms(&video), probe(made).duration_ms] {
        assert!(ms.abs_diff(end_ms) <= 60, "{name} lasts {ms}, not {end_ms}");
    }
    made.assert_valid();
}

#[test]
fn a_canvas_recorded_by_a_browser_at_one_frame_per_second_keeps_its_times() {
    // Chromium 156's MediaRecorder. The MP4 states the duration of each frame, the WebM does not.
    let mp4 = include_bytes!("../../fixtures/slow/chromium.mp4");
    assert_shown("MP4", &Bench::with_bytes(mp4).transcode(), &[1003, 2003, 3003], 3036);
    let webm = include_bytes!("../../fixtures/slow/chromium.webm");
    assert_shown("WebM", &Bench::with_bytes(webm).transcode(), &[43, 1043, 2043, 3043], 3088);
}

#[test]
fn slow_videos_keep_their_times_in_every_container() {
    let blinking = |rate: &str, frames: u32| {
        format!(
            "-f lavfi -i nullsrc=s=64x48:r={rate},geq=lum=if(mod(N\\,2)\\,220\\,30):cb=128:cr=128,trim=end_frame={frames}"
        )
    };
    let fragmented = "-movflags +frag_keyframe+empty_moov";
    for (codecs, extension) in [
        (format!("{H264} -bf 0 -c:a aac"), "mp4"),
        (format!("{H264} -bf 2 -c:a aac"), "mp4"),
        (format!("{H264} -bf 0 -c:a aac {fragmented}"), "mp4"),
        (format!("{H264} -c:a aac"), "mkv"),
        (format!("{H264} -bf 0 -c:a aac"), "flv"),
        ("-c:v libvpx -deadline realtime -c:a libopus".to_owned(), "webm"),
    ] {
        let times = "-fps_mode passthrough -enc_time_base:v 1/1000";
        let words = format!("{} {} {times} {codecs}", tone(440, 4.0), blinking("1", 4));
        let made = Bench::with_clip(&words, extension).transcode();
        assert_shown(&format!("{extension} {codecs}"), &made, &[1000, 2000, 3000], 4000);
    }
}

#[test]
fn slides_last_as_long_as_the_table_of_an_mp4_states() {
    let slides = "-f lavfi -i nullsrc=s=64x48:r=1/20,geq=lum=if(mod(N\\,2)\\,220\\,30):cb=128:cr=128,trim=end_frame=4";
    let made = Bench::with_clip(&format!("{slides} {H264} -bf 0"), "mp4").transcode();
    assert_shown("slides", &made, &[20_000, 40_000, 60_000], 80_000);
}

#[test]
fn a_recording_of_a_screen_that_stays_still_for_minutes_keeps_its_duration() {
    const VP8: &str = "-c:v libvpx -deadline realtime";
    let blinking = "geq=lum=if(mod(N\\,2)\\,220\\,30):cb=128:cr=128";
    let still = |seconds: u32, frames: u32| {
        format!("-f lavfi -i nullsrc=s=64x48:r=1/{seconds}:d={},{blinking} -fps_mode vfr", seconds * frames)
    };
    let fragmented = format!("{H264} -bf 0 -movflags +frag_keyframe+empty_moov");
    for (codec, extension) in [(VP8, "webm"), (H264, "mkv"), (&fragmented, "mp4")] {
        let made = Bench::with_clip(&format!("{} {codec}", still(120, 1)), extension).transcode();
        assert_shown(&format!("one frame in {extension}"), &made, &[], 120_000);
        let made = Bench::with_clip(&format!("{} {codec}", still(30, 3)), extension).transcode();
        assert_shown(&format!("three frames in {extension}"), &made, &[30_000, 60_000], 90_000);
        assert!(made.manifest.warnings.is_empty(), "{extension}: {:?}", made.manifest.warnings);
    }
    // Longer than the longest pause of a file with sound.
    let changes = "select=lt(t\\,0.5)+gt(t\\,698),geq=lum=if(mod(N\\,2)\\,220\\,30):cb=128:cr=128";
    let words = format!("-f lavfi -i nullsrc=s=64x48:r=1:d=700,{changes} -fps_mode vfr");
    for (codec, extension) in [(VP8, "webm"), (H264, "mkv"), (H264, "mp4")] {
        let made = Bench::with_clip(&format!("{words} {codec}"), extension).transcode();
        assert_shown(&format!("two frames in {extension}"), &made, &[699_000], 700_000);
        assert!(made.manifest.warnings.is_empty(), "{extension}: {:?}", made.manifest.warnings);
    }
}

#[test]
fn a_frame_duration_of_one_clock_tick_loses_no_frame() {
    let mut content = clip(&format!("{} {H264}", moving("160x120", "30", 1)), "mkv");
    // Sets Matroska's DefaultDuration, in nanoseconds, to one tick of the clock.
    let at = content.windows(4).position(|bytes| bytes == [0x23, 0xe3, 0x83, 0x84]).expect("a duration") + 4;
    content[at..at + 4].copy_from_slice(&1_000_000_u32.to_be_bytes());
    let made = Bench::with_bytes(&content).transcode();
    assert_eq!(ffmpeg::frames(&made.path("video.mp4")), 30);
    made.assert_valid();
}

#[test]
fn frames_of_one_clock_tick_each_are_a_still() {
    let ticks = "-vf settb=1/90000,setpts=N -fps_mode passthrough -enc_time_base 1/90000 -video_track_timescale 90000";
    for frames in [1, 60] {
        let words = format!("{} -frames:v {frames} {ticks} {H264}", moving("160x120", "30", 2));
        let made = Bench::with_clip(&words, "mp4").transcode();
        assert!(ffmpeg::frames(&made.path("video.mp4")) <= 2, "{frames}");
        assert_eq!(made.size("poster.jpg"), (160, 120));
        made.assert_valid();
    }
}
