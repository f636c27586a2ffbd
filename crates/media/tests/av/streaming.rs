//! HLS outputs, the download, and the stills.

use crate::{Bench, H264, Made, ffmpeg, moving, profile, tone};
use smmu_core::av::{Av1Profile, AvProfile, hls::MediaPlaylist};
use std::{fs, path::Path};

/// A segment and a third, in seconds.
const SECONDS: u32 = 8;

fn clip() -> String {
    let (picture, sound) = (moving("320x240", "30000/1001", SECONDS), tone(440, SECONDS.into()));
    format!("{picture} {sound} {H264} -g 250 -c:a aac -ac 2")
}

fn assert_streams(made: &Made) {
    let rungs = made.ending("p.mp4");
    let counts: Vec<_> = rungs.iter().map(|path| (ffmpeg::frames(path), ffmpeg::duration_ms(path))).collect();
    assert!(counts.windows(2).all(|pair| pair[0] == pair[1]), "{counts:?}");
    assert!(counts[0].1.abs_diff(8000) <= 34, "{counts:?}");
    for path in &rungs {
        // After 60, 120 and 180 frames of 1001/30000 s; SVT-AV1 supports only one keyframe interval.
        let is_av1 = path.to_string_lossy().contains("av1");
        let wanted: &[u64] = if is_av1 { &[0, 6006] } else { &[0, 2002, 4004, 6006] };
        assert_eq!(ffmpeg::keyframes_ms(path), wanted, "{}", path.display());
    }
    for path in made.ending("o.m3u8").into_iter().chain(made.ending("p.m3u8")) {
        let text = fs::read_to_string(&path).expect("a playlist");
        assert!(text.contains("\n#EXT-X-INDEPENDENT-SEGMENTS\n"), "{text}");
        if !path.ends_with("master.m3u8") {
            assert_covers(&MediaPlaylist::read(&text).expect("a playlist"), path.parent().expect("a folder"));
        }
    }
    made.assert_valid();
}

/// Asserts that header and segments cover the whole file, in order, and that each segment starts with a fragment.
fn assert_covers(playlist: &MediaPlaylist, folder: &Path) {
    let content = fs::read(folder.join(&playlist.uri)).expect("segments");
    let mut end = playlist.init.length;
    assert_eq!(playlist.init.offset, 0);
    for segment in &playlist.segments {
        assert_eq!(segment.range.offset, end);
        assert_eq!(&content[end as usize + 4..end as usize + 8], b"moof");
        end += segment.range.length;
        assert!(segment.duration_us.get() <= u64::from(playlist.target_duration_s) * 1_000_000 + 500_000);
    }
    assert_eq!(end, content.len() as u64);
}

/// Bandwidth, average bandwidth, codecs and playlist of each variant of a master playlist.
fn variants(master: &str) -> Vec<(u64, u64, String, String)> {
    let value = |line: &str, name: &str| {
        let rest = line.split_once(name).expect("the attribute").1;
        rest.strip_prefix('"').map_or_else(
            || rest.split([',', '\n']).next().unwrap_or_default().to_owned(),
            |quoted| quoted.split('"').next().unwrap_or_default().to_owned(),
        )
    };
    let lines: Vec<&str> = master.lines().collect();
    let variants = lines.windows(2).filter(|pair| pair[0].starts_with("#EXT-X-STREAM-INF"));
    let number = |text: String| text.parse().expect("a number");
    variants
        .map(|pair| {
            let bandwidth = number(value(pair[0], ":BANDWIDTH="));
            let average = number(value(pair[0], "AVERAGE-BANDWIDTH="));
            (bandwidth, average, value(pair[0], "CODECS="), pair[1].to_owned())
        })
        .collect()
}

#[test]
fn rungs_have_the_same_frames_and_keyframes_and_playlists_cover_them() {
    let made = Bench::with_clip(&clip(), "mp4").transcode();
    assert_streams(&made);
    let bytes = |name: &str| made.artifact(name).bytes;
    for (bandwidth, average, codecs, playlist) in variants(&made.text("master.m3u8")) {
        // x264's ultrafast preset uses no feature beyond Baseline, and signals Baseline.
        assert_eq!(codecs, "avc1.42C01E,mp4a.40.2");
        // The tolerance covers the header and rounding.
        let segments = bytes(&playlist.replace("m3u8", "mp4")) + bytes("audio.mp4");
        let measured = segments * 8 / u64::from(SECONDS);
        assert!(average.abs_diff(measured) <= measured / 20, "states {average}, measured {measured}");
        assert!(bandwidth >= average);
    }
    let streams = ffmpeg::probe("-show_entries stream=codec_type:format=nb_programs", &made.path("master.m3u8"));
    assert_eq!(streams["format"]["nb_programs"], 2, "{streams}");
    // The download starts with its header, so that it plays while loading.
    let download = fs::read(made.path("video.mp4")).expect("a download");
    assert_eq!(&download[download[3] as usize + 4..][..4], b"moov");
}

#[test]
fn optional_av1_rungs_are_in_step_with_h264() {
    let av1: Av1Profile = serde_json::from_value(serde_json::json!({ "preset": 12, "crf": 50 })).expect("in range");
    let made = Bench::with_clip(&clip(), "mp4").transcode_as(&AvProfile { av1: Some(av1), ..profile() });
    assert_streams(&made);
    let codecs: Vec<_> = variants(&made.text("master.m3u8")).into_iter().map(|(.., codecs, _)| codecs).collect();
    assert_eq!(codecs.len(), 4);
    assert!(codecs[2..].iter().all(|codecs| codecs.starts_with("av01.0.") && codecs.ends_with(".08,mp4a.40.2")));
    assert_eq!(
        ffmpeg::probe("-show_entries stream=codec_name", &made.path("video-av1-240p.mp4"))["streams"][0]["codec_name"],
        "av1"
    );
}

#[test]
fn metadata_of_the_source_is_stripped_from_every_output() {
    let clip = format!(
        "{} {} -metadata title=Mysecret -metadata artist=Mysecret -metadata comment=Mysecret \
         -metadata location=+52.5200+013.4050/ -metadata make=Mysecret -metadata:s:v:0 handler_name=Mysecret \
         -metadata:s:a:0 title=Mysecret -movflags use_metadata_tags {H264} -c:a aac",
        moving("160x120", "25", 1),
        tone(440, 1.0)
    );
    let made = Bench::with_clip(&clip, "mov").transcode();
    for name in made.names() {
        let content = fs::read(made.path(name)).expect("an artifact");
        for words in [&b"Mysecret"[..], b"+52.52", b"013.40"] {
            assert!(!content.windows(words.len()).any(|window| window == words), "{name}");
        }
    }
    let manifest = made.text("manifest.json");
    assert!(manifest.contains(r#""title": "Mysecret""#), "only the manifest contains the title");
    assert!(!manifest.contains("52.52") && !manifest.contains("comment"), "{manifest}");
}

#[test]
fn the_poster_is_not_a_black_frame_unless_the_whole_video_is_black() {
    let late = "-f lavfi -i color=black:size=320x240:rate=25:duration=1.5 \
                -f lavfi -i testsrc2=size=320x240:rate=25:duration=2.5 -filter_complex [0][1]concat";
    let light = |clip: &str| {
        let made = Bench::with_clip(&format!("{clip} {H264}"), "mp4").transcode();
        let poster = image::open(made.path("poster.jpg")).expect("a picture").into_luma8();
        poster.pixels().map(|pixel| u64::from(pixel.0[0])).sum::<u64>() / u64::from(poster.width() * poster.height())
    };
    assert!(light(late) > 40);
    assert!(light("-f lavfi -i color=black:size=320x240:rate=25:duration=2") < 3);
}

#[test]
fn each_storyboard_tile_shows_its_time_and_the_preview_is_animated() {
    // Brighter every second.
    let clip = format!(
        "-f lavfi -i color=black:size=320x240:rate=25:duration=8,geq=lum=30+25*floor(T):cb=128:cr=128 {H264} -qp 10"
    );
    let made = Bench::with_clip(&clip, "mp4").transcode();
    let sheet = image::open(made.path("storyboard.jpg")).expect("a sheet").into_luma8();
    let cues = made.text("storyboard.vtt");
    let cues: Vec<&str> = cues.split("\n\n").skip(1).collect();
    assert_eq!(cues.len(), 8);
    for (second, cue) in (0_i32..).zip(&cues) {
        assert!(cue.starts_with(&format!("00:00:0{second}.000 --> ")), "{cue}");
        let place = cue.trim_end().split_once("storyboard.jpg#xywh=").expect("a place").1;
        let [x, y, width, height] =
            place.split(',').map(|number| number.parse::<u32>().expect("a number")).collect::<Vec<_>>()[..]
        else {
            panic!("{place}")
        };
        assert!(x + width <= sheet.width() && y + height <= sheet.height(), "{cue}");
        let luma = i32::from(sheet.get_pixel(x + width / 2, y + height / 2).0[0]);
        // Converted from video range (16 to 235) to full range.
        let wanted = (30 + 25 * second - 16) * 255 / 219;
        assert!((luma - wanted).abs() <= 6, "tile {second} is {luma}, not {wanted}");
    }
    let preview = made.artifact("preview.webp");
    let frames = image::AnimationDecoder::into_frames(
        image::codecs::webp::WebPDecoder::new(std::io::Cursor::new(fs::read(made.path("preview.webp")).expect("read")))
            .expect("a WebP"),
    );
    let frames = frames.collect_frames().expect("frames");
    assert_eq!(Some(frames.len() as u32), preview.frames);
    assert!(frames.len() > 1);
    let lasts_ms: u32 = frames.iter().map(|frame| frame.delay().numer_denom_ms()).map(|(ms, parts)| ms / parts).sum();
    assert!((2500..=3050).contains(&lasts_ms), "{lasts_ms} ms");
    assert_eq!(preview.duration_ms, Some(u64::from(lasts_ms)));
}
