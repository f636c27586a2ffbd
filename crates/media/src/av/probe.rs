//! What is in the file: one run of ffprobe, read by the core.

use super::{
    child::Runner,
    failure::{corrupt, too_many_pixels},
    line::Line,
    progress::ProgressReader,
    sandbox::{Bounds, Program},
};
use crate::error::{MediaError, unsupported};
use smmu_core::{
    ErrorCode, Refusal,
    av::{AvLimits, FrameRate, Probe, Span, Timing},
};
use std::time::Duration;

/// Longer descriptions are of no file that anyone plays.
const MAX_REPORT_BYTES: usize = 4 * 1024 * 1024;

/// Probes the source, and refuses it where the probe alone tells.
pub(crate) fn probe(runner: &Runner, limits: &AvLimits) -> Result<Probe, MediaError> {
    let runner = Runner { bounds: Bounds { wall_time: Duration::from_mins(1), ..runner.bounds }, ..*runner };
    let mut report = Vec::new();
    let tail = runner
        .run(Program::Ffprobe, report_line(limits).words(), &mut |chunk| {
            report.extend_from_slice(chunk);
            if report.len() <= MAX_REPORT_BYTES {
                return Ok(());
            }
            Err(unsupported("the file says more of itself than is read"))
        })
        .map_err(not_opened)?;
    match read(&report, &runner, limits) {
        // A picture that was not looked at for its size has none in the report.
        Err(MediaError::Refused(refusal)) => Err(too_many_pixels(&tail).unwrap_or(refusal).into()),
        read => read,
    }
}

fn read(report: &[u8], runner: &Runner, limits: &AvLimits) -> Result<Probe, MediaError> {
    let mut probe = Probe::read(report)?;
    if probe.container == "matroska" {
        probe.duration_ms = matroska_ms(&probe, runner, limits)?;
    } else if probe.duration_ms == 0 {
        probe.duration_ms = measured_ms(runner, limits)?;
    }
    if let Some(video) = probe.video.as_mut().filter(|video| Timing::is_doubtful(video)) {
        let timing = timing(video.index, runner, limits)?;
        (video.frame_rate, video.variable_frame_rate) = match timing {
            Some(timing) => (timing.rate, timing.varies),
            // A picture alone lasts as long as the file says.
            None => (FrameRate::new(25, 1).expect("25 and 1 are positive"), true),
        };
    }
    limits.check(&probe)?;
    Ok(probe)
}

/// How long a file of Matroska plays. Its header may say nothing (a browser's recording), count from any start, or claim
/// less than there is; what there is counts then. Where there is less than it claims, the file is cut off, and the
/// claim stays, so that whoever decodes it finds out.
fn matroska_ms(probe: &Probe, runner: &Runner, limits: &AvLimits) -> Result<u64, MediaError> {
    /// How far a header may lie below its packets, for durations that were rounded.
    const TOLERANCE_MS: u64 = 100;
    let span = span(probe, runner, limits)?;
    match probe.duration_ms {
        0 if span.is_interrupted() => Err(corrupt("after a part of it nothing follows for more than ten minutes")),
        0 => Ok(span.ms()),
        claimed_ms if span.ms() > claimed_ms + TOLERANCE_MS => Ok(span.ms()),
        claimed_ms => Ok(claimed_ms),
    }
}

/// The time that the packets of picture and sound fill: all are read, none is decoded.
fn span(probe: &Probe, runner: &Runner, limits: &AvLimits) -> Result<Span, MediaError> {
    let streams: Vec<u32> =
        probe.video.iter().map(|video| video.index).chain(probe.audio.iter().map(|sound| sound.index)).collect();
    // A large file is read to its end, from a disk that may be slow.
    let runner = Runner { bounds: Bounds { wall_time: Duration::from_mins(10), ..runner.bounds }, ..*runner };
    let (mut span, mut rest) = (Span::default(), Vec::new());
    runner.run(Program::Ffprobe, span_line(limits).words(), &mut |chunk| {
        rest.extend_from_slice(chunk);
        let whole = rest.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        for line in String::from_utf8_lossy(&rest[..whole]).lines() {
            let mut fields = line.split(',');
            let stream = fields.next().and_then(|field| field.parse().ok());
            let mut seconds = || fields.next().and_then(|field| field.parse::<f64>().ok());
            if let (true, Some(time)) = (stream.is_some_and(|stream| streams.contains(&stream)), seconds()) {
                span.add(time, seconds().unwrap_or(0.0));
            }
        }
        rest.drain(..whole);
        Ok(())
    })?;
    Ok(span)
}

fn span_line(limits: &AvLimits) -> Line {
    Line::ffprobe().with("-show_entries packet=stream_index,pts_time,duration_time -of csv=p=0").source(limits, "")
}

/// Packets whose times are looked at: ten seconds of most videos, one of the fastest.
const TIMED_PACKETS: u32 = 300;

/// Longest list of their times.
const MAX_TIMES_BYTES: usize = 64 * 1024;

/// The rate by the times of the first packets.
fn timing(stream: u32, runner: &Runner, limits: &AvLimits) -> Result<Option<Timing>, MediaError> {
    let mut list = Vec::new();
    runner.run(Program::Ffprobe, timing_line(stream, limits).words(), &mut |chunk| {
        let room = MAX_TIMES_BYTES.saturating_sub(list.len());
        list.extend_from_slice(&chunk[..chunk.len().min(room)]);
        Ok(())
    })?;
    let times =
        String::from_utf8_lossy(&list).lines().filter_map(|line| line.trim_end_matches(',').parse().ok()).collect();
    Ok(Timing::of(times))
}

fn timing_line(stream: u32, limits: &AvLimits) -> Line {
    let packets = format!("-select_streams {stream} -show_entries packet=pts_time -of csv=p=0");
    Line::ffprobe().with(packets).with(format!("-read_intervals %+#{TIMED_PACKETS}")).source(limits, "")
}

fn report_line(limits: &AvLimits) -> Line {
    Line::ffprobe().with("-show_format -show_streams -show_chapters -of json").source(limits, "")
}

/// A file that cannot even be described was never proven to be of a container that is known here.
fn not_opened(error: MediaError) -> MediaError {
    match error {
        MediaError::Refused(Refusal { code: ErrorCode::CorruptMedia, .. }) => {
            Refusal::new(ErrorCode::CorruptMedia, "the file is damaged, or of no container that is opened here").into()
        }
        MediaError::Refused(_) | MediaError::Fault(_) => error,
    }
}

/// How long a file plays that does not say so, a browser's recording for instance: all packets are
/// read, none is decoded.
fn measured_ms(runner: &Runner, limits: &AvLimits) -> Result<u64, MediaError> {
    let line = Line::ffmpeg().source(limits, "").with("-map 0:v:0? -map 0:a:0? -c copy -f null -");
    let mut progress = ProgressReader::default();
    runner.run(Program::Ffmpeg, line.words(), &mut |chunk| {
        progress.take(chunk);
        Ok(())
    })?;
    Ok(progress.out_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_opens_plain_containers_by_file_and_nothing_else() {
        insta::assert_snapshot!(report_line(&AvLimits::default()).words().join(" "));
    }
}
