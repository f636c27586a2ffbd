//! Makes clips with ffmpeg, and inspects the outputs with ffmpeg too, with command lines that differ from the
//! product's.

use image::RgbImage;
use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

/// Runs a program. Arguments in `words` cannot contain spaces; `paths` can.
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

/// Makes a clip at `path`.
pub(crate) fn make(words: &str, path: &Path) {
    ran("ffmpeg", words, &[Path::new("-y"), path]);
}

/// Runs ffprobe on a file and returns its JSON report.
pub(crate) fn probe(words: &str, path: &Path) -> serde_json::Value {
    let output = ran("ffprobe", &format!("-of json {words}"), &[path]);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Decodes a file or a playlist to its end and returns the decoder's error messages.
pub(crate) fn decode_errors(path: &Path) -> String {
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

/// Number of frames that a file's picture decodes to.
pub(crate) fn frames(path: &Path) -> u64 {
    let report = probe("-select_streams v -count_frames -show_entries stream=nb_read_frames", path);
    report["streams"][0]["nb_read_frames"].as_str().expect("a count").parse().expect("a number")
}

/// Duration of a file, in milliseconds.
pub(crate) fn duration_ms(path: &Path) -> u64 {
    let report = probe("-show_entries format=duration", path);
    seconds_as_ms(report["format"]["duration"].as_str().expect("a duration"))
}

/// Duration of a file's picture, in milliseconds.
pub(crate) fn duration_of_picture_ms(path: &Path) -> u64 {
    let report = probe("-select_streams v -show_entries stream=duration", path);
    seconds_as_ms(report["streams"][0]["duration"].as_str().expect("a duration"))
}

fn seconds_as_ms(seconds: &str) -> u64 {
    (seconds.parse::<f64>().expect("seconds") * 1000.0).round() as u64
}

/// The frame at a time, in RGB, as a player that applies the file's colour tags shows it.
pub(crate) fn frame(path: &Path, at_ms: u64, width: u32, height: u32) -> RgbImage {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-ss", &format!("{at_ms}ms"), "-i"]).arg(path);
    command.args(["-map", "0:v:0", "-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]);
    let output = command.stdin(Stdio::null()).output().expect("ffmpeg is installed");
    RgbImage::from_raw(width, height, output.stdout).expect("a frame of that size")
}

/// Audio of a file, mixed to one channel of 48 kHz.
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

/// Times at which the picture turns bright, in milliseconds. The file must have a constant frame rate.
pub(crate) fn flashes_ms(path: &Path) -> Vec<u64> {
    let levels = brightness(path);
    let step = duration_of_picture_ms(path) as f64 / levels.len().max(1) as f64;
    let bright = |at: usize| levels[at] > 128;
    let begins = (0..levels.len()).filter(|&at| bright(at) && (at == 0 || !bright(at - 1)));
    begins.map(|at| (at as f64 * step).round() as u64).collect()
}

/// Times at which a tone starts after a quarter of a second of silence, in milliseconds.
pub(crate) fn tones_ms(path: &Path) -> Vec<u64> {
    const SILENCE: usize = 12_000;
    let mut last = None;
    let loud = samples(path).into_iter().enumerate().filter(|(_, sample)| sample.unsigned_abs() > 3000);
    let mut begins = Vec::new();
    for (at, _) in loud {
        if last.is_none_or(|last| at - last > SILENCE) {
            begins.push(at as u64 / 48);
        }
        last = Some(at);
    }
    begins
}
