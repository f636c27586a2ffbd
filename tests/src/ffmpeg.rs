//! ffmpeg for tests: makes samples, and checks outputs by decoding them to the end.

use std::{path::Path, process::Command};

/// Makes a file from input arguments and coding arguments.
///
/// # Panics
/// If ffmpeg is missing or fails.
pub fn run(inputs: &[&str], coding: &[&str], file: &Path) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"]).args(inputs).args(coding).arg(file);
    output_of(&mut ffmpeg);
}

/// Decodes streams of a file, or of an HLS playlist in the same folder as its segments, to the end. `streams` is the
/// argument of ffmpeg's `-map`. Returns the duration in seconds.
///
/// # Panics
/// If ffmpeg reports any error.
#[must_use]
pub fn decoded_seconds(file: &Path, streams: &str) -> f64 {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-hide_banner", "-loglevel", "error", "-nostats", "-xerror", "-progress", "pipe:1"]);
    if file.extension().is_some_and(|extension| extension == "m3u8") {
        // ffmpeg does not accept the extension .mp4 for segments of a playlist by default.
        ffmpeg.args(["-allowed_extensions", "ALL"]);
    }
    ffmpeg.arg("-i").arg(file).args(["-map", streams, "-f", "null", "-"]);
    let printed = output_of(&mut ffmpeg);
    let mut times = printed.lines().filter_map(|line| line.strip_prefix("out_time_us=")?.parse::<f64>().ok());
    times.next_back().expect("ffmpeg prints its progress") / 1e6
}

/// Stored width and height of the video in a file, before any rotation for display.
///
/// # Panics
/// If ffprobe fails.
#[must_use]
pub fn stored_size(file: &Path) -> (u64, u64) {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "json"]);
    let printed = output_of(ffprobe.arg(file));
    let found: serde_json::Value = serde_json::from_str(&printed).expect("ffprobe writes JSON");
    let edge = |name: &str| found["streams"][0][name].as_u64().expect("a picture has two edges");
    (edge("width"), edge("height"))
}

/// Integrated loudness of a file in LUFS (ITU-R BS.1770), and its true peak in dBFS.
///
/// # Panics
/// If ffmpeg fails.
#[must_use]
pub fn loudness(file: &Path) -> (f64, f64) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-hide_banner", "-nostats", "-i"]).arg(file);
    ffmpeg.args(["-map", "0:a:0", "-af", "ebur128=peak=true:framelog=verbose", "-f", "null", "-"]);
    let printed = ffmpeg.output().expect("ffmpeg is installed");
    assert!(printed.status.success(), "{ffmpeg:?}");
    let printed = String::from_utf8_lossy(&printed.stderr);
    let (_, summary) = printed.rsplit_once("Summary:").expect("ffmpeg prints a summary");
    let value = |name: &str| {
        let line = summary.lines().find_map(|line| line.trim().strip_prefix(name));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("the summary has it")
    };
    (value("I:"), value("Peak:"))
}

/// Runs a program to its end and returns its output.
fn output_of(command: &mut Command) -> String {
    let output =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; tools/setup.sh run installs it"));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{command:?}: {}\n{complaints}", output.status);
    String::from_utf8(output.stdout).expect("text")
}
