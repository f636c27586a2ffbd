//! An audio file: measured in one pass, encoded in the next.

mod lines;
mod picture;

use super::{
    Outcome,
    failure::corrupt,
    frames::Frames,
    making::{Making, bit_rate, is_cut_off},
};
use crate::error::{MediaError, Transient};
use lines::Sound;
use smmu_core::{
    Artifact, ErrorCode, Refusal, Role, Warning, WarningCode,
    av::{
        AudioPlan, AvLimits, Mono, Probe,
        loudness::Loudness,
        names,
        progress::Steps,
        waveform::{self, WaveformBuilder},
    },
};
use std::fs;

/// Steps of an audio file and their weights: measuring, cover, encoding.
const WEIGHTS: [u32; 3] = [30, 5, 65];
const MEASURE: usize = 0;
const COVER: usize = 1;
const ENCODE: usize = 2;

/// Makes all outputs of an audio file.
pub(crate) fn make(
    mut making: Making,
    plan: &AudioPlan,
    limits: &AvLimits,
    probe: &Probe,
) -> Result<Outcome, MediaError> {
    let sound = Sound { plan, limits, container: &probe.container };
    let mut steps = Steps::new(&WEIGHTS);
    let (loudness, peaks, sound_ms) = measure(&mut making, &sound, &mut steps)?;
    let cut_off = is_cut_off(probe, &[plan.sound.stream], sound_ms)?;
    let facts = loudness.facts(plan.target_lufs, plan.max_true_peak_dbtp);

    // With the renditions' gain applied, because players draw it next to them.
    let waveform = peaks.finish(facts.gain_db);
    let json = serde_json::to_vec(&waveform).map_err(|error| Transient::Output(error.to_string()))?;
    making.space.write(names::WAVEFORM, &json)?;
    making.publish(names::WAVEFORM, Role::Waveform, waveform::CONTENT_TYPE, |artifact| artifact)?;
    let size = plan.waveform.picture;
    making.space.write(names::WAVEFORM_PICTURE, &picture::draw(&waveform, size)?)?;
    making.publish(names::WAVEFORM_PICTURE, Role::Waveform, "image/png", |artifact| Artifact {
        width: Some(size.width),
        height: Some(size.height),
        ..artifact
    })?;
    let warning = match plan.cover_stream {
        Some(stream) => cover(&mut making, &sound, stream, &mut steps)?,
        None => None,
    };

    making.run(&sound.encode_line(facts.gain_db), &mut steps, ENCODE, sound_ms)?;
    for (name, content_type, codec) in [(names::AAC, "audio/mp4", "mp4a.40.2"), (names::OPUS, "audio/ogg", "opus")] {
        making.publish(name, Role::Rendition, content_type, |artifact| Artifact {
            duration_ms: Some(sound_ms),
            bit_rate: bit_rate(artifact.bytes, sound_ms),
            codecs: Some(codec.to_owned()),
            ..artifact
        })?;
    }
    let warnings = warning.into_iter().collect();
    Ok(Outcome { loudness: Some(facts), artifacts: making.into_artifacts(), made_ms: sound_ms, cut_off, warnings })
}

/// Measures loudness and waveform peaks in one decode. Memory holds only the peaks, however long the audio is.
fn measure(
    making: &mut Making,
    sound: &Sound,
    steps: &mut Steps,
) -> Result<(Loudness, WaveformBuilder, u64), MediaError> {
    let (plan, channels) = (sound.plan.waveform, sound.plan.sound.channels);
    let mut builder = WaveformBuilder::new(plan);
    let (mut frames, mut mono) = (Frames::of(channels), Mono::new(plan.sample_rate_hz));
    let log = making.run_reading(&sound.measure_line(), &mut |making, chunk| {
        frames.take(chunk, &mut |samples| {
            if channels == 2 {
                builder.push(mono.push(samples.as_chunks().0.iter().copied()));
            } else {
                builder.push(samples.iter().copied());
            }
            Ok(())
        })?;
        let ms = frames.count * 1000 / u64::from(plan.sample_rate_hz);
        making.report(steps.reach(MEASURE, ms, sound.plan.duration_ms));
        Ok(())
    })?;
    builder.push(mono.finish());
    making.report(steps.complete(MEASURE));
    if frames.count == 0 {
        return Err(corrupt("no part of it can be decoded"));
    }
    let ms = frames.count * 1000 / u64::from(plan.sample_rate_hz);
    let loudness = Loudness::read(&log.text()).map_err(|error| Transient::Output(error.to_string()))?;
    Ok((loudness, builder, ms))
}

/// Extracts the cover as a JPEG. A cover that cannot be decoded is left out with a warning; the audio is still made.
fn cover(making: &mut Making, sound: &Sound, stream: u32, steps: &mut Steps) -> Result<Option<Warning>, MediaError> {
    match making.run(&sound.cover_line(stream), steps, COVER, 0) {
        Ok(()) => {}
        Err(MediaError::Refused(refusal)) => {
            tracing::warn!(code = %refusal.code, "the cover is skipped");
            return Ok(Some(left_out(&refusal)));
        }
        Err(error @ MediaError::Transient(_)) => return Err(error),
    }
    if !making.space.has(names::COVER) {
        return Ok(Some(Warning::new(WarningCode::Repaired, "the cover cannot be decoded and is left out")));
    }
    let size = jpeg_size(&fs::read(making.space.path(names::COVER)).map_err(Transient::Read)?);
    making.publish(names::COVER, Role::Cover, "image/jpeg", |artifact| Artifact {
        width: size.map(|(width, _)| width),
        height: size.map(|(_, height)| height),
        ..artifact
    })?;
    Ok(None)
}

/// Warning about a cover that is over a limit or damaged.
fn left_out(refusal: &Refusal) -> Warning {
    if matches!(refusal.code, ErrorCode::TooManyPixels | ErrorCode::TooMuchMemory) {
        return Warning::new(WarningCode::Shortened, format!("the cover is left out: {}", refusal.message));
    }
    Warning::new(WarningCode::Repaired, "the cover cannot be decoded and is left out")
}

/// Width and height of a JPEG that ffmpeg wrote for us.
fn jpeg_size(content: &[u8]) -> Option<(u32, u32)> {
    let header = turbojpeg::read_header(content).ok()?;
    Some((u32::try_from(header.width).ok()?, u32::try_from(header.height).ok()?))
}
