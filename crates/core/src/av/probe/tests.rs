use super::*;
use crate::av::{
    facts::{DynamicRange, Rotation},
    fixtures,
};
use crate::image::Size;
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(report: &Value) -> Result<Probe, Refusal> {
    Probe::read(report.to_string().as_bytes())
}

/// A recorded report with one change.
fn changed(name: &str, change: impl FnOnce(&mut Value)) -> Result<Probe, Refusal> {
    let mut report = serde_json::from_str(fixtures::json(name)).expect("recorded JSON");
    change(&mut report);
    read(&report)
}

fn code(verdict: Result<Probe, Refusal>) -> Option<ErrorCode> {
    verdict.err().map(|refusal| refusal.code)
}

#[test]
fn every_recorded_clip_is_read_as_it_was_made() {
    for (name, _) in fixtures::ALL {
        insta::assert_json_snapshot!(*name, fixtures::probe(name));
    }
}

#[test]
fn a_phone_held_upright_shows_a_portrait() {
    let video = fixtures::probe("portrait").video.expect("it moves");
    assert_eq!(video.coded, Size { width: 1920, height: 1080 });
    assert_eq!(video.displayed, Size { width: 1080, height: 1920 });
    // ffprobe says -90, counterclockwise.
    assert_eq!(video.rotation, Rotation::Quarter);
    assert_eq!(fixtures::probe("upside-down").video.expect("it moves").rotation, Rotation::Half);
}

#[test]
fn a_rotation_is_clockwise_and_accepted_within_a_degree() {
    for (angle, rotation) in [
        (json!(90), Rotation::ThreeQuarters),
        (json!(-90.4), Rotation::Quarter),
        (json!(180), Rotation::Half),
        (json!(-180), Rotation::Half),
        (json!(0), Rotation::None),
        (json!(-0.5), Rotation::None),
        (json!(45), Rotation::None),
        (json!(1e300), Rotation::None),
    ] {
        let probe = changed("portrait", |report| {
            for stream in report["streams"].as_array_mut().expect("streams") {
                if let Some(side) = stream.get_mut("side_data_list") {
                    side[0]["rotation"] = angle.clone();
                }
            }
        });
        assert_eq!(probe.expect("readable").video.expect("it moves").rotation, rotation, "{angle}");
    }
}

#[test]
fn flac_with_too_many_bits_is_refused_by_name() {
    for (bits, refused) in [("16", false), ("24", false), ("32", true)] {
        let verdict = changed("mono-96k", |report| {
            report["streams"][0]["codec_name"] = json!("flac");
            report["streams"][0]["bits_per_raw_sample"] = json!(bits);
        });
        assert_eq!(code(verdict), refused.then_some(ErrorCode::UnsupportedMedia), "{bits}");
    }
}

#[test]
fn dolby_vision_without_a_compatible_base_layer_is_refused_by_name() {
    // Phones write 8.4, whose base layer is HLG; streaming services use 5, and for AV1 10.0.
    for (profile, base_layer, refused) in
        [(8, 4, false), (8, 1, false), (7, 6, false), (10, 1, false), (5, 0, true), (10, 0, true)]
    {
        let verdict = changed("hdr-arib-std-b67", |report| {
            let record = json!({ "side_data_type": "DOVI configuration record", "dv_profile": profile,
                "dv_bl_signal_compatibility_id": base_layer });
            report["streams"][0]["side_data_list"] = json!([record]);
        });
        match verdict {
            Ok(_) => assert!(!refused, "{profile}.{base_layer}"),
            Err(refusal) => {
                assert!(refused && refusal.code == ErrorCode::UnsupportedMedia, "{profile}.{base_layer}: {refusal}");
                assert!(refusal.message.contains(&format!("Dolby Vision profile {profile}")), "{refusal}");
            }
        }
    }
}

#[test]
fn a_mirror_image_is_detected_by_its_matrix() {
    let mirrored = |rows: &str| {
        let probe = changed("portrait", |report| {
            for stream in report["streams"].as_array_mut().expect("streams") {
                if let Some(side) = stream.get_mut("side_data_list") {
                    side[0]["displaymatrix"] = json!(rows);
                }
            }
        });
        probe.expect("readable").video.expect("it moves").mirrored
    };
    assert!(!mirrored("\n00000000: 65536 0 0\n00000001: 0 65536 0\n00000002: 0 0 1073741824\n"));
    assert!(!mirrored("\n00000000: 0 65536 0\n00000001: -65536 0 0\n00000002: 0 0 1073741824\n"));
    assert!(mirrored("\n00000000: -65536 0 0\n00000001: 0 65536 0\n00000002: 0 0 1073741824\n"));
    assert!(mirrored("\n00000000: 0 65536 0\n00000001: 65536 0 0\n00000002: 0 0 1073741824\n"));
    for nonsense in ["", "\n", "00000000: x y z", "00000000: -65536\n00000001: 0 65536", "1 2 3\n4 5 6"] {
        assert!(!mirrored(nonsense), "{nonsense:?}");
    }
}

#[test]
fn pixels_become_square_unless_their_shape_is_absurd() {
    let displayed = |ratio: &str| {
        let probe = changed("anamorphic", |report| report["streams"][0]["sample_aspect_ratio"] = json!(ratio));
        let Size { width, height } = probe.expect("readable").video.expect("it moves").displayed;
        (width, height)
    };
    assert_eq!(displayed("4:3"), (1920, 1080));
    assert_eq!(displayed("3:4"), (1080, 1080));
    for absurd in ["0:1", "1:0", "9:1", "1:9", "4294967295:1", "-4:3", "4", ""] {
        assert_eq!(displayed(absurd), (1440, 1080), "{absurd}");
    }
}

#[test]
fn a_rate_varies_if_it_differs_from_the_one_that_fits_every_timestamp() {
    let varies = |name: &str, average: &str, fitting: &str| {
        let probe = changed(name, |report| {
            report["streams"][0]["avg_frame_rate"] = json!(average);
            report["streams"][0]["r_frame_rate"] = json!(fitting);
        });
        let video = probe.expect("readable").video.expect("it moves");
        (video.frame_rate.into(), video.variable_frame_rate)
    };
    assert_eq!(varies("no-sound", "30/1", "30/1"), ((30, 1), false));
    assert_eq!(varies("no-sound", "30000/1001", "30/1"), ((30_000, 1001), false));
    assert_eq!(varies("no-sound", "960000/38537", "25/1"), ((25, 1), false), "24.91 by its last frame");
    assert_eq!(varies("no-sound", "37/2", "30/1"), ((37, 2), true));
    assert_eq!(varies("no-sound", "25/1", "50/1"), ((25, 1), true));
    assert_eq!(varies("interlaced-h264", "25/1", "50/1"), ((25, 1), false));
    assert_eq!(varies("no-sound", "0/0", "30/1"), ((30, 1), false));
    assert_eq!(varies("no-sound", "0/0", "0/0"), ((25, 1), true));
    assert_eq!(varies("no-sound", "25/1", "0/0"), ((25, 1), true));
}

#[test]
fn the_default_stream_is_shown_else_the_largest_but_never_a_cover() {
    let picture = |index: u32, width: u32, default: u8, cover: u8| {
        json!({ "index": index, "codec_type": "video", "codec_name": "h264", "width": width, "height": 90,
            "disposition": { "default": default, "attached_pic": cover } })
    };
    let shown = |streams: Vec<Value>| {
        let probe = read(&json!({ "format": { "duration": "1.0" }, "streams": streams })).expect("readable");
        (probe.video.map(|video| video.index), probe.cover_stream)
    };
    assert_eq!(shown(vec![picture(0, 100, 0, 0), picture(1, 50, 1, 0)]), (Some(1), None));
    assert_eq!(shown(vec![picture(0, 50, 1, 0), picture(1, 100, 1, 0)]), (Some(1), None));
    assert_eq!(shown(vec![picture(0, 50, 0, 0), picture(1, 50, 0, 0)]), (Some(0), None));
    assert_eq!(shown(vec![picture(0, 900, 1, 1), picture(1, 50, 0, 0)]), (Some(1), Some(0)));
    let thumbnails = json!({ "index": 0, "codec_type": "video", "codec_name": "mjpeg", "width": 900, "height": 90,
        "disposition": { "default": 1, "timed_thumbnails": 1 } });
    assert_eq!(shown(vec![thumbnails, picture(1, 50, 0, 0)]), (Some(1), None));
}

#[test]
fn depth_comes_from_the_decoder_or_from_the_name_of_the_pixel_format() {
    for (format, reported, depth) in [
        ("yuv420p", "", 8),
        ("yuv420p", "8", 8),
        ("yuv420p10le", "", 10),
        ("yuv422p12be", "", 12),
        ("p010le", "", 10),
        ("gray16be", "", 16),
        ("rgb48le", "", 16),
        ("rgb24", "", 8),
        ("nv12", "", 8),
        ("rgb565le", "", 8),
        ("yuv420p", "10", 10),
        ("yuv420p10le", "0", 10),
        ("é9", "", 9),
        ("", "", 8),
    ] {
        let probe = changed("no-sound", |report| {
            report["streams"][0]["pix_fmt"] = json!(format);
            report["streams"][0]["bits_per_raw_sample"] = json!(reported);
        });
        assert_eq!(probe.expect("readable").video.expect("it moves").bit_depth, depth, "{format} {reported}");
    }
}

#[test]
fn high_dynamic_range_is_detected_by_its_transfer() {
    let range = |name| fixtures::probe(name).video.map(|video| video.dynamic_range);
    assert_eq!(range("hdr-arib-std-b67"), Some(DynamicRange::Hlg));
    assert_eq!(range("hdr-smpte2084"), Some(DynamicRange::Pq));
    assert_eq!(range("no-sound"), Some(DynamicRange::Sdr));
}

#[test]
fn a_duration_is_the_containers_else_the_longest_streams_else_zero() {
    let duration = |format: Value, streams: [Value; 2]| {
        let stream = |(index, duration): (usize, Value)| {
            let mut stream = json!({ "index": index, "codec_type": "audio", "codec_name": "aac", "channels": 1,
                "sample_rate": "48000" });
            stream.as_object_mut().expect("an object").extend(duration.as_object().expect("an object").clone());
            stream
        };
        let streams: Vec<Value> = streams.into_iter().enumerate().map(stream).collect();
        read(&json!({ "format": format, "streams": streams })).expect("readable").duration_ms
    };
    let none = || json!({});
    assert_eq!(duration(json!({ "duration": "1.2345" }), [json!({ "duration": "9" }), none()]), 1235);
    assert_eq!(
        duration(json!({ "duration": "N/A" }), [json!({ "duration": "2.5" }), json!({ "duration": "3" })]),
        3000
    );
    assert_eq!(duration(none(), [json!({ "tags": { "DURATION": "01:02:03.500000000" } }), none()]), 3_723_500);
    for hostile in ["-1", "nan", "inf", "1e300", "315360001", "00:99:00"] {
        assert_eq!(duration(json!({ "duration": hostile }), [json!({ "tags": { "DURATION": hostile } }), none()]), 0);
    }
    assert_eq!(fixtures::probe("no-duration").duration_ms, 0);
}

#[test]
fn packet_times_override_the_header_and_a_large_gap_is_reported() {
    let read = |container: &str, claimed_s: f64, found: &[f64], exact: bool| {
        let mut probe = changed("two-sounds", |report| {
            report["format"]["format_name"] = json!(container);
            report["format"]["duration"] = json!(claimed_s.to_string());
        })
        .expect("readable");
        for stream_ms in probe.audio.iter_mut().map(|sound| &mut sound.duration_ms) {
            *stream_ms = None;
        }
        probe.video = None;
        let mut survey = Survey::new(Clock::of(&probe.container));
        for &time in found {
            survey.add(Packet { stream: 1, shown_s: Some(time), decoded_s: Some(time), lasting_s: Some(1.0) });
        }
        probe.measured(&survey, 1000, exact);
        (probe.duration_ms, probe.claimed_ms, probe.bit_rate)
    };
    let minute: Vec<f64> = (0..60).map(f64::from).collect();
    assert_eq!(read("aac", 1359.0, &minute, false), (60_000, None, 133), "a guess");
    assert_eq!(read("matroska", 61.0, &minute, true), (60_000, None, 133), "rounded");
    assert_eq!(read("matroska", 90.0, &minute, true), (60_000, Some(90_000), 133), "cut off");
    assert_eq!(read("matroska", 1.0, &minute, true), (60_000, None, 133), "claims too little");
    assert_eq!(read("mov", 90.0, &[], true), (0, Some(90_000), 0), "nothing is present");
}

#[test]
fn a_warning_states_how_much_of_a_cut_off_file_is_present() {
    let said = |cut_off, claimed_ms| {
        let probe = Probe { cut_off, claimed_ms, duration_ms: 6789, ..fixtures::probe("no-sound") };
        probe.warnings(None).into_iter().map(|warning| warning.message).collect::<Vec<_>>()
    };
    assert_eq!(said(false, None), [""; 0]);
    assert_eq!(said(true, None), ["the end is missing: 6.7 seconds are present"]);
    assert_eq!(said(true, Some(10_000)), ["the end is missing: 6.7 of 10.0 seconds are present"]);
}

#[test]
fn a_picture_is_displayed_in_its_largest_shape() {
    let fitted = |name: &str, lines: &[&str]| {
        let mut video = fixtures::probe(name).video.expect("it moves");
        video.fit(lines.iter().filter_map(|line| Shape::read(line)));
        let Size { width, height } = video.displayed;
        (video.changes_shape, (width, height))
    };
    assert_eq!(fitted("no-sound", &[]), (false, (640, 360)));
    assert_eq!(fitted("no-sound", &["640,360,1:1", "", "640,360,1:1,"]), (false, (640, 360)));
    assert_eq!(fitted("no-sound", &["640,360,1:1", "360,640,1:1"]), (true, (640, 360)), "the first of equals");
    assert_eq!(fitted("no-sound", &["320,180,N/A", "1280,720,N/A"]), (true, (1280, 720)));
    assert_eq!(fitted("no-sound", &["640,360,1:1", "640,360,4:3"]), (true, (853, 360)), "pixels change their shape");
    assert_eq!(fitted("no-sound", &["854,480,1:1"]), (true, (854, 480)), "the header lies");
    assert_eq!(fitted("portrait", &["1920,1080,1:1", "640,360,1:1"]), (true, (1080, 1920)), "turned");
    assert_eq!(fitted("no-sound", &["0,360", "x", "640"]), (false, (640, 360)));
}

#[test]
fn tags_are_a_fixed_choice_without_locations_and_comments() {
    let text = serde_json::to_string(&fixtures::probe("song")).expect("serializable");
    assert!(text.contains("A long road"), "{text}");
    assert!(!text.contains("52.5") && !text.contains("private"), "{text}");
}

#[test]
fn a_text_is_one_line_without_hidden_characters() {
    assert_eq!(shown("  a\r\n\tb\u{0}c  ").as_deref(), Some("a b c"));
    assert_eq!(shown("\u{202e}gpj.exe\u{2066}\u{feff}").as_deref(), Some("gpj.exe"));
    assert_eq!(shown("e\u{301} 👩\u{200d}🎤").as_deref(), Some("e\u{301} 👩\u{200d}🎤"));
    assert_eq!(shown(" \u{200b} \n"), None);
    assert_eq!(shown(&"ä".repeat(300)), Some("ä".repeat(200)));
}

#[test]
fn unexpected_technical_names_are_dropped() {
    assert_eq!(word("yuv420p10le"), "yuv420p10le");
    for hostile in ["unknown", "a b", "<script>", "é", &"x".repeat(41)] {
        assert_eq!(word(hostile), "", "{hostile}");
    }
    assert_eq!(text::language("ENG").as_deref(), Some("eng"));
    assert_eq!(text::language("und"), None);
    assert_eq!(text::language("e\"g"), None);
}

#[test]
fn chapters_are_bounded_and_in_order() {
    let probe = changed("chapters", |report| {
        let chapter = |i: u64| json!({ "start_time": (1000 - i).to_string(), "end_time": "2000.0" });
        report["chapters"] = (0..1000).map(chapter).collect();
        report["chapters"][0]["end_time"] = json!("1.0");
    })
    .expect("readable");
    assert_eq!(probe.chapters.len(), MAX_CHAPTERS);
    assert!(probe.chapters.is_sorted_by_key(|chapter| chapter.start_ms));
    assert_eq!(probe.chapters.last().map(|chapter| chapter.start_ms), Some(999_000));
}

#[test]
fn undecodable_files_are_refused() {
    assert_eq!(code(Probe::read(b"")), Some(ErrorCode::CorruptMedia));
    assert_eq!(code(Probe::read(b"{}")), Some(ErrorCode::CorruptMedia));
    assert_eq!(code(Probe::read(b"{\"streams\": 7}")), Some(ErrorCode::CorruptMedia));
    assert_eq!(code(read(&json!({ "format": {}, "streams": [] }))), Some(ErrorCode::CorruptMedia));
    let unknown_codec = |report: &mut Value| {
        report["streams"][0].as_object_mut().expect("an object").remove("codec_name");
    };
    assert_eq!(code(changed("no-sound", unknown_codec)), Some(ErrorCode::UnsupportedMedia));
    assert_eq!(code(changed("mono-96k", unknown_codec)), Some(ErrorCode::UnsupportedMedia));
    assert_eq!(
        code(changed("no-sound", |report| report["streams"][0]["nb_frames"] = json!("0"))),
        Some(ErrorCode::CorruptMedia)
    );
    assert_eq!(
        code(changed("no-sound", |report| report["streams"][0]["width"] = json!(0))),
        Some(ErrorCode::CorruptMedia)
    );
}

#[test]
fn an_audio_file_may_have_a_cover_but_not_only_a_cover() {
    let song = fixtures::probe("song");
    assert_eq!((song.video, song.cover_stream), (None, Some(1)));
    let cover_alone = changed("song", |report| {
        report["streams"].as_array_mut().expect("streams").remove(0);
    });
    assert_eq!(code(cover_alone), Some(ErrorCode::UnsupportedMedia));
}

proptest! {
    #[test]
    fn kept_text_is_short_and_has_no_hidden_characters(text in any::<String>()) {
        if let Some(kept) = shown(&text) {
            prop_assert!(kept.chars().count() <= 200);
            prop_assert!(!kept.chars().any(char::is_control));
            prop_assert_eq!(kept.trim(), kept.as_str());
            prop_assert_eq!(shown(&kept), Some(kept));
        }
    }

    #[test]
    fn no_report_makes_it_panic(
        width: u32, height: u32, ratio in "[0-9]{0,10}:[0-9]{0,10}", rate in "[0-9]{0,11}/[0-9]{0,11}",
        duration in "[-0-9.einfa]{0,12}", rotation: f64, format in "[a-z0-9é]{0,12}",
        matrix in "[-0-9: \n]{0,60}",
    ) {
        let report = json!({
            "format": { "duration": duration, "nb_streams": height },
            "streams": [{ "codec_type": "video", "codec_name": "h264", "width": width, "height": height,
                "sample_aspect_ratio": ratio, "avg_frame_rate": rate, "r_frame_rate": rate, "pix_fmt": format,
                "side_data_list": [{ "rotation": rotation, "displaymatrix": matrix }] }],
        });
        if let Ok(probe) = read(&report) {
            let video = probe.video.expect("the only stream");
            prop_assert!(video.displayed.pixels() > 0);
        }
    }
}
