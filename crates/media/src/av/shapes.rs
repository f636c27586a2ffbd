//! Finds every shape of a picture that changes midway, as in window recordings, rotated phones and broadcasts.

use super::{child::Runner, line::Line, probe::by_line, sandbox::Program, workspace::Workspace};
use crate::error::{MediaError, Transient};
use smmu_core::av::{AvLimits, Probe, Shape};
use std::{fs, time::Duration};

/// Codecs whose recorders change the size midway. Only their keyframes are decoded to find the sizes. In other codecs
/// every frame is a keyframe, so that the whole video would have to be decoded.
const CHANGING: &[&str] =
    &["vp8", "vp9", "av1", "h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "h263", "flv1", "vc1"];

/// Codecs whose decoder ignores the option to skip other frames: their keyframes are first copied into a separate file.
const WHOLE: &[&str] = &["av1"];

/// Name of that file in the private folder.
const KEYFRAMES: &str = "keyframes";

/// Most distinct shapes that are recorded; real videos have far fewer.
const MAX_SHAPES: usize = 1000;

/// Adds every shape that the picture's keyframes have to the probe.
pub(super) fn fit(probe: &mut Probe, space: &Workspace, runner: &Runner, limits: &AvLimits) -> Result<(), MediaError> {
    let Some(video) = probe.video.as_mut().filter(|video| CHANGING.contains(&video.codec.as_str())) else {
        return Ok(());
    };
    let runner =
        Runner { bounds: super::sandbox::Bounds { wall_time: Duration::from_mins(10), ..runner.bounds }, ..*runner };
    let mut shapes: Vec<Shape> = Vec::new();
    let run = line(&video.codec, video.index, space, &runner, limits).and_then(|line| {
        by_line(&runner, &line, &mut |line| {
            let shape = Shape::read(line).filter(|shape| shapes.len() < MAX_SHAPES && !shapes.contains(shape));
            shapes.extend(shape);
        })
    });
    match run {
        // Frames that cannot be decoded are handled by the main pass.
        Ok(()) | Err(MediaError::Refused(_) | MediaError::Transient(Transient::TimedOut { .. })) => {}
        Err(error @ MediaError::Transient(_)) => return Err(error),
    }
    // Fails if it does not exist, which is fine.
    let _ = fs::remove_file(space.path(KEYFRAMES));
    video.fit(shapes);
    limits.check(probe)?;
    Ok(())
}

/// The command line that prints the shapes. First makes the file of keyframes, if the codec needs it.
fn line(codec: &str, stream: u32, space: &Workspace, runner: &Runner, limits: &AvLimits) -> Result<Line, MediaError> {
    let entries = "-show_entries frame=width,height,sample_aspect_ratio -of csv=p=0";
    if !WHOLE.contains(&codec) {
        let frames = format!("-select_streams {stream} {entries}");
        return Ok(Line::ffprobe().with(frames).source(limits, "-skip_frame nokey"));
    }
    let copied = format!("-map 0:{stream} -c copy -bsf:v noise=drop=not(key) -f matroska file:{KEYFRAMES}");
    runner.run(Program::Ffmpeg, Line::quiet_ffmpeg().source(limits, "").with(copied).words(), &mut |_| {
        space.check_size()
    })?;
    Ok(Line::ffprobe().with(entries).with(format!("-max_pixels {}", limits.max_pixels)).input(KEYFRAMES))
}
