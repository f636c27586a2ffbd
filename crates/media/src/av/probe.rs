//! Probes a file with ffprobe; the core parses the report.

use super::{
    child::Runner,
    extents::Extents,
    failure::too_many_pixels,
    line::Line,
    making::EXACT,
    pace,
    sandbox::{Bounds, Program},
    workspace::Workspace,
};
use crate::error::{MediaError, Transient, unsupported};
use smmu_core::{
    ErrorCode, Refusal,
    av::{AvLimits, Clock, FrameRate, Pace, Packet, Probe, StatedPicture, Survey, Timing, VideoStream},
};
use std::{fs::File, time::Duration};

/// Longest report that is read, in bytes. No ordinary file has a longer one.
const MAX_REPORT_BYTES: usize = 4 * 1024 * 1024;

/// Probes the source, and refuses it if the probe shows that it is unsupported, damaged or over a limit.
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
            Err(unsupported("the file has too much metadata"))
        })
        .map_err(not_opened)?;
    let read = Probe::read(&report).map_err(MediaError::from).and_then(|mut probe| {
        // Without an index, ffmpeg guesses the duration from the bit rate.
        let guessed = tail.says(&["Estimating duration from bitrate"]);
        measure(&mut probe, extents, guessed, &space.source()?, &runner, limits)?;
        limits.check(&probe)?;
        Ok(probe)
    });
    match read {
        // A picture over the pixel limit has no size in the report, so the refusal would name the wrong cause.
        Err(MediaError::Refused(refusal)) => Err(too_many_pixels(&tail).unwrap_or(refusal).into()),
        read => read,
    }
}

/// Duration of a picture that has none, in milliseconds: one frame.
const STILL_MS: u64 = 40;

/// Highest frame rate of phones and screens whose rate varies.
const FASTEST_USUAL: f64 = 60.5;

/// Highest plausible frame rate. Higher ones come from timestamps that only count clock ticks.
const FASTEST_CLOCK: f64 = 1000.5;

/// Measures duration and frame rate by the packets, where the header is unreliable.
fn measure(
    probe: &mut Probe,
    extents: Extents,
    guessed: bool,
    source: &File,
    runner: &Runner,
    limits: &AvLimits,
) -> Result<(), MediaError> {
    let of_boxes = probe.container == "mov";
    // A complete MP4 has a table of all its samples, which was already read. But it can contain a pause.
    let has_table = of_boxes && !extents.fragmented && !extents.cut && probe.duration_ms > 0;
    let mut survey = None;
    if !has_table || probe.duration_ms > Survey::longest_pause_ms(probe.audio.is_empty()) {
        let found = match packets(probe, runner, limits) {
            // The table was already read; only pauses in it stay unknown.
            Err(MediaError::Refused(_) | MediaError::Transient(Transient::TimedOut { .. })) if has_table => None,
            found => Some(found?),
        };
        let is_needed = !has_table || found.as_ref().is_some_and(Survey::is_interrupted);
        if let Some(found) = found.as_ref().filter(|_| is_needed) {
            // The intended duration of a fragmented file is unknown.
            let exact = EXACT.contains(&probe.container.as_str()) && !guessed && !extents.fragmented;
            probe.take_still_for_cover(found);
            probe.measured(found, source.metadata().map_err(Transient::Read)?.len(), exact);
        }
        if let Some(found) = &found {
            probe.take_pauses(found);
        }
        survey = found.filter(|_| is_needed);
    }
    if let Some(promised) = extents.promised_bytes.filter(|_| probe.claimed_ms.is_none()) {
        let bytes = source.metadata().map_err(Transient::Read)?.len().max(1);
        probe.claimed_ms = Some(probe.duration_ms.saturating_mul(promised) / bytes);
    }
    probe.cut_off = extents.cut || probe.claimed_ms.is_some();
    if let (Some(video), 0) = (&probe.video, probe.duration_ms)
        && survey.as_ref().is_some_and(|survey| survey.stream_ms(video.index).is_some())
    {
        // A picture that lasts only a tick of its clock is a still.
        probe.duration_ms = STILL_MS;
    }
    // The average frame rate stated by a truncated file includes the missing frames.
    let doubtful =
        |video: &VideoStream| Timing::is_doubtful(video) || (survey.is_some() && of_boxes && video.variable_frame_rate);
    if let Some(video) = &mut probe.video {
        video.timed = Timing::is_doubtful(video)
            || survey.as_ref().is_some_and(|survey| survey.lasts_no_time(video.index, video.frame_rate.per_second()));
        if doubtful(video) {
            (video.frame_rate, video.variable_frame_rate) = match timing(video.index, runner, limits)? {
                Some(timing) if timing.rate.per_second() <= FASTEST_CLOCK => (timing.rate, timing.varies),
                // A single picture lasts as long as the file says, and so do pictures that all have the same time.
                Some(_) | None => (FrameRate::new(25, 1).expect("25 and 1 are positive"), true),
            };
        } else if survey.as_ref().is_some_and(|survey| is_average(video, survey)) {
            // Frames are closest to each other where something moves.
            let moving = timing(video.index, runner, limits)?.map(|timing| timing.rate);
            let faster =
                |rate: &FrameRate| (video.frame_rate.per_second()..=FASTEST_USUAL).contains(&rate.per_second());
            video.frame_rate = moving.filter(faster).unwrap_or(video.frame_rate);
            video.variable_frame_rate = true;
        }
        if probe.audio.is_empty()
            && let Some(survey) = survey.as_ref().filter(|survey| survey.packets(video.index) == 1)
        {
            video.end_ms = survey.stream_ms(video.index).filter(|end_ms| *end_ms > STILL_MS);
        }
    }
    pace::look(probe, extents, survey.as_ref(), runner, limits)
}

/// Returns whether a container states the average of a varying rate as a constant one. Slow videos are examined by
/// [`pace::look`].
fn is_average(video: &VideoStream, survey: &Survey) -> bool {
    !video.variable_frame_rate && !Pace::is_slow(video.frame_rate) && survey.is_uneven(video.index)
}

/// Reads all packets of picture and audio without decoding them.
fn packets(probe: &Probe, runner: &Runner, limits: &AvLimits) -> Result<Survey, MediaError> {
    let streams: Vec<u32> =
        probe.video.iter().map(|video| video.index).chain(probe.audio.iter().map(|sound| sound.index)).collect();
    let mut survey = Survey::new(Clock::of(&probe.container)).with_picture(StatedPicture::of(probe));
    by_line(&to_the_end(runner), &survey_line(limits), &mut |line| {
        let mut fields = line.split(',');
        let stream = fields.next().and_then(|field| field.parse().ok()).filter(|stream| streams.contains(stream));
        let mut seconds = || fields.next().and_then(|field| field.parse().ok());
        let (shown_s, decoded_s, lasting_s) = (seconds(), seconds(), seconds());
        // Packets that an edit list removes are never shown.
        let discarded = fields.next().is_some_and(|flags| flags.contains('D'));
        if let Some(stream) = stream.filter(|_| !discarded) {
            survey.add(Packet { stream, shown_s, decoded_s, lasting_s });
        }
    })?;
    Ok(survey)
}

/// A runner with enough time to read a large file to its end from a slow disk.
pub(super) fn to_the_end<'a>(runner: &Runner<'a>) -> Runner<'a> {
    Runner { bounds: Bounds { wall_time: Duration::from_mins(10), ..runner.bounds }, ..*runner }
}

fn survey_line(limits: &AvLimits) -> Line {
    let entries = "-show_entries packet=stream_index,pts_time,dts_time,duration_time,flags -of csv=p=0";
    Line::ffprobe().with(entries).source(limits, "")
}

/// Runs ffprobe and passes on every complete line of its output.
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

/// Packets whose times are read: ten seconds of most videos, one second of the fastest.
const TIMED_PACKETS: u32 = 300;

/// Measures the frame rate by the times of the first packets.
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

/// A damaged file that ffprobe cannot describe can also be in an unsupported container, so the message names both.
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
