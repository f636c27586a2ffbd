//! How long a file plays is measured, whatever it says of itself or a bit rate makes one guess.

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

/// The manifest and the file that is listened to both last so long, give or take the delays of two encoders.
fn assert_lasts(name: &str, made: &Made, ms: u64) {
    let found = probe(made).duration_ms;
    assert!(found.abs_diff(ms) <= 100, "{name} lasts {found} ms in the manifest");
    let played = ffmpeg::duration_ms(&made.path("audio.m4a"));
    assert!(played.abs_diff(ms) <= 100, "{name} plays {played} ms");
}

/// Ten seconds of nearly nothing, then twenty of noise: the first packets say little of the rest.
const QUIET_START: &str =
    "-f lavfi -i aevalsrc=if(lt(t\\,10)\\,0.0001*sin(440*t)\\,random(0)-0.5):duration=30:sample_rate=44100";

#[test]
fn a_sound_without_an_index_lasts_as_long_as_its_packets() {
    for (codec, extension) in [("-c:a aac", "aac"), ("-c:a libmp3lame -q:a 0 -write_xing 0", "mp3")] {
        let content = clip(&format!("{QUIET_START} {codec}"), extension);
        assert_lasts(extension, &Bench::with_bytes(&content).transcode(), 30_000);
        // No limit acts on what ffmpeg guesses, which is above a minute here.
        let limits = AvLimits { max_audio_ms: 31_000, ..AvLimits::default() };
        let made = Bench::with_bytes(&content).transcode_with(&crate::profile(), &limits);
        assert!(made.is_ok(), "{extension}");
        let refusal = Bench::with_bytes(&content).refused_within(&AvLimits { max_audio_ms: 29_000, ..limits });
        assert_eq!(refusal.code, ErrorCode::TooLong, "{extension}: {refusal}");
    }
}

#[test]
fn recordings_one_behind_the_other_are_one() {
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
fn a_recording_cut_out_of_a_longer_one_begins_with_itself() {
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

/// FLAC as old encoders wrote blocks of varying size: each numbered by its first sample, which readers take for its
/// place among blocks. The sound is the same.
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
        // The number is written as UTF-8 would be (RFC 9639, 9.1.5); what follows depends on the third byte.
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
fn flac_is_counted_in_samples_whatever_its_times_say() {
    // 55,295 samples at most have the number of a character.
    let flac = Bench::with_clip("-f lavfi -i anoisesrc=duration=6:sample_rate=8000:amplitude=0.5 -c:a flac", "flac");
    let old = numbered_by_samples(&flac);
    let bench = Bench::with_bytes(&old);
    let report = ffmpeg::probe("-show_entries packet=pts_time", &bench.input());
    let last = report["packets"].as_array().and_then(|packets| packets.last()).expect("packets");
    let seconds: f64 = last["pts_time"].as_str().and_then(|text| text.parse().ok()).expect("a time");
    assert!(seconds > 1000.0, "times have to be nonsense: {seconds}");
    let made = bench.transcode();
    assert_lasts("old FLAC", &made, 6000);
    made.assert_sound();
}

#[test]
fn what_is_there_of_a_file_cut_off_is_made_and_it_says_so() {
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
        made.assert_sound();
        assert!(!probe(&Bench::with_bytes(&content).transcode()).cut_off, "{name} is whole");
    }
    for (codec, extension) in [("-c:a flac", "flac"), ("-c:a libmp3lame", "mp3"), ("", "wav"), ("", "aiff")] {
        let content = clip(&format!("-f lavfi -i anoisesrc=duration=6:sample_rate=44100 {codec}"), extension);
        let made = Bench::with_bytes(&content[..content.len() * 2 / 3]).transcode();
        assert!(probe(&made).cut_off, "{extension}");
        assert!((3500..4300).contains(&probe(&made).duration_ms), "{extension}: {}", probe(&made).duration_ms);
        made.assert_sound();
    }
}

#[test]
fn sound_whose_packets_do_not_say_how_long_they_last_is_measured() {
    for codec in ["alac", "libopus"] {
        let made = Bench::with_clip(&format!("{} -c:a {codec}", tone(440, 3.0)), "caf").transcode();
        let ms = probe(&made).duration_ms;
        assert!((2980..3120).contains(&ms), "{codec}: {ms}");
        made.assert_sound();
    }
}

#[test]
fn a_fragment_without_its_header_is_left_out_wherever_the_cut_is() {
    let words = format!("{} {H264} -g 25 -movflags +frag_keyframe+empty_moov", moving("160x120", "25", 4));
    let content = clip(&words, "mp4");
    let last = content.windows(4).rposition(|kind| kind == b"moof").expect("fragments") - 4;
    for end in [last + 1, last + 7, last + 8, last + 60] {
        let made = Bench::with_bytes(&content[..end]).transcode();
        assert!(probe(&made).cut_off, "{end}");
        assert!(ffmpeg::frames(&made.path("video.mp4")).abs_diff(75) <= 1, "{end}");
        made.assert_sound();
    }
}

#[test]
fn less_than_a_tenth_is_refused() {
    let words =
        format!("{} {} {H264} -g 25 -c:a aac -movflags +faststart", moving("160x120", "25", 20), tone(440, 20.0));
    let content = clip(&words, "mp4");
    let (_, refusal) = Bench::with_bytes(&content[..content.len() / 12]).refused_late(&AvLimits::default());
    assert_eq!(refusal.code, ErrorCode::CorruptMedia, "{refusal}");
    assert!(refusal.message.contains("of 20.0 seconds are there"), "{refusal}");
}

#[test]
fn a_frame_a_second_stays_one_and_slower_ones_are_repeated() {
    for (rate, shown, frames) in [("5", "5/1", 50), ("1", "1/1", 10), ("1/5", "1/1", 10)] {
        for extension in ["mp4", "mkv"] {
            let words = format!("-f lavfi -i testsrc2=size=160x120:rate={rate}:duration=10 {H264}");
            let made = Bench::with_clip(&words, extension).transcode();
            let video = made.path("video.mp4");
            let report = ffmpeg::probe("-select_streams v -show_entries stream=r_frame_rate", &video);
            assert_eq!(report["streams"][0]["r_frame_rate"], shown, "{rate} in {extension}");
            assert_eq!(ffmpeg::frames(&video), frames, "{rate} in {extension}");
            made.assert_sound();
        }
    }
}

/// When the picture of a file of constant rate gets brighter or darker, in milliseconds.
fn changes_ms(video: &Path) -> Vec<u64> {
    let levels = ffmpeg::brightness(video);
    let step = ffmpeg::duration_of_picture_ms(video) as f64 / levels.len() as f64;
    let changes = levels.windows(2).enumerate().filter(|(_, pair)| pair[0].abs_diff(pair[1]) > 5);
    changes.map(|(at, _)| ((at + 1) as f64 * step).round() as u64).collect()
}

/// Every change is there within 40 ms, and so is the end.
fn assert_shown(name: &str, made: &Made, changes: &[u64], end_ms: u64) {
    let video = made.path("video.mp4");
    let found = changes_ms(&video);
    let near = found.len() == changes.len() && found.iter().zip(changes).all(|(one, other)| one.abs_diff(*other) <= 40);
    assert!(near, "{name}: {found:?}, not {changes:?}");
    for ms in [ffmpeg::duration_of_picture_ms(&video), probe(made).duration_ms] {
        assert!(ms.abs_diff(end_ms) <= 60, "{name} lasts {ms}, not {end_ms}");
    }
    made.assert_sound();
}

#[test]
fn a_canvas_that_a_browser_records_once_a_second_keeps_its_times() {
    // Chromium 156's MediaRecorder. The MP4 says how long each frame stays, the WebM does not.
    let mp4 = include_bytes!("../../fixtures/slow/chromium.mp4");
    assert_shown("MP4", &Bench::with_bytes(mp4).transcode(), &[1003, 2003, 3003], 3036);
    let webm = include_bytes!("../../fixtures/slow/chromium.webm");
    assert_shown("WebM", &Bench::with_bytes(webm).transcode(), &[43, 1043, 2043, 3043], 3088);
}

#[test]
fn slow_pictures_keep_their_times_whatever_the_container_says_of_them() {
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
fn a_slide_stays_as_long_as_the_table_of_an_mp4_says() {
    let slides = "-f lavfi -i nullsrc=s=64x48:r=1/20,geq=lum=if(mod(N\\,2)\\,220\\,30):cb=128:cr=128,trim=end_frame=4";
    let made = Bench::with_clip(&format!("{slides} {H264} -bf 0"), "mp4").transcode();
    assert_shown("slides", &made, &[20_000, 40_000, 60_000], 80_000);
}

#[test]
fn a_clock_of_milliseconds_loses_no_frame() {
    let mut content = clip(&format!("{} {H264}", moving("160x120", "30", 1)), "mkv");
    // Matroska's DefaultDuration, in nanoseconds: what a frame lasts by it is a tick of the clock.
    let at = content.windows(4).position(|bytes| bytes == [0x23, 0xe3, 0x83, 0x84]).expect("a duration") + 4;
    content[at..at + 4].copy_from_slice(&1_000_000_u32.to_be_bytes());
    let made = Bench::with_bytes(&content).transcode();
    assert_eq!(ffmpeg::frames(&made.path("video.mp4")), 30);
    made.assert_sound();
}

#[test]
fn frames_that_have_one_tick_each_are_a_still() {
    let ticks = "-vf settb=1/90000,setpts=N -fps_mode passthrough -enc_time_base 1/90000 -video_track_timescale 90000";
    for frames in [1, 60] {
        let words = format!("{} -frames:v {frames} {ticks} {H264}", moving("160x120", "30", 2));
        let made = Bench::with_clip(&words, "mp4").transcode();
        assert!(ffmpeg::frames(&made.path("video.mp4")) <= 2, "{frames}");
        assert_eq!(made.size("poster.jpg"), (160, 120));
        made.assert_sound();
    }
}
