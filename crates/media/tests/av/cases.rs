//! Transcodes the video and audio files in the folder `SMMU_CASES_DIR`, which users sent, and checks the results.

use crate::{Bench, Made, ffmpeg};
use smmu_core::{MediaKind, WarningCode};
use std::{collections::BTreeSet, env, fs, path::PathBuf};

/// A given file and its expected results.
struct Case {
    name: &'static str,
    /// Duration in milliseconds.
    ms: u64,
    /// Frames of the picture; `None` for audio.
    frames: Option<u64>,
    /// The warning in the manifest.
    warning: Option<WarningCode>,
}

const fn sound(name: &'static str, ms: u64) -> Case {
    Case { name, ms, frames: None, warning: None }
}

const fn video(name: &'static str, ms: u64, frames: u64) -> Case {
    Case { name, ms, frames: Some(frames), warning: None }
}

const CASES: &[Case] = &[
    // By its bit rate it would seem to last 1,359 s.
    sound("adts-quiet-start.aac", 60_000),
    video("alpha-qtrle.mov", 3000, 30),
    // 115 frames in 3.98 s and 99 in 3.93 s: the browser's nominal rate is 30 per second.
    video("browser-recording-vp8.webm", 3980, 119),
    video("browser-recording-vp9.webm", 3930, 118),
    sound("chained.ogg", 20_000),
    sound("concat.mp3", 20_000),
    Case { name: "gap-two-hours.mkv", ms: 200, frames: Some(5), warning: Some(WarningCode::Shortened) },
    Case { name: "gap-video-25.mkv", ms: 1000, frames: Some(25), warning: Some(WarningCode::Shortened) },
    sound("leading-zeros.mp3", 10_000),
    sound("off3600.opus", 10_000),
    sound("off3600.weba", 10_000),
    video("reschange.webm", 4000, 120),
    video("start3600.mkv", 10_000, 300),
    Case { name: "trunc-frag.mp4", ms: 7000, frames: Some(212), warning: Some(WarningCode::CutOff) },
    Case { name: "trunc.mkv", ms: 7100, frames: Some(215), warning: Some(WarningCode::CutOff) },
    sound("x.ac3", 10_000),
    sound("x.au", 10_000),
    sound("x.wv", 10_000),
    video("real/fmp4-duration-all-ones.mp4", 1068, 32),
    video("real/mkv-millisecond-clock.mkv", 1070, 30),
];

/// The folder of given files, if the variable is set.
fn folder() -> Option<PathBuf> {
    let folder = env::var_os("SMMU_CASES_DIR").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("SMMU_CASES_DIR is not set: the given video and audio files are not tested");
    }
    folder
}

fn made(name: &str) -> Option<Made> {
    let content = fs::read(folder()?.join(name)).expect("a given file");
    Some(Bench::with_bytes(&content).transcode())
}

#[test]
fn every_given_video_or_audio_file_is_listed() {
    const STILLS: &[&str] =
        &["avif", "png", "tif", "gif", "heic", "jpg", "jpeg", "hif", "bmp", "rle", "md", "tsv", "py"];
    let Some(folder) = folder() else { return };
    let names = |of: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(folder.join(of)).expect("listed").map(|entry| entry.expect("read").path());
        let plays = |path: &PathBuf| {
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            path.is_file() && !STILLS.contains(&extension)
        };
        let name = |path: PathBuf| path.strip_prefix(&folder).expect("it is in the folder").display().to_string();
        entries.filter(plays).map(name).collect()
    };
    let given: BTreeSet<String> = names("").into_iter().chain(names("real")).collect();
    let named: BTreeSet<String> = CASES.iter().map(|case| case.name.to_owned()).collect();
    assert_eq!(given, named);
}

#[test]
fn every_given_video_or_audio_file_keeps_its_duration() {
    for Case { name, ms, frames, warning } in CASES {
        let Some(made) = made(name) else { return };
        let stated = made.manifest.av.as_ref().expect("facts").probe.duration_ms;
        assert!(stated.abs_diff(*ms) <= 100, "{name}: {stated} ms");
        let kind = if frames.is_some() { MediaKind::Video } else { MediaKind::Audio };
        assert_eq!(made.manifest.kind, kind, "{name}");
        let played = made.path(if frames.is_some() { "video.mp4" } else { "audio.m4a" });
        let lasting = ffmpeg::duration_ms(&played);
        assert!(lasting.abs_diff(*ms) <= 100, "{name}: {lasting} ms");
        if let Some(frames) = frames {
            let found = ffmpeg::frames(&played);
            assert!(found.abs_diff(*frames) <= 2, "{name}: {found} frames");
        }
        let warnings: Vec<_> = made.manifest.warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(warnings.first(), warning.as_ref(), "{name}");
        made.assert_valid();
    }
}

#[test]
fn a_given_video_that_is_rotated_midway_gets_bars_and_keeps_its_shape() {
    let Some(made) = made("reschange.webm") else { return };
    let (width, height) = made.size("video.mp4");
    assert!((f64::from(width) / f64::from(height) - 16.0 / 9.0).abs() < 0.02, "{width} × {height}");
    let left = |at_ms| ffmpeg::frame(&made.path("video.mp4"), at_ms, width, height).get_pixel(3, height / 2).0;
    let is_black = |pixel: [u8; 3]| pixel.iter().all(|&sample| sample < 24);
    assert!(!is_black(left(500)) && is_black(left(3500)), "{:?} {:?}", left(500), left(3500));
}

#[test]
fn a_given_video_with_alpha_hides_colours_under_transparency() {
    let Some(made) = made("alpha-qtrle.mov") else { return };
    let (width, height) = made.size("video.mp4");
    // Transparent, with red under it: must become the white background.
    let corner = ffmpeg::frame(&made.path("video.mp4"), 1000, width, height).get_pixel(2, 2).0;
    assert!(corner.iter().all(|&sample| sample > 240), "{corner:?}");
}

#[test]
fn given_flashes_and_tones_keep_their_times() {
    for (name, seconds) in
        [("start3600.mkv", &[1, 3, 5, 7, 9][..]), ("trunc-frag.mp4", &[1, 3, 5]), ("trunc.mkv", &[1, 3, 5, 7])]
    {
        let Some(made) = made(name) else { return };
        let seen = ffmpeg::flashes_ms(&made.path("video.mp4"));
        let heard = ffmpeg::tones_ms(&made.path("video.mp4"));
        assert_eq!(seen.len(), seconds.len(), "{name}: {seen:?}");
        for ((flash, tone), second) in seen.iter().zip(&heard).zip(seconds) {
            assert!(flash.abs_diff(second * 1000) <= 80, "{name}: {seen:?}");
            // In the fragments the picture is two frames late, and the audio one.
            assert!(flash.abs_diff(*tone) <= 50, "{name}: {seen:?}, {heard:?}");
        }
    }
}
