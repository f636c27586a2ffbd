//! The shapes that a picture has on the way: recorders of windows, phones that are turned and broadcasts change them.

use super::{child::Runner, line::Line, probe::by_line, sandbox::Program, workspace::Workspace};
use crate::error::{MediaError, Transient};
use smmu_core::av::{AvLimits, Probe, Shape};
use std::{fs, time::Duration};

/// Codecs of which recorders change the size on the way; what they write is decoded by keyframes alone. Of others every
/// frame is one, and would have to be decoded.
const CHANGING: &[&str] =
    &["vp8", "vp9", "av1", "h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "h263", "flv1", "vc1"];

/// Codecs whose decoder decodes every frame, whatever it is told: their keyframes are copied into a file of their own.
const WHOLE: &[&str] = &["av1"];

/// Name of that file in the private folder.
const KEYFRAMES: &str = "keyframes";

/// More changes than anyone sees.
const MAX_SHAPES: usize = 1000;

/// Makes room for every shape that a picture has on the way, by its keyframes.
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
        // What cannot be decoded is judged where it is.
        Ok(()) | Err(MediaError::Refused(_) | MediaError::Transient(Transient::TimedOut { .. })) => {}
        Err(fault @ MediaError::Transient(_)) => return Err(fault),
    }
    // It may not be there.
    let _ = fs::remove_file(space.path(KEYFRAMES));
    video.fit(shapes);
    limits.check(probe)?;
    Ok(())
}

/// The line that tells the shapes, once there is what it reads.
fn line(codec: &str, stream: u32, space: &Workspace, runner: &Runner, limits: &AvLimits) -> Result<Line, MediaError> {
    let told = "-show_entries frame=width,height,sample_aspect_ratio -of csv=p=0";
    if !WHOLE.contains(&codec) {
        let frames = format!("-select_streams {stream} {told}");
        return Ok(Line::ffprobe().with(frames).source(limits, "-skip_frame nokey"));
    }
    let copied = format!("-map 0:{stream} -c copy -bsf:v noise=drop=not(key) -f matroska file:{KEYFRAMES}");
    runner.run(Program::Ffmpeg, Line::quiet_ffmpeg().source(limits, "").with(copied).words(), &mut |_| {
        space.check_size()
    })?;
    Ok(Line::ffprobe().with(told).with(format!("-max_pixels {}", limits.max_pixels)).input(KEYFRAMES))
}
