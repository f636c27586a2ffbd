//! Clips made on the spot by ffmpeg, and a second look at what was made of them, also by ffmpeg, with
//! other command lines than the product's.

use image::RgbImage;
use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

/// Runs a program on words that hold no space, except where they are paths.
fn run(program: &str, words: &str, paths: &[&Path]) -> Output {
    let mut command = Command::new(program);
    command.args(["-hide_banner", "-v", "error"]).args(words.split_whitespace()).args(paths).stdin(Stdio::null());
    command.output().expect("ffmpeg is installed")
}

fn ran(program: &str, words: &str, paths: &[&Path]) -> Output {
    let output = run(program, words, paths);
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Makes a clip.
pub(crate) fn make(words: &str, path: &Path) {
    ran("ffmpeg", words, &[Path::new("-y"), path]);
}

/// Says of every file, as JSON, what ffprobe knows of it.
pub(crate) fn probe(words: &str, path: &Path) -> serde_json::Value {
    let output = ran("ffprobe", &format!("-of json {words}"), &[path]);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Everything that a decoder complains of on the way to the end of a file or a playlist.
pub(crate) fn complaints(path: &Path) -> String {
    let output = run("ffmpeg", "-xerror -i", &[path, Path::new("-f"), Path::new("null"), Path::new("-")]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { words } else { format!("{}: {words}", output.status) }
}

/// Times of the keyframes of a file's picture, in milliseconds.
pub(crate) fn keyframes_ms(path: &Path) -> Vec<u64> {
    let report = probe("-select_streams v -show_entries packet=pts_time,flags", path);
    let packets = report["packets"].as_array().expect("packets").iter();
    let keys = packets.filter(|packet| packet["flags"].as_str().is_some_and(|flags| flags.starts_with('K')));
    keys.map(|packet| seconds_as_ms(packet["pts_time"].as_str().expect("a time"))).collect()
}

/// Frames that a file's picture decodes to.
pub(crate) fn frames(path: &Path) -> u64 {
    let report = probe("-select_streams v -count_frames -show_entries stream=nb_read_frames", path);
    report["streams"][0]["nb_read_frames"].as_str().expect("a count").parse().expect("a number")
}

/// Duration of a file, in milliseconds.
pub(crate) fn duration_ms(path: &Path) -> u64 {
    let report = probe("-show_entries format=duration", path);
    seconds_as_ms(report["format"]["duration"].as_str().expect("a duration"))
}

/// How long a file's picture plays, in milliseconds.
pub(crate) fn duration_of_picture_ms(path: &Path) -> u64 {
    let report = probe("-select_streams v -show_entries stream=duration", path);
    seconds_as_ms(report["streams"][0]["duration"].as_str().expect("a duration"))
}

fn seconds_as_ms(seconds: &str) -> u64 {
    (seconds.parse::<f64>().expect("seconds") * 1000.0).round() as u64
}

/// The frame at a time, in RGB, as a player that heeds the file's colours shows it.
pub(crate) fn frame(path: &Path, at_ms: u64, width: u32, height: u32) -> RgbImage {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-ss", &format!("{at_ms}ms"), "-i"]).arg(path);
    command.args(["-map", "0:v:0", "-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]);
    let output = command.stdin(Stdio::null()).output().expect("ffmpeg is installed");
    RgbImage::from_raw(width, height, output.stdout).expect("a frame of that size")
}

/// Sound of a file, mixed to one channel of 48 kHz.
pub(crate) fn samples(path: &Path) -> Vec<i16> {
    let words = ["-map", "0:a:0", "-ac", "1", "-ar", "48000", "-f", "s16le", "-"].map(Path::new);
    let output = ran("ffmpeg", "-i", &[&[path][..], &words].concat());
    output.stdout.as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect()
}

/// Integrated loudness in LUFS and true peak in dBTP of a file.
pub(crate) fn loudness(path: &Path) -> (f64, f64) {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostats", "-i"]).arg(path);
    command.args(["-map", "0:a:0", "-af", "ebur128=peak=true:framelog=verbose", "-f", "null", "-"]);
    let output = command.stdin(Stdio::null()).output().expect("ffmpeg is installed");
    assert!(output.status.success());
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let value = |label: &str| {
        let line = log.lines().rev().find_map(|line| line.trim().strip_prefix(label)).expect("a summary");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    };
    (value("I:"), value("Peak:"))
}

/// Mean luma of every frame of a file's picture.
pub(crate) fn brightness(path: &Path) -> Vec<u8> {
    let words = ["-map", "0:v:0", "-vf", "scale=1:1:flags=area,format=gray", "-f", "rawvideo", "-"].map(Path::new);
    ran("ffmpeg", "-i", &[&[path][..], &words].concat()).stdout
}
