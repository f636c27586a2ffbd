mod properties;

use super::*;
use crate::av::{AudioStream, Av1Profile, AvLimits, Colours, DynamicRange, Rotation, Tags, VideoStream, fixtures};
use std::fmt::Write as _;

/// A video of one minute without sound.
fn video(width: u32, height: u32) -> Probe {
    Probe {
        container: "mov".to_owned(),
        duration_ms: 60_000,
        delay_us: 0,
        claimed_ms: None,
        cut_off: false,
        surveyed: crate::av::Surveyed::default(),
        bit_rate: 8_000_000,
        streams: 1,
        video: Some(VideoStream {
            index: 0,
            codec: "h264".to_owned(),
            coded: Size { width, height },
            displayed: Size { width, height },
            mirrored: false,
            rotation: Rotation::None,
            frame_rate: FrameRate::new(30, 1).expect("positive"),
            variable_frame_rate: false,
            interlaced: false,
            bit_depth: 8,
            colours: Colours::default(),
            dynamic_range: DynamicRange::Sdr,
            timed: false,
            changes_shape: false,
            transparent: false,
            duration_ms: None,
            end_ms: None,
        }),
        audio: Vec::new(),
        cover_stream: None,
        chapters: Vec::new(),
        tags: Tags::default(),
    }
}

fn at_rate(mut probe: Probe, rate: (u32, u32), variable: bool) -> Probe {
    let video = probe.video.as_mut().expect("a video");
    video.frame_rate = FrameRate::try_from(rate).expect("positive");
    video.variable_frame_rate = variable;
    probe
}

fn lasting(probe: Probe, duration_ms: u64) -> Probe {
    Probe { duration_ms, ..probe }
}

fn sound(index: u32, channels: u32, language: Option<&str>, default: bool) -> AudioStream {
    AudioStream {
        index,
        codec: "aac".to_owned(),
        channels,
        layout: String::new(),
        sample_rate_hz: 48_000,
        language: language.map(str::to_owned),
        default,
        duration_ms: None,
    }
}

fn with_av1() -> AvProfile {
    AvProfile { av1: Some(Av1Profile::default()), ..AvProfile::default() }
}

fn video_plan(probe: &Probe, profile: &AvProfile) -> VideoPlan {
    match plan(probe, profile).expect("a picture") {
        Plan::Video(plan) => plan,
        Plan::Audio(_) => panic!("a video was planned as sound"),
    }
}

fn audio_plan(probe: &Probe, profile: &AvProfile) -> AudioPlan {
    match plan(probe, profile).expect("sound") {
        Plan::Audio(plan) => plan,
        Plan::Video(_) => panic!("a sound was planned as video"),
    }
}

/// Names, sizes and settings of rungs, one per line.
fn written(rungs: &[Rung]) -> String {
    let mut text = String::new();
    for Rung { name, size, encoding, max_bit_rate, buffer_bits } in rungs {
        let Size { width, height } = size;
        writeln!(text, "{name} {width}×{height} {encoding:?} max {max_bit_rate} buffer {buffer_bits}")
            .expect("writing to a String cannot fail");
    }
    text
}

fn sizes(probe: &Probe, profile: &AvProfile) -> Vec<(u32, u32)> {
    video_plan(probe, profile).rungs.iter().map(|rung| (rung.size.width, rung.size.height)).collect()
}

#[test]
fn every_recorded_clip_has_its_plan() {
    for (name, _) in fixtures::ALL {
        insta::assert_debug_snapshot!(*name, plan(&fixtures::probe(name), &AvProfile::default()));
    }
}

#[test]
fn a_large_video_gets_every_rung_in_every_codec() {
    let plan = video_plan(&at_rate(video(3840, 2160), (60_000, 1001), false), &with_av1());
    insta::assert_snapshot!(written(&plan.rungs), @"
    video-1080p 1920×1080 H264 { preset: Veryfast, crf: 23, level: 42 } max 7500000 buffer 11250000
    video-720p 1280×720 H264 { preset: Veryfast, crf: 23, level: 32 } max 4200000 buffer 6300000
    video-480p 854×480 H264 { preset: Veryfast, crf: 23, level: 31 } max 2100000 buffer 3150000
    video-360p 640×360 H264 { preset: Veryfast, crf: 23, level: 31 } max 1200000 buffer 1800000
    ");
    insta::assert_snapshot!(written(&plan.av1_rungs), @"
    video-av1-1080p 1920×1080 Av1 { preset: 10, crf: 35 } max 5000000 buffer 7500000
    video-av1-720p 1280×720 Av1 { preset: 10, crf: 35 } max 2800000 buffer 4200000
    video-av1-480p 854×480 Av1 { preset: 10, crf: 35 } max 1400000 buffer 2100000
    video-av1-360p 640×360 Av1 { preset: 10, crf: 35 } max 800000 buffer 1200000
    ");
}

#[test]
fn a_source_below_the_ladders_top_keeps_its_own_size_and_near_rungs_are_left_out() {
    let sizes = |width, height| sizes(&video(width, height), &AvProfile::default());
    assert_eq!(sizes(1920, 1080), [(1920, 1080), (1280, 720), (854, 480), (640, 360)]);
    assert_eq!(sizes(1080, 1920), [(1080, 1920), (720, 1280), (480, 854), (360, 640)]);
    // Cinema: 720 lines would hardly be fewer than 800.
    assert_eq!(sizes(1920, 800), [(1920, 800), (1152, 480), (864, 360)]);
    // PAL with square pixels.
    assert_eq!(sizes(1024, 576), [(1024, 576), (640, 360)]);
    assert_eq!(sizes(640, 360), [(640, 360)]);
    assert_eq!(sizes(101, 75), [(100, 74)]);
    assert_eq!(sizes(1, 1), [(2, 2)]);
}

#[test]
fn a_panorama_is_kept_within_what_decoders_accept() {
    assert_eq!(sizes(&video(8192, 1000), &AvProfile::default()), [(4096, 500), (2950, 360)]);
    let plan = video_plan(&video(20_000, 100), &with_av1());
    assert_eq!(written(&plan.rungs).lines().count(), 1);
    assert!(plan.av1_rungs.is_empty(), "SVT-AV1 does not encode 20 lines");
}

#[test]
fn a_level_is_the_lowest_that_the_standard_allows() {
    let level = |width, height, rate| match video_plan(
        &at_rate(video(width, height), rate, false),
        &AvProfile::default(),
    )
    .rungs[0]
        .encoding
    {
        VideoEncoding::H264 { level, .. } => level,
        VideoEncoding::Av1 { .. } => panic!("an H.264 rung is AV1"),
    };
    assert_eq!(level(640, 360, (30, 1)), 30);
    assert_eq!(level(854, 480, (60, 1)), 31);
    assert_eq!(level(1280, 720, (30, 1)), 31);
    assert_eq!(level(1280, 720, (60, 1)), 32);
    assert_eq!(level(1920, 1080, (30, 1)), 40);
    assert_eq!(level(1920, 1080, (60, 1)), 42);
    // Few macroblocks, but more in a row than level 3.2 has.
    assert_eq!(level(4096, 160, (30, 1)), 40);
}

#[test]
fn a_rate_is_kept_divided_or_repeated_and_always_constant() {
    let rate = |rate, variable| -> (u32, u32) {
        video_plan(&at_rate(video(640, 360), rate, variable), &AvProfile::default()).picture.frame_rate.into()
    };
    assert_eq!(rate((30, 1), false), (30, 1));
    assert_eq!(rate((30_000, 1001), false), (30_000, 1001));
    assert_eq!(rate((19_001, 634), false), (30_000, 1001), "measured over a short clip");
    assert_eq!(rate((120, 1), false), (60, 1));
    assert_eq!(rate((120_000, 1001), false), (60_000, 1001));
    assert_eq!(rate((100, 1), false), (50, 1));
    assert_eq!(rate((90, 1), false), (45, 1));
    assert_eq!(rate((5, 1), false), (5, 1), "slow, and kept");
    assert_eq!(rate((1, 1), false), (1, 1), "the slowest that is made");
    assert_eq!(rate((2, 5), false), (6, 5), "each frame three times");
    assert_eq!(rate((1, 3600), false), (1, 1));
    assert_eq!(rate((25, 3), false), (25, 3), "not 8.333");
    assert_eq!(rate((50, 3), false), (50, 3));
    assert_eq!(rate((1000, 3), false), (500, 9), "every sixth of a fast camera");
    let (frames, seconds) = rate((2_147_483_647, 142_857_143), false);
    assert!(frames <= 240_000 && (f64::from(frames) / f64::from(seconds) / 15.032_385_5 - 1.0).abs() < 1e-8);
    assert_eq!(rate((30_070, 1000), true), (30, 1), "a browser at a nominal 30");
    assert_eq!(rate((28_970, 1000), true), (30, 1), "a browser that dropped frames");
    assert_eq!(rate((2963, 100), true), (30, 1), "a phone at a nominal 30");
    assert_eq!(rate((24_000, 1001), true), (24_000, 1001));
    assert_eq!(rate((3, 1), true), (30, 1));
    assert_eq!(rate((40, 1), true), (60, 1));
    assert_eq!(rate((240, 1), true), (60, 1));
}

#[test]
fn tone_mapping_and_deinterlacing_happen_before_the_split() {
    let picture = |name| video_plan(&fixtures::probe(name), &AvProfile::default()).picture;
    assert_eq!(picture("hdr-arib-std-b67").tone_map, Some(ToneMap::Hlg));
    assert_eq!(picture("hdr-smpte2084").tone_map, Some(ToneMap::Pq));
    assert!(picture("interlaced-h264").deinterlace);
    assert!(!picture("no-sound").deinterlace);
}

#[test]
fn the_audio_is_the_wanted_language_else_the_default_else_the_first() {
    let chosen =
        |streams: &[AudioStream], language: Option<&str>| audio::chosen(streams, language).map(|stream| stream.index);
    let streams = [sound(1, 2, Some("eng"), false), sound(2, 2, Some("deu"), true), sound(3, 2, Some("eng"), false)];
    assert_eq!(chosen(&streams, None), Some(2));
    assert_eq!(chosen(&streams, Some("ENG")), Some(1));
    assert_eq!(chosen(&streams, Some("fra")), Some(2));
    assert_eq!(chosen(&streams[..1], None), Some(1));
    let commentary = [sound(1, 2, Some("eng"), false), sound(2, 2, Some("eng"), true)];
    assert_eq!(chosen(&commentary, Some("eng")), Some(2));
    assert_eq!(chosen(&[], None), None);
    // A stream that is silent until a long pause is taken only if it is the only kind left.
    let mut late = streams.clone();
    for stream in late.iter_mut().filter(|stream| stream.index == 2) {
        stream.duration_ms = Some(0);
    }
    assert_ne!(chosen(&late, None), Some(2));
    for stream in &mut late {
        stream.duration_ms = Some(0);
    }
    assert_eq!(chosen(&late, None), Some(2));
}

#[test]
fn many_channels_become_two_and_one_has_half_the_rate() {
    let planned = |channels, sample_rate_hz| {
        let stream = AudioStream { sample_rate_hz, ..sound(0, channels, None, true) };
        let probe = Probe { video: None, audio: vec![stream], ..video(2, 2) };
        let AudioPlan { sound, opus_bit_rate, .. } = audio_plan(&probe, &AvProfile::default());
        (sound.channels, sound.sample_rate_hz, sound.aac_bit_rate, opus_bit_rate)
    };
    assert_eq!(planned(1, 8000), (1, 48_000, 64_000, 48_000));
    assert_eq!(planned(2, 44_100), (2, 44_100, 128_000, 96_000));
    assert_eq!(planned(6, 96_000), (2, 48_000, 128_000, 96_000));
    assert_eq!(planned(2, 88_200), (2, 44_100, 128_000, 96_000));
}

#[test]
fn a_file_without_a_picture_is_sound_and_one_without_either_is_refused() {
    assert_eq!(plan(&fixtures::probe("sound-in-mp4"), &AvProfile::default()).expect("sound").kind(), MediaKind::Audio);
    let song = audio_plan(&fixtures::probe("song"), &AvProfile::default());
    assert_eq!(song.cover_stream, Some(1));
    let nothing = Probe { video: None, ..video(2, 2) };
    let refusal = plan(&nothing, &AvProfile::default()).expect_err("nothing to plan");
    assert_eq!(refusal.code, ErrorCode::UnsupportedMedia);
}

#[test]
fn a_long_audio_file_has_coarser_but_not_too_many_points() {
    let points = |duration_ms: u64| {
        let probe = Probe { video: None, audio: vec![sound(0, 2, None, true)], ..lasting(video(2, 2), duration_ms) };
        let WaveformPlan { sample_rate_hz, samples_per_point, .. } = audio_plan(&probe, &AvProfile::default()).waveform;
        let samples = duration_ms * u64::from(sample_rate_hz) / 1000;
        (samples_per_point, samples.div_ceil(u64::from(samples_per_point)))
    };
    assert_eq!(points(1000), (2400, 20));
    assert_eq!(points(600_000), (2400, 12_000));
    assert_eq!(points(12 * 3_600_000), (172_800, 12_000));
}

#[test]
fn stills_avoid_the_start_where_possible() {
    let plan = video_plan(&lasting(video(1920, 1080), 600_000), &AvProfile::default());
    assert_eq!(plan.poster.moments_ms, [60_000, 150_000, 300_000, 450_000]);
    assert_eq!((plan.preview.start_ms, plan.preview.duration_ms), (60_000, 3000));
    assert_eq!(plan.preview.size, Size { width: 320, height: 180 });
    let short = video_plan(&lasting(video(100, 74), 1200), &AvProfile::default());
    assert_eq!((short.poster.moments_ms, short.poster.window_ms), (vec![0], 1200));
    assert_eq!((short.preview.start_ms, short.preview.duration_ms), (0, 1200));
    assert_eq!(short.poster.size, Size { width: 100, height: 74 });
}

#[test]
fn storyboard_intervals_grow_with_the_video() {
    let board = |seconds: u64| {
        let board = video_plan(&lasting(video(1920, 1080), seconds * 1000), &AvProfile::default()).storyboard;
        (board.interval_ms, board.tiles, board.columns, board.rows)
    };
    assert_eq!(board(1), (1000, 1, 1, 1));
    assert_eq!(board(12), (1000, 12, 10, 2));
    assert_eq!(board(300), (1000, 300, 10, 10));
    assert_eq!(board(301), (2000, 151, 10, 10));
    assert_eq!(board(4 * 3600), (60_000, 240, 10, 10));
    assert_eq!(board(100 * 3600), (1_200_000, 300, 10, 10));
}
