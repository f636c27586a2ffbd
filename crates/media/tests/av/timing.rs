//! Picture and audio keep their times over a whole file: test clips of twenty seconds flash and beep every two seconds.

use crate::{Bench, H264, Made, ffmpeg};
use smmu_core::speech::Channels;
use std::{fs, time::Duration};

/// Black, with white flashes of a fifth of a second at every odd second.
const FLASHES: &str = "-f lavfi -i color=black:size=160x120:rate=30:duration=20,\
                       drawbox=color=white:t=fill:enable=lt(mod(t+1\\,2)\\,0.2)";

/// Silence, with tones of a tenth of a second at every odd second.
const TONES: &str =
    "-f lavfi -i aevalsrc=if(lt(mod(t+1\\,2)\\,0.1)\\,0.8*sin(2*PI*1000*t)\\,0):sample_rate=48000:duration=20";

/// Odd seconds in a range, in milliseconds, minus the part that is cut away before.
fn odd_s(from: u64, to: u64, cut_ms: u64) -> Vec<u64> {
    (from..=to).step_by(2).map(|second| second * 1000 - cut_ms).collect()
}

/// Asserts that flashes and tones are within 40 ms of these times and of each other, and the end within 60 ms.
fn assert_in_step(name: &str, made: &Made, flashes: &[u64], tones: &[u64], end_ms: u64) {
    let video = made.path("video.mp4");
    let (seen, heard) = (ffmpeg::flashes_ms(&video), ffmpeg::tones_ms(&video));
    let near = |found: &[u64], wanted: &[u64]| {
        found.len() == wanted.len() && found.iter().zip(wanted).all(|(one, other)| one.abs_diff(*other) <= 40)
    };
    assert!(near(&seen, flashes), "{name} flashes at {seen:?}, not {flashes:?}");
    assert!(near(&heard, tones), "{name} sounds at {heard:?}, not {tones:?}");
    for (flash, tone) in seen.iter().zip(&heard).filter(|_| flashes == tones) {
        assert!(flash.abs_diff(*tone) <= 40, "{name}: a flash at {flash}, its tone at {tone}");
    }
    let stated = made.manifest.av.as_ref().expect("facts").probe.duration_ms;
    for ms in [ffmpeg::duration_ms(&video), stated] {
        assert!(ms.abs_diff(end_ms) <= 60, "{name} lasts {ms}, not {end_ms}");
    }
    made.assert_valid();
}

#[test]
fn frames_keep_their_times_when_others_are_dropped_or_reordered() {
    // Never drops a frame that starts a flash.
    let varying = "-vf select=mod(n+1\\,3)*mod(n+2\\,5) -fps_mode vfr";
    let reordered = "-c:v libx264 -preset veryfast -bf 3 -pix_fmt yuv420p -c:a aac";
    let plain = format!("{H264} -c:a aac");
    let webm = "-c:v libvpx -deadline realtime -c:a libopus";
    for (words, extension) in [
        (format!("{varying} {plain}"), "mp4"),
        (format!("{varying} {plain}"), "mkv"),
        (format!("{varying} {plain}"), "flv"),
        (format!("{varying} {webm}"), "webm"),
        (reordered.to_owned(), "mp4"),
        (reordered.to_owned(), "mkv"),
        (reordered.to_owned(), "flv"),
        (reordered.to_owned(), "ts"),
        (format!("{reordered} -movflags +frag_keyframe+delay_moov"), "mp4"),
        (format!("{reordered} -movflags +negative_cts_offsets"), "mov"),
        ("-c:v mpeg4 -bf 2 -c:a libmp3lame".to_owned(), "avi"),
        ("-c:v mpeg2video -bf 2 -c:a mp2".to_owned(), "mpg"),
        ("-c:v wmv2 -c:a wmav2".to_owned(), "wmv"),
    ] {
        let made = Bench::with_clip(&format!("{FLASHES} {TONES} {words}"), extension).transcode();
        let odd = odd_s(1, 19, 0);
        let tones = if extension == "wmv" { late(&odd) } else { odd.clone() };
        assert_in_step(&format!("{words} in {extension}"), &made, &odd, &tones, tones[0] + 19_000);
    }
}

#[test]
fn a_varying_rate_that_matroska_states_as_its_average_loses_no_frame() {
    // A phone writes no frames while nothing moves. Copied into Matroska, the average becomes the duration of each frame.
    let varying = "-f lavfi -i testsrc2=size=160x120:rate=30:duration=9 -vf select=lt(t\\,5)+gt(t\\,8.9) -fps_mode vfr";
    let bench = Bench::with_clip(&format!("{varying} {H264}"), "mp4");
    let copy = bench.path("copy.mkv");
    ffmpeg::make(&format!("-i {} -c copy", bench.input().to_str().expect("a plain path")), &copy);
    let report = ffmpeg::probe("-show_entries stream=avg_frame_rate,r_frame_rate", &copy);
    assert_eq!(report["streams"][0]["avg_frame_rate"], report["streams"][0]["r_frame_rate"], "it states one rate");
    fs::rename(copy, bench.input()).expect("renamed");
    let made = bench.transcode();
    assert!(ffmpeg::frames(&made.path("video.mp4")).abs_diff(270) <= 1);
    assert!(ffmpeg::duration_ms(&made.path("video.mp4")).abs_diff(9000) <= 40);
    let video = made.manifest.av.as_ref().and_then(|facts| facts.probe.video.as_ref()).expect("a picture");
    assert!(video.variable_frame_rate);
    made.assert_valid();
    // A constant rate with a pause is kept.
    let paused =
        "-f lavfi -i testsrc2=size=160x120:rate=20:duration=12 -vf select=not(between(t\\,4\\,8)) -fps_mode vfr";
    let made = Bench::with_clip(&format!("{paused} -c:v libvpx -deadline realtime"), "webm").transcode();
    assert_eq!(ffmpeg::frames(&made.path("video.mp4")), 240);
}

/// Adds the delay of ffmpeg's Windows Media encoder, which the container does not state.
fn late(tones: &[u64]) -> Vec<u64> {
    tones.iter().map(|ms| ms + 43).collect()
}

#[test]
fn a_track_that_starts_late_keeps_its_times() {
    // In MP4 the late start is an empty edit.
    for (picture_s, sound_s) in [("1.5", "0"), ("0", "1.5"), ("4.5", "0"), ("0", "4.5")] {
        for extension in ["mp4", "mkv", "ts"] {
            let words = format!("-itsoffset {picture_s} {FLASHES} -itsoffset {sound_s} {TONES} {H264} -c:a aac");
            let made = Bench::with_clip(&words, extension).transcode();
            let late_ms = |seconds: &str| (seconds.parse::<f64>().expect("seconds") * 1000.0) as u64;
            let at = |late: u64| odd_s(1, 19, 0).into_iter().map(|ms| ms + late).collect::<Vec<_>>();
            let (picture, sound) = (late_ms(picture_s), late_ms(sound_s));
            let name = format!("picture {picture_s}, sound {sound_s} in {extension}");
            assert_in_step(&name, &made, &at(picture), &at(sound), 20_000 + picture.max(sound));
        }
    }
}

#[test]
fn frames_removed_by_an_edit_list_are_not_shown_and_the_rest_keep_their_times() {
    let bench = Bench::empty();
    let whole = bench.path("whole.mp4");
    ffmpeg::make(
        &format!("{FLASHES} {TONES} -c:v libx264 -preset veryfast -bf 2 -g 60 -pix_fmt yuv420p -c:a aac"),
        &whole,
    );
    let source = whole.to_str().expect("a plain path");
    let shifted = |words: &str| {
        let made = Bench::empty();
        ffmpeg::make(words, &made.path("cut.mp4"));
        fs::rename(made.path("cut.mp4"), made.input()).expect("renamed");
        made
    };
    // As a phone trims: without re-encoding, from the keyframe before.
    let trimmed = shifted(&format!("-ss 2.7 -i {source} -c copy"));
    let report = ffmpeg::probe("-show_entries packet=flags", &trimmed.input());
    let flags = report["packets"].as_array().expect("packets").iter().filter_map(|packet| packet["flags"].as_str());
    assert!(flags.filter(|flags| flags.contains('D')).count() > 10, "nothing is cut away");
    let odd = odd_s(3, 19, 2700);
    assert_in_step("trimmed", &trimmed.transcode(), &odd, &odd, 17_300);
    let negative = shifted(&format!("-i {source} -c copy -output_ts_offset -0.7 -avoid_negative_ts disabled"));
    let odd = odd_s(1, 19, 700);
    assert_in_step("begins before 0", &negative.transcode(), &odd, &odd, 19_300);
}

#[test]
fn picture_and_audio_keep_their_times_after_a_gap() {
    let gap = "-vf select=not(between(t\\,6.5\\,10.5)) -af aselect=not(between(t\\,6.5\\,10.5)) -fps_mode vfr";
    for (codecs, extension) in [
        (format!("{H264} -c:a aac"), "mp4"),
        (format!("{H264} -c:a aac -movflags +frag_keyframe+empty_moov"), "mp4"),
        (format!("{H264} -c:a aac"), "mkv"),
        ("-c:v libvpx -deadline realtime -c:a libopus".to_owned(), "webm"),
        (format!("{H264} -c:a aac"), "ts"),
        (format!("{H264} -c:a aac"), "flv"),
    ] {
        let made = Bench::with_clip(&format!("{FLASHES} {TONES} {gap} {codecs}"), extension).transcode();
        let odd = [odd_s(1, 5, 0), odd_s(11, 19, 0)].concat();
        assert_in_step(&format!("{codecs} in {extension}"), &made, &odd, &odd, 20_000);
    }
}

/// A file whose times jump by `jump_s` seconds after two seconds, in the picture, the audio or both.
fn jumping(codecs: &str, extension: &str, tracks: &str, jump_s: u32, flags: &str) -> Bench {
    let bench = Bench::empty();
    let whole = bench.path(&format!("whole.{extension}"));
    ffmpeg::make(&format!("{FLASHES} {TONES} -t 4 -g 30 {codecs}"), &whole);
    let later = |track: char| {
        let time = |name: &str| format!("{name}+gte({name}*TB\\,1.9)*{jump_s}/TB");
        let filter = format!("-bsf:{track} setts=pts={}:dts={}", time("PTS"), time("DTS"));
        if tracks.contains(track) { filter } else { String::new() }
    };
    let source = whole.to_str().expect("a plain path");
    let words = format!("-i {source} -c copy {} {} {flags} -max_interleave_delta 0", later('v'), later('a'));
    ffmpeg::make(&words, &bench.path(&format!("jump.{extension}")));
    fs::rename(bench.path(&format!("jump.{extension}")), bench.input()).expect("renamed");
    bench
}

const JUMPING: [(&str, &str, &str); 6] = [
    ("-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac", "mp4", ""),
    ("-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac", "mp4", "-movflags +frag_keyframe+empty_moov"),
    ("-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac", "mkv", ""),
    ("-c:v libvpx -deadline realtime -c:a libopus", "webm", ""),
    ("-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -ar 44100", "flv", ""),
    ("-c:v wmv2 -c:a wmav2", "wmv", ""),
];

#[test]
fn content_after_a_pause_of_hours_is_left_out_with_a_warning() {
    for (codecs, extension, flags) in JUMPING {
        for tracks in ["va", "v", "a"] {
            let name = format!("{tracks} in {extension} {flags}");
            // Two hours of silence in one go would take gigabytes.
            let limits = smmu_core::av::AvLimits { max_child_memory_bytes: 1500 << 20, ..Default::default() };
            let started = std::time::Instant::now();
            let made = jumping(codecs, extension, tracks, 7200, flags).transcode_with(&crate::profile(), &limits);
            let made = made.map_err(|(_, error)| error).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(started.elapsed() < Duration::from_mins(1), "{name}: {:?}", started.elapsed());
            let warnings: Vec<_> = made.manifest.warnings.iter().map(|warning| warning.code).collect();
            assert_eq!(warnings, [smmu_core::WarningCode::Shortened], "{name}: {:?}", made.manifest.warnings);
            // A track that does not jump is complete.
            let (least, most) = if tracks == "va" { (1850, 2150) } else { (3900, 4150) };
            let stated = made.manifest.av.as_ref().expect("facts").probe.duration_ms;
            let played = ffmpeg::duration_ms(&made.path("video.mp4"));
            assert!((least..most).contains(&stated) && stated.abs_diff(played) < 130, "{name}: {stated}, {played}");
            made.assert_valid();
        }
    }
}

#[test]
fn a_pause_of_a_minute_is_kept_in_every_container() {
    for (codecs, extension, flags) in JUMPING {
        let made = jumping(codecs, extension, "va", 60, flags).transcode();
        let times = [1000, 63_000];
        let tones = if extension == "wmv" { late(&times) } else { times.to_vec() };
        assert_in_step(&format!("{extension} {flags}"), &made, &times, &tones, tones[0] + 63_000);
        assert!(made.manifest.warnings.is_empty(), "{extension} {flags}");
    }
}

#[test]
fn a_screen_recording_that_is_still_for_a_minute_needs_little_memory() {
    // Screen recorders write no frames while nothing changes.
    let still = "-f lavfi -i testsrc2=size=1280x720:rate=30:duration=4 -vf setpts=PTS+gte(T\\,2)*60/TB -fps_mode vfr";
    let limits = smmu_core::av::AvLimits { max_child_memory_bytes: 1500 << 20, ..Default::default() };
    let profile = serde_json::from_value(serde_json::json!({
        "ladder": [{ "shortEdge": 720, "crf": 30, "maxKbps": 800 }, { "shortEdge": 360, "crf": 30, "maxKbps": 400 }],
        "h264": { "preset": "ultrafast" },
    }));
    let bench = Bench::with_clip(&format!("{still} {H264}"), "mp4");
    let made = bench.transcode_with(&profile.expect("in range"), &limits).map_err(|(_, error)| error).expect("made");
    assert!(ffmpeg::frames(&made.path("video.mp4")).abs_diff(64 * 30) <= 2);
    // One tile per second, 100 per sheet.
    assert_eq!(made.text("storyboard.vtt").matches("-->").count(), 64);
    made.assert_valid();
}

#[test]
fn times_that_go_back_cause_a_warning() {
    let flv = |seconds: u32| {
        let words = format!("{FLASHES} {TONES} -t {seconds} {H264} -g 30 -c:a aac -ar 44100");
        fs::read(Bench::with_clip(&words, "flv").input()).expect("a clip")
    };
    // A resumed live stream: the second part starts at 0 again, and lacks the header's 13 bytes.
    let content = [&flv(6)[..], &flv(4)[13..]].concat();
    let made = Bench::with_bytes(&content).transcode();
    let messages: Vec<_> = made.manifest.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert!(messages.len() == 1 && messages[0].contains("go back at 6.0 seconds"), "{messages:?}");
    assert_in_step("FLV", &made, &[1000, 3000, 5000], &[1000, 3000, 5000], 6000);
}

#[test]
fn high_frame_rates_are_reduced_and_keep_the_duration() {
    for (rate, shown) in [("240", "60/1"), ("200", "50/1"), ("120", "60/1")] {
        let words = format!("-f lavfi -i testsrc2=size=160x120:rate={rate}:duration=3 {H264}");
        let made = Bench::with_clip(&words, "mov").transcode();
        let report = ffmpeg::probe("-select_streams v -show_entries stream=r_frame_rate", &made.path("video.mp4"));
        assert_eq!(report["streams"][0]["r_frame_rate"], shown, "{rate}");
        assert!(ffmpeg::duration_ms(&made.path("video.mp4")).abs_diff(3000) <= 40, "{rate}");
        made.assert_valid();
    }
}

#[test]
fn a_fractional_frame_rate_is_kept() {
    for rate in ["25/3", "50/3", "15"] {
        let words = format!("-f lavfi -i testsrc2=size=160x120:rate={rate}:duration=12 {H264}");
        let made = Bench::with_clip(&words, "mp4").transcode();
        let report = ffmpeg::probe("-select_streams v -show_entries stream=avg_frame_rate", &made.path("video.mp4"));
        let expected = if rate == "15" { "15/1" } else { rate };
        assert_eq!(report["streams"][0]["avg_frame_rate"], expected, "{rate}");
        made.assert_valid();
    }
}

/// AMR at 12.2 kb/s with pseudo-random bits, because ffmpeg can decode the codec but not encode it.
fn amr(frames: u32) -> Vec<u8> {
    let mut state = 0x2545_F491_u32;
    let mut content = b"#!AMR\n".to_vec();
    for _ in 0..frames {
        content.push(0x3C);
        content.extend((0..31).map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        }));
    }
    content
}

#[test]
fn recordings_of_old_phones_are_transcoded_and_can_be_listened_to() {
    let bench = Bench::empty();
    let sound = bench.path("sound.amr");
    fs::write(&sound, amr(150)).expect("written");
    ffmpeg::make(
        &format!(
            "-f lavfi -i testsrc2=size=176x144:rate=15:duration=3 -i {} -c:v h263 -c:a copy",
            sound.to_str().expect("a plain path")
        ),
        &bench.path("phone.3gp"),
    );
    fs::rename(bench.path("phone.3gp"), bench.input()).expect("renamed");
    let (limits, cancelled) = (smmu_core::av::AvLimits::default(), std::sync::atomic::AtomicBool::new(false));
    let out = bench.out();
    let listener = smmu_media::av::Listener::open(&bench.input(), &limits, &out, &cancelled).expect("a sound");
    let sound = &listener.probe().audio[0];
    assert_eq!((sound.codec.as_str(), sound.sample_rate_hz, sound.channels), ("amr_nb", 8000, 1));
    let heard = listener.listen(sound, Channels::Mixed, Duration::from_mins(1), &mut |_| Ok(())).expect("heard");
    assert!(heard.abs_diff(3000) <= 40, "{heard}");
    drop(listener);
    let made = bench.transcode();
    assert!(ffmpeg::duration_ms(&made.path("video.mp4")).abs_diff(3000) <= 70);
    let loudest = ffmpeg::samples(&made.path("video.mp4")).into_iter().map(i16::unsigned_abs).max();
    assert!(loudest > Some(1000), "{loudest:?}");
    made.assert_valid();
    let made = Bench::with_bytes(&amr(150)).transcode();
    assert!(made.manifest.av.as_ref().expect("facts").probe.duration_ms.abs_diff(3000) <= 20);
    made.assert_valid();
}

#[test]
fn audio_after_a_pause_of_hours_is_left_out_while_the_picture_continues() {
    // Two hours at one frame per second, with audio in the first seconds, the last ones, or both.
    let slides = "-f lavfi -i color=gray:size=64x48:rate=1:duration=7204";
    for (extension, filter, heard_ms) in [
        ("mp4", "asetpts=PTS+gte(T\\,2)*7000/TB", Some(2000)),
        ("mkv", "asetpts=PTS+gte(T\\,2)*7000/TB", Some(2000)),
        ("mp4", "asetpts=PTS+7000/TB", None),
    ] {
        let words = format!("{slides} {TONES} -t 7204 -af atrim=end=4,{filter} {H264} -c:a aac");
        let limits = smmu_core::av::AvLimits { max_child_memory_bytes: 1500 << 20, ..Default::default() };
        let made = Bench::with_clip(&words, extension).transcode_with(&crate::profile(), &limits);
        let made = made.map_err(|(_, error)| error).unwrap_or_else(|error| panic!("{extension} {filter}: {error}"));
        let warnings: Vec<_> = made.manifest.warnings.iter().map(|warning| warning.message.as_str()).collect();
        assert!(warnings.len() == 1 && warnings[0].starts_with("the sound pauses at "), "{extension}: {warnings:?}");
        let sound = made.names().contains(&"audio.mp4").then(|| ffmpeg::samples(&made.path("audio.mp4")).len() / 48);
        match (sound, heard_ms) {
            (Some(ms), Some(wanted)) => assert!(ms.abs_diff(wanted) <= 60, "{extension}: {ms}"),
            (sound, wanted) => assert_eq!(sound, wanted, "{extension} {filter}"),
        }
        assert!(ffmpeg::duration_ms(&made.path("video.mp4")).abs_diff(7_204_000) < 2000, "{extension} {filter}");
    }
}
