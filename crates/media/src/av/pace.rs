//! Slow videos: every packet of the picture is looked at, since a frame may stay for seconds.

use super::{
    child::Runner,
    extents::Extents,
    line::Line,
    probe::{by_line, to_the_end},
};
use crate::error::MediaError;
use smmu_core::av::{AvLimits, Clock, Lengths, Pace, Packet, Probe, Stated, Survey};

/// More packets than the longest slow video has.
const MOST_PACKETS: usize = 250_000;

/// Looks at a slow video, and lets the probe know. Others, and sound alone, stay as they are.
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
        // Nothing is known of steps there.
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
        // It is not slow all the way.
        video.variable_frame_rate = true;
        return Ok(());
    }
    let sounds = probe.audio.iter().filter_map(|sound| survey?.stream_ms(sound.index));
    #[expect(clippy::cast_precision_loss, reason = "some hours")]
    let last_sound_s = sounds.max().map(|ms| ms as f64 / 1000.0);
    stated.sound_end_s = last_sound_s;
    if probe.cut_off {
        // What it says is about frames that are not there.
        (stated.file_lasting_s, stated.lasting_s) = (None, None);
    }
    packets.retain(|packet| packet.shown_s.or(packet.decoded_s).is_some_and(f64::is_finite));
    if let Some(pace) = Pace::of(&packets, rate, lengths, stated) {
        probe.take_pace(pace, survey);
    }
    Ok(())
}

/// The packets of a picture, and what is said beside them.
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

/// What a fragmented file says of its picture is complete once all packets were read, and so they come first.
fn line(stream: u32, limits: &AvLimits) -> Line {
    let packets = "packet=pts_time,dts_time,duration_time";
    let entries = format!("-show_entries {packets}:stream=start_time,duration:format=start_time,duration -of csv");
    Line::ffprobe().with(format!("-select_streams {stream}")).with(entries).source(limits, "")
}
