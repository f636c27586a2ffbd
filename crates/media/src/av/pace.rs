//! Measures slow videos by every packet of the picture, because a single frame can last for seconds.

use super::{
    child::Runner,
    extents::Extents,
    line::Line,
    probe::{by_line, to_the_end},
};
use crate::error::MediaError;
use smmu_core::av::{AvLimits, Clock, Lengths, Pace, Packet, Probe, Stated, Survey};

/// Most packets that are read; the longest slow video has fewer.
const MOST_PACKETS: usize = 250_000;

/// Measures a slow video and updates the probe. Does nothing for other videos and for audio.
pub(super) fn look(
    probe: &mut Probe,
    extents: Extents,
    survey: Option<&Survey>,
    runner: &Runner,
    limits: &AvLimits,
) -> Result<(), MediaError> {
    let clock = Clock::of(&probe.container);
    let Some(video) = probe.video.as_mut().filter(|video| Pace::is_slow(video.frame_rate)) else { return Ok(()) };
    let (index, rate) = (video.index, video.frame_rate);
    if clock != Clock::Times || survey.is_some_and(Survey::is_interrupted) {
        // The frame durations cannot be determined.
        video.variable_frame_rate = true;
        return Ok(());
    }
    let lengths = match probe.container.as_str() {
        "mov" if !extents.fragmented => Lengths::Table,
        "mov" => Lengths::Fragments,
        _ => Lengths::Packets,
    };
    let (mut packets, mut stated) = read(index, runner, limits)?;
    if packets.len() == MOST_PACKETS {
        // Too many packets: it is not slow throughout.
        video.variable_frame_rate = true;
        return Ok(());
    }
    let sounds = probe.audio.iter().filter_map(|sound| survey?.stream_ms(sound.index));
    #[expect(clippy::cast_precision_loss, reason = "some hours")]
    let last_sound_s = sounds.max().map(|ms| ms as f64 / 1000.0);
    stated.sound_end_s = last_sound_s;
    if probe.cut_off {
        // The stated durations include the missing frames.
        (stated.file_lasting_s, stated.lasting_s) = (None, None);
    }
    packets.retain(|packet| packet.shown_s.or(packet.decoded_s).is_some_and(f64::is_finite));
    if let Some(pace) = Pace::of(&packets, rate, lengths, stated) {
        probe.take_pace(pace, survey);
    }
    Ok(())
}

/// Reads the packets of a picture, and the times that the stream and the file state.
fn read(stream: u32, runner: &Runner, limits: &AvLimits) -> Result<(Vec<Packet>, Stated), MediaError> {
    let (mut packets, mut stated) = (Vec::new(), Stated::default());
    by_line(&to_the_end(runner), &line(stream, limits), &mut |line| {
        let mut fields = line.split(',');
        let section = fields.next();
        let mut seconds = || fields.next().and_then(|field| field.parse::<f64>().ok()).filter(|time| time.is_finite());
        match section {
            Some("packet") if packets.len() < MOST_PACKETS => {
                let (shown_s, decoded_s, lasting_s) = (seconds(), seconds(), seconds());
                packets.push(Packet { stream, shown_s, decoded_s, lasting_s });
            }
            Some("stream") => (stated.start_s, stated.lasting_s) = (seconds(), seconds()),
            Some("format") => (stated.file_start_s, stated.file_lasting_s) = (seconds(), seconds()),
            Some(_) | None => {}
        }
    })?;
    Ok((packets, stated))
}

/// Packets come first: the stated duration of a fragmented file is complete only after all packets were read.
fn line(stream: u32, limits: &AvLimits) -> Line {
    let packets = "packet=pts_time,dts_time,duration_time";
    let entries = format!("-show_entries {packets}:stream=start_time,duration:format=start_time,duration -of csv");
    Line::ffprobe().with(format!("-select_streams {stream}")).with(entries).source(limits, "")
}
