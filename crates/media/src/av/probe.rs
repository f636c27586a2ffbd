//! What is in the file: one run of ffprobe, read by the core.

use super::{
    child::Runner,
    extents::Extents,
    failure::{corrupt, too_many_pixels},
    line::Line,
    making::EXACT,
    pace,
    sandbox::{Bounds, Program},
    workspace::Workspace,
};
use crate::error::{MediaError, Transient, unsupported};
use smmu_core::{
    ErrorCode, Refusal,
    av::{AvLimits, Clock, FrameRate, Packet, Probe, Survey, Timing, VideoStream},
};
use std::{fs::File, time::Duration};

/// Longer descriptions are of no file that anyone plays.
const MAX_REPORT_BYTES: usize = 4 * 1024 * 1024;

/// Probes the source, and refuses it where the probe alone tells.
pub(crate) fn probe(space: &Workspace, runner: &Runner, limits: &AvLimits) -> Result<Probe, MediaError> {
    let extents = Extents::read(&space.source()?).map_err(Transient::Read)?;
    if let Some(bytes) = extents.whole_bytes {
        space.keep_first(bytes)?;
    }
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
    let read = Probe::read(&report).map_err(MediaError::from).and_then(|mut probe| {
        // Without an index a bit rate is all that ffmpeg has to go by.
        let guessed = tail.says(&["Estimating duration from bitrate"]);
        measure(&mut probe, extents, guessed, &space.source()?, &runner, limits)?;
        limits.check(&probe)?;
        Ok(probe)
    });
    match read {
        // A picture that was not looked at for its size has none in the report.
        Err(MediaError::Refused(refusal)) => Err(too_many_pixels(&tail).unwrap_or(refusal).into()),
        read => read,
    }
}

/// How long a picture stays that has no duration, in milliseconds: a frame's time.
const STILL_MS: u64 = 40;

/// What no camera has, in frames a second: a clock whose every tick has a frame.
const FASTEST_CLOCK: f64 = 1000.5;

/// How long it plays and at what rate, by its packets, where a header is not to be relied on.
fn measure(
    probe: &mut Probe,
    extents: Extents,
    guessed: bool,
    source: &File,
    runner: &Runner,
    limits: &AvLimits,
) -> Result<(), MediaError> {
    let of_boxes = probe.container == "mov";
    // A whole MP4 has a table of all its samples, which was read already.
    let mut survey = None;
    if !of_boxes || extents.fragmented || extents.cut || probe.duration_ms == 0 {
        let survey = survey.insert(packets(probe, runner, limits)?);
        if probe.duration_ms == 0 && survey.is_interrupted() {
            return Err(corrupt("after a part of it nothing follows for more than ten minutes"));
        }
        // How long a fragmented file would have become nobody knows.
        let exact = EXACT.contains(&probe.container.as_str()) && !guessed && !extents.fragmented;
        probe.take_still_for_cover(survey);
        probe.measured(survey, source.metadata().map_err(Transient::Read)?.len(), exact);
    }
    if let Some(promised) = extents.promised_bytes.filter(|_| probe.claimed_ms.is_none()) {
        let bytes = source.metadata().map_err(Transient::Read)?.len().max(1);
        probe.claimed_ms = Some(probe.duration_ms.saturating_mul(promised) / bytes);
    }
    probe.cut_off = extents.cut || probe.claimed_ms.is_some();
    if let (Some(video), 0) = (&probe.video, probe.duration_ms)
        && survey.as_ref().is_some_and(|survey| survey.stream_ms(video.index).is_some())
    {
        // A picture that lasts for a tick of its clock is one that stays.
        probe.duration_ms = STILL_MS;
    }
    // What a file cut off says of its average is about frames that are not there.
    let doubtful =
        |video: &VideoStream| Timing::is_doubtful(video) || (survey.is_some() && of_boxes && video.variable_frame_rate);
    if let Some(video) = &mut probe.video {
        video.timed = Timing::is_doubtful(video)
            || survey.as_ref().is_some_and(|survey| survey.lasts_no_time(video.index, video.frame_rate.per_second()));
        if doubtful(video) {
            (video.frame_rate, video.variable_frame_rate) = match timing(video.index, runner, limits)? {
                Some(timing) if timing.rate.per_second() <= FASTEST_CLOCK => (timing.rate, timing.varies),
                // A picture alone lasts as long as the file says, and so do pictures that all have one time.
                Some(_) | None => (FrameRate::new(25, 1).expect("25 and 1 are positive"), true),
            };
        }
    }
    pace::look(probe, extents, survey.as_ref(), runner, limits)
}

/// What the packets of picture and sound say: all are read, none is decoded.
fn packets(probe: &Probe, runner: &Runner, limits: &AvLimits) -> Result<Survey, MediaError> {
    let streams: Vec<u32> =
        probe.video.iter().map(|video| video.index).chain(probe.audio.iter().map(|sound| sound.index)).collect();
    let mut survey = Survey::new(Clock::of(&probe.container));
    by_line(&to_the_end(runner), &survey_line(limits), &mut |line| {
        let mut fields = line.split(',');
        let stream = fields.next().and_then(|field| field.parse().ok()).filter(|stream| streams.contains(stream));
        let mut seconds = || fields.next().and_then(|field| field.parse().ok());
        let (shown_s, decoded_s, lasting_s) = (seconds(), seconds(), seconds());
        if let Some(stream) = stream {
            survey.add(Packet { stream, shown_s, decoded_s, lasting_s });
        }
    })?;
    Ok(survey)
}

/// With time for a large file that is read to its end, from a disk that may be slow.
pub(super) fn to_the_end<'a>(runner: &Runner<'a>) -> Runner<'a> {
    Runner { bounds: Bounds { wall_time: Duration::from_mins(10), ..runner.bounds }, ..*runner }
}

fn survey_line(limits: &AvLimits) -> Line {
    let entries = "-show_entries packet=stream_index,pts_time,dts_time,duration_time -of csv=p=0";
    Line::ffprobe().with(entries).source(limits, "")
}

/// Runs ffprobe and hands on every line that it writes.
pub(super) fn by_line(runner: &Runner, line: &Line, read: &mut dyn FnMut(&str)) -> Result<(), MediaError> {
    let mut rest = Vec::new();
    runner.run(Program::Ffprobe, line.words(), &mut |chunk| {
        rest.extend_from_slice(chunk);
        let whole = rest.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        String::from_utf8_lossy(&rest[..whole]).lines().for_each(&mut *read);
        rest.drain(..whole);
        Ok(())
    })?;
    Ok(())
}

/// Packets whose times are looked at: ten seconds of most videos, one of the fastest.
const TIMED_PACKETS: u32 = 300;

/// The rate by the times of the first packets.
fn timing(stream: u32, runner: &Runner, limits: &AvLimits) -> Result<Option<Timing>, MediaError> {
    let mut times = Vec::new();
    by_line(runner, &timing_line(stream, limits), &mut |line| {
        let time = line.trim_end_matches(',').parse::<f64>().ok();
        times.extend(time.filter(|_| times.len() < TIMED_PACKETS as usize));
    })?;
    Ok(Timing::of(times))
}

fn timing_line(stream: u32, limits: &AvLimits) -> Line {
    let packets = format!("-select_streams {stream} -show_entries packet=pts_time -of csv=p=0");
    Line::ffprobe().with(packets).with(format!("-read_intervals %+#{TIMED_PACKETS}")).source(limits, "")
}

fn report_line(limits: &AvLimits) -> Line {
    Line::doubting_ffprobe().with("-show_format -show_streams -show_chapters -of json").source(limits, "")
}

/// A file that cannot even be described was never proven to be of a container that is known here.
fn not_opened(error: MediaError) -> MediaError {
    match error {
        MediaError::Refused(Refusal { code: ErrorCode::CorruptMedia, .. }) => {
            Refusal::new(ErrorCode::CorruptMedia, "the file is damaged, or its container is not supported").into()
        }
        MediaError::Refused(_) | MediaError::Transient(_) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_opens_plain_containers_by_file_and_nothing_else() {
        insta::assert_snapshot!(report_line(&AvLimits::default()).words().join(" "));
    }
}
