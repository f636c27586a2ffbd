//! Videos of every shape become upright, with square pixels and a constant frame rate.

use crate::{Bench, H264, Made, ffmpeg, moving, profile, tone};
use image::RgbImage;
use smmu_core::{
    MediaKind,
    av::{AvLimits, Rotation, VideoStream},
    speech::Channels,
};
use smmu_media::av::Listener;
use std::time::Duration;

/// Red, green, blue and white quarters: left to right, then top to bottom.
const QUARTERS: &str = "-f lavfi -i color=red:size=320x240:rate=25:duration=2,\
                        drawbox=x=160:y=0:w=160:h=120:color=lime:t=fill,\
                        drawbox=x=0:y=120:w=160:h=120:color=blue:t=fill,\
                        drawbox=x=160:y=120:w=160:h=120:color=white:t=fill";

/// Black, then white from `from_s` seconds on.
fn flash(from_s: f64) -> String {
    format!(
        "-f lavfi -i color=black:size=160x120:rate=30:duration=4,drawbox=color=white:t=fill:enable=gte(t\\,{from_s})"
    )
}

/// Silence, then a tone from `from_s` seconds on.
fn beep(from_s: f64) -> String {
    format!("-f lavfi -i aevalsrc=if(gte(t\\,{from_s})\\,sin(2*PI*440*t)\\,0):sample_rate=44100:duration=4")
}

fn picture(made: &Made) -> &VideoStream {
    made.manifest.av.as_ref().and_then(|facts| facts.probe.video.as_ref()).expect("a picture")
}

/// Names of the colours in the quarters of a picture.
fn quarters(picture: &RgbImage) -> [&'static str; 4] {
    let (width, height) = picture.dimensions();
    [(1, 1), (3, 1), (1, 3), (3, 3)].map(|(x, y)| {
        let [red, green, blue] = picture.get_pixel(width * x / 4, height * y / 4).0.map(|sample| sample > 127);
        match (red, green, blue) {
            (true, false, false) => "red",
            (false, true, false) => "green",
            (false, false, true) => "blue",
            (true, true, true) => "white",
            _ => "another",
        }
    })
}

/// A clip as from a phone: stored rotated, with a matrix that tells players how to rotate it upright.
fn turned(angle: u32) -> Made {
    let bench = Bench::empty();
    let upright = bench.path("upright.mp4");
    ffmpeg::make(&format!("{QUARTERS} {H264}"), &upright);
    let source = upright.to_str().expect("a plain path");
    ffmpeg::make(&format!("-i {source} -c copy -metadata:s:v:0 rotate={angle}"), &bench.path("phone.mp4"));
    std::fs::rename(bench.path("phone.mp4"), bench.input()).expect("renamed");
    bench.transcode()
}

#[test]
fn a_rotated_clip_becomes_upright_in_every_output() {
    for (angle, rotation, colours) in [
        (270, Rotation::Quarter, ["blue", "red", "white", "green"]),
        (180, Rotation::Half, ["white", "blue", "green", "red"]),
        (90, Rotation::ThreeQuarters, ["green", "white", "red", "blue"]),
    ] {
        let made = turned(angle);
        assert_eq!(picture(&made).rotation, rotation, "{angle}");
        let (width, height) = if rotation == Rotation::Half { (320, 240) } else { (240, 320) };
        for name in ["video-240p.mp4", "video.mp4"] {
            assert_eq!(made.size(name), (width, height), "{angle}");
            assert_eq!(quarters(&ffmpeg::frame(&made.path(name), 500, width, height)), colours, "{name} at {angle}");
        }
        for name in ["poster.jpg", "preview.webp", "storyboard.jpg"] {
            let picture = image::open(made.path(name)).expect("a picture").into_rgb8();
            // The sheet contains one tile per second.
            let first = if name == "storyboard.jpg" { picture.width() / 2 } else { picture.width() };
            let first = image::imageops::crop_imm(&picture, 0, 0, first, picture.height()).to_image();
            assert_eq!(quarters(&first), colours, "{name} at {angle}");
        }
        made.assert_valid();
    }
}

#[test]
fn a_mirrored_clip_is_mirrored_back() {
    let upright = Bench::with_clip(&format!("{QUARTERS} {H264}"), "mp4");
    let clip = std::fs::read(upright.input()).expect("a clip");
    let header = clip.windows(4).position(|kind| kind == b"tkhd").expect("a track");
    // Directions of the stored picture's right and bottom, as rows of the matrix (ISO/IEC 14496-12, 8.3.2).
    for (right, bottom, size, colours) in [
        ((-1, 0), (0, 1), (320, 240), ["green", "red", "white", "blue"]),
        ((1, 0), (0, -1), (320, 240), ["blue", "white", "red", "green"]),
        ((0, 1), (1, 0), (240, 320), ["red", "blue", "green", "white"]),
        ((0, -1), (-1, 0), (240, 320), ["white", "green", "blue", "red"]),
    ] {
        let mut mirrored = clip.clone();
        let rows = [right.0, right.1, 0, bottom.0, bottom.1, 0].map(|entry: i32| (entry << 16).to_be_bytes());
        mirrored[header + 44..][..24].copy_from_slice(&rows.concat());
        let made = Bench::with_bytes(&mirrored).transcode();
        assert!(picture(&made).mirrored);
        let frame = ffmpeg::frame(&made.path("video.mp4"), 500, size.0, size.1);
        assert_eq!(quarters(&frame), colours, "{right:?} {bottom:?}");
    }
}

#[test]
fn odd_sizes_are_rounded_down_to_even() {
    let made =
        Bench::with_clip("-f lavfi -i testsrc=size=321x241:rate=25:duration=1 -c:v ffv1 -pix_fmt yuv444p", "mkv")
            .transcode();
    assert_eq!(made.size("video-240p.mp4"), (320, 240));
    assert_eq!(made.size("video-120p.mp4"), (160, 120));
    made.assert_valid();
}

#[test]
fn a_video_can_have_a_single_frame() {
    for frames in [1, 2] {
        let clip = format!("{} -frames:v {frames} {H264}", moving("160x120", "25", 1));
        let made = Bench::with_clip(&clip, "mp4").transcode();
        assert_eq!(ffmpeg::frames(&made.path("video-120p.mp4")), frames);
        assert_eq!(made.text("storyboard.vtt").matches("-->").count(), 1);
        made.assert_valid();
    }
}

#[test]
fn pixels_that_are_not_square_become_square() {
    let clip = format!("{} -vf setsar=4/3 {H264}", moving("240x240", "25", 1));
    let made = Bench::with_clip(&clip, "mp4").transcode();
    assert_eq!(made.size("video-240p.mp4"), (320, 240));
    let report = ffmpeg::probe("-show_entries stream=sample_aspect_ratio", &made.path("video.mp4"));
    assert_eq!(report["streams"][0]["sample_aspect_ratio"], "1:1");
    made.assert_valid();
}

#[test]
fn a_variable_frame_rate_becomes_constant_and_the_audio_stays_in_sync() {
    let clip = format!("{} {} -vf select=mod(n\\,3)*mod(n\\,7) -fps_mode vfr {H264} -c:a aac", flash(1.0), beep(1.0));
    let made = Bench::with_clip(&clip, "mp4").transcode();
    assert!(picture(&made).variable_frame_rate);
    for name in ["video-120p.mp4", "video.mp4"] {
        let path = made.path(name);
        let rates =
            &ffmpeg::probe("-select_streams v -show_entries stream=r_frame_rate,avg_frame_rate", &path)["streams"][0];
        assert_eq!((&rates["r_frame_rate"], &rates["avg_frame_rate"]), (&"30/1".into(), &"30/1".into()), "{name}");
        assert!(ffmpeg::duration_ms(&path).abs_diff(4000) <= 67, "{name}");
    }
    assert_in_step(&made);
    made.assert_valid();
}

/// Asserts that the white flash and the tone start at one second, within a frame and AAC's smearing.
fn assert_in_step(made: &Made) {
    let download = made.path("video.mp4");
    for (what, found) in [("flash", ffmpeg::flashes_ms(&download)), ("tone", ffmpeg::tones_ms(&download))] {
        assert!(found.len() == 1 && found[0].abs_diff(1000) <= 34, "the {what} is at {found:?} ms");
    }
}

#[test]
fn streams_that_start_late_stay_in_sync() {
    for (picture_late_s, sound_late_s) in [(0.2, 0.0), (0.0, 0.2)] {
        // Flash and tone are at one second of the file's time.
        let clip = format!(
            "-itsoffset {picture_late_s} {} -itsoffset {sound_late_s} {} {H264} -c:a libopus",
            flash(1.0 - picture_late_s),
            beep(1.0 - sound_late_s)
        );
        assert_in_step(&Bench::with_clip(&clip, "mkv").transcode());
    }
}

#[test]
fn a_picture_that_starts_long_after_the_audio_or_ends_long_before_it_gets_its_stills() {
    let late = format!("-itsoffset 7 {} {} {H264} -c:a aac", moving("160x120", "25", 1), tone(440, 8.0));
    let early = format!("{} {} {H264} -c:a aac", moving("160x120", "25", 1), tone(440, 8.0));
    for clip in [late, early] {
        let made = Bench::with_clip(&clip, "mkv").transcode();
        assert_eq!(made.size("poster.jpg"), (160, 120));
        assert!(ffmpeg::duration_ms(&made.path("video.mp4")).abs_diff(8000) < 100);
        made.assert_valid();
    }
}

#[test]
fn ten_bits_become_eight() {
    let clip = format!("{} -c:v libx264 -preset ultrafast -pix_fmt yuv420p10le", moving("320x240", "25", 1));
    let made = Bench::with_clip(&clip, "mp4").transcode();
    assert_eq!(picture(&made).bit_depth, 10);
    for path in made.ending(".mp4") {
        assert_eq!(ffmpeg::probe("-show_entries stream=pix_fmt", &path)["streams"][0]["pix_fmt"], "yuv420p");
    }
    made.assert_valid();
}

#[test]
fn interlaced_video_is_deinterlaced() {
    // A bar moves to the right, 8 pixels per field.
    let clip = "-f lavfi -i color=black:size=320x240:rate=50:duration=2,\
                geq=lum=if(lt(mod(X-N*8+3200\\,320)\\,40)\\,235\\,16):cb=128:cr=128,interlace=lowpass=off \
                -c:v mpeg2video -flags +ildct+ilme -top 1 -pix_fmt yuv420p -q:v 2";
    let bench = Bench::with_clip(clip, "mpg");
    let source = ffmpeg::frame(&bench.input(), 600, 320, 240);
    let made = bench.transcode();
    assert!(picture(&made).interlaced);
    let shown = ffmpeg::frame(&made.path("video.mp4"), 600, 320, 240);
    let (before, after) = (combing(&source), combing(&shown));
    assert!(before > 8.0 && after < before / 4.0, "{before} became {after}");
    made.assert_valid();
}

/// Average difference of neighbouring rows.
fn combing(picture: &RgbImage) -> f64 {
    let (width, height) = picture.dimensions();
    let luma = |x, y| f64::from(picture.get_pixel(x, y).0[1]);
    let rows = (0..height - 1).flat_map(|y| (0..width).map(move |x| (x, y)));
    rows.map(|(x, y)| (luma(x, y) - luma(x, y + 1)).abs()).sum::<f64>() / f64::from(width * height)
}

#[test]
fn a_picture_that_changes_size_is_shown_at_the_largest_size() {
    // As in a browser's recording of a window, or in a broadcast.
    let bench = Bench::empty();
    let part = |size: &str, sound: &str, offset: u32, name: &str| {
        let clip =
            format!("{} {} {H264} -c:a aac {sound} -output_ts_offset {offset}", moving(size, "30", 2), tone(440, 2.0));
        ffmpeg::make(&clip, &bench.path(name));
        std::fs::read(bench.path(name)).expect("a part")
    };
    let parts = [part("320x240", "-ac 2", 0, "a.ts"), part("480x272", "-ac 1 -ar 48000", 2, "b.ts")].concat();
    std::fs::write(bench.input(), parts).expect("written");
    let cancelled = std::sync::atomic::AtomicBool::new(false);
    let out = bench.out();
    let listener = Listener::open(&bench.input(), &AvLimits::default(), &out, &cancelled).expect("a sound");
    let sound = &listener.probe().audio[0];
    let heard_ms = listener.listen(sound, Channels::Mixed, Duration::from_mins(1), &mut |_| Ok(())).expect("heard");
    assert!(heard_ms.abs_diff(4000) < 100, "{heard_ms} ms are heard");
    drop(listener);

    let made = bench.transcode();
    for path in made.ending("p.mp4") {
        let frames = ffmpeg::frames(&path);
        assert!(frames.abs_diff(120) <= 2, "{frames} frames");
    }
    assert!(ffmpeg::duration_ms(&made.path("video.mp4")).abs_diff(4000) <= 100);
    // The audio format changes too; no audio is repeated or lost.
    let samples = ffmpeg::samples(&made.path("audio.mp4"));
    assert!(samples.len().abs_diff(4 * 48_000) < 48_000 / 10, "{} samples", samples.len());
    let silent = samples.chunks(480).filter(|part| part.iter().all(|sample| sample.unsigned_abs() < 300)).count();
    assert!(silent < 12, "{silent} hundredths of a second are silent");
    // Scaled from 480 × 272; the 320 × 240 part has bars at the sides.
    assert_eq!(made.size("video-240p.mp4"), (424, 240));
    assert_eq!(bars(&made, 500), [true, false]);
    assert_eq!(bars(&made, 3500), [false, false]);
    made.assert_valid();
}

/// Returns whether the left edge is black, and whether the top edge is.
fn bars(made: &Made, at_ms: u64) -> [bool; 2] {
    let (width, height) = made.size("video.mp4");
    let frame = ffmpeg::frame(&made.path("video.mp4"), at_ms, width, height);
    let black = |x, y| frame.get_pixel(x, y).0.iter().all(|&sample| sample < 24);
    [(0..height).step_by(20).all(|y| black(2, y)), (0..width).step_by(20).all(|x| black(x, 2))]
}

#[test]
fn each_part_of_a_picture_that_changes_shape_keeps_its_aspect_ratio() {
    for (first, second, shown, at_first, later) in [
        ("320x180", "180x320", (320, 180), [false, false], [true, false]),
        ("160x90", "320x180", (320, 180), [false, false], [false, false]),
        ("160x120", "320x180", (320, 180), [true, false], [false, false]),
    ] {
        for (codec, extension) in [
            ("-c:v libvpx -deadline realtime -b:v 1M", "webm"),
            ("-c:v libsvtav1 -preset 12 -pix_fmt yuv420p", "mkv"),
            (H264, "ts"),
        ] {
            let bench = Bench::empty();
            let part = |size: &str, name: &str| {
                let source = format!("-f lavfi -i color=white:size={size}:rate=30:duration=2");
                ffmpeg::make(&format!("{source} {codec}"), &bench.path(name));
            };
            part(first, &format!("a.{extension}"));
            part(second, &format!("b.{extension}"));
            std::fs::write(bench.path("list"), format!("file a.{extension}\nfile b.{extension}\n")).expect("written");
            let whole = bench.path(&format!("whole.{extension}"));
            ffmpeg::make(&format!("-f concat -i {} -c copy", bench.path("list").display()), &whole);
            std::fs::rename(whole, bench.input()).expect("renamed");
            let made = bench.transcode();
            let name = format!("{first}, {second} in {extension}");
            assert!(picture(&made).changes_shape, "{name}");
            assert_eq!(made.size("video.mp4"), shown, "{name}");
            assert_eq!((bars(&made, 500), bars(&made, 3500)), (at_first, later), "{name}");
            assert!(ffmpeg::frames(&made.path("video.mp4")).abs_diff(120) <= 2, "{name}");
            made.assert_valid();
        }
    }
}

#[test]
fn a_silent_video_has_no_audio_output_and_a_video_container_with_only_audio_is_audio() {
    let silent = Bench::with_clip(&format!("{} {H264}", moving("320x240", "25", 1)), "mp4").transcode();
    assert_eq!(silent.manifest.kind, MediaKind::Video);
    assert!(!silent.names().iter().any(|name| name.starts_with("audio")));
    assert!(!silent.text("master.m3u8").contains("AUDIO"));
    silent.assert_valid();
    for extension in ["mp4", "mov", "mkv", "webm"] {
        let codec = if extension == "webm" { "libopus" } else { "aac" };
        let heard = Bench::with_clip(&format!("{} -c:a {codec}", tone(440, 1.0)), extension).transcode();
        assert_eq!(heard.manifest.kind, MediaKind::Audio, "{extension}");
        assert_eq!(heard.names(), ["waveform.json", "waveform.png", "audio.m4a", "audio.opus"], "{extension}");
        heard.assert_valid();
    }
}

#[test]
fn an_audio_track_without_samples_is_ignored() {
    let clip = format!("{} {} {H264} -c:a aac", moving("160x120", "25", 1), tone(440, 1.0));
    let mut content = std::fs::read(Bench::with_clip(&clip, "mp4").input()).expect("a clip");
    let sound = content.windows(4).position(|kind| kind == b"smhd").expect("a sound");
    for kind in [b"stts", b"stsc", b"stsz", b"stco"] {
        let at = sound + content[sound..].windows(4).position(|box_kind| box_kind == kind).expect("a table");
        let count = at + if kind == b"stsz" { 12 } else { 8 };
        content[count..count + 4].fill(0);
    }
    let made = Bench::with_bytes(&content).transcode();
    assert!(!made.names().iter().any(|name| name.starts_with("audio")), "{:?}", made.names());
    assert!(!made.text("master.m3u8").contains("AUDIO"));
    made.assert_valid();
}

#[test]
fn an_audio_track_of_an_unknown_codec_is_ignored_next_to_a_known_one() {
    // As an iPhone's spatial audio (APAC) next to AAC.
    for (first, second) in [(true, false), (false, true)] {
        let words = format!("{} {} -map 0 -map 1 -map 1 -c:a aac {H264}", moving("160x120", "25", 2), tone(440, 2.0));
        let mut content = std::fs::read(Bench::with_clip(&words, "mp4").input()).expect("a clip");
        for (kind, unknown) in [(b"mp4a", b"apac"), (b"esds", b"dapa")] {
            let found: Vec<_> = (0..content.len() - 4).filter(|at| content[*at..].starts_with(kind)).collect();
            assert_eq!(found.len(), 2, "two tracks");
            for (at, _) in found.into_iter().zip([first, second]).filter(|(_, hidden)| *hidden) {
                content[at..at + 4].copy_from_slice(unknown);
            }
        }
        let made = Bench::with_bytes(&content).transcode();
        let sounds = &made.manifest.av.as_ref().expect("facts").probe.audio;
        assert_eq!(sounds.iter().map(|sound| sound.codec.as_str()).collect::<Vec<_>>(), ["aac"]);
        let loudest = ffmpeg::samples(&made.path("video.mp4")).into_iter().map(i16::unsigned_abs).max();
        assert!(loudest > Some(1000), "{loudest:?}");
        made.assert_valid();
    }
}

#[test]
fn the_audio_track_of_the_preferred_language_is_chosen_then_the_default() {
    let clip = format!(
        "{} {} {} -map 0 -map 1 -map 2 {H264} -c:a aac -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu \
         -disposition:a:0 0 -disposition:a:1 default",
        moving("160x120", "25", 1),
        tone(440, 1.0),
        tone(1760, 1.0)
    );
    let heard = |language: Option<&str>| {
        let mut profile = profile();
        profile.audio.language = language.map(str::to_owned);
        let made = Bench::with_clip(&clip, "mkv").transcode_as(&profile);
        let spoken = made.text("master.m3u8").split_once("LANGUAGE=\"").expect("a language").1[..3].to_owned();
        let samples = ffmpeg::samples(&made.path("video.mp4"));
        let crossings = samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count() as u64;
        (spoken, crossings * 48_000 / samples.len() as u64)
    };
    for (language, spoken, hertz) in [(None, "deu", 1760), (Some("eng"), "eng", 440), (Some("fra"), "deu", 1760)] {
        let (found, measured) = heard(language);
        assert_eq!(found, spoken, "{language:?}");
        assert!(measured.abs_diff(hertz) < hertz / 10, "{language:?}: {measured} Hz");
    }
}
