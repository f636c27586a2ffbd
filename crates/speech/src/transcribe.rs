//! Transcribes one recording, from its samples to its outputs.

#[cfg(test)]
mod tests;

use crate::{
    checkpoint::{Checkpoint, Outcomes},
    hear::Hearing,
    model::Model,
    outputs,
    recogniser::Recogniser,
    region::{Channel, Region},
};
use smmu_core::{
    Artifact, Manifest, Pipeline, Warning,
    av::{AudioStream, AvFacts, AvLimits, Probe, chosen_sound},
    manifest::{Generator, SourceFacts},
    speech::{
        Channels, Heard, ModelIdentity, Parameters, SpeechFacts, SpeechLimits, SpeechProfile, State, Transcript,
        TrustSettings, VoiceSettings, progress::Course,
    },
};
use smmu_media::{
    MediaError, Transient,
    av::{LISTENING_HZ, Listener},
};
use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// A recording and how to transcribe it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The video or audio file.
    pub input: &'a Path,
    /// Language, task and other settings.
    pub profile: &'a SpeechProfile,
    /// Limits on size, duration, streams, channels and time.
    pub limits: &'a SpeechLimits,
    /// The checkpoint of an earlier attempt at the same file. Ignored if it is from another model or profile.
    pub earlier: Option<&'a Checkpoint>,
}

/// An event during transcription.
pub enum Event<'a> {
    /// Progress.
    Progress {
        /// Percentage, never decreasing. 100 is reported once, at the end.
        percent: u8,
        /// Estimated time left at the speed so far, once it is known.
        remaining: Option<Duration>,
    },
    /// Another region is finished.
    Heard(&'a SoFar<'a>),
}

/// Transcribes one video or audio file into an existing folder. Each artifact appears complete; `manifest.json` comes
/// last. Without speech, the transcript is empty and there are no captions.
///
/// `cancelled` ends it after the current call into the engine. The calling thread must stay alive until it returns.
///
/// # Errors
///
/// [`MediaError::Refused`] if the file is at fault: unsupported, damaged (including truncated) or over a limit.
/// [`MediaError::Transient`] for everything else, which is worth a retry; [`Transient::Cancelled`] if `cancelled` was
/// set. In both cases no manifest is written.
pub fn transcribe(
    request: &Request,
    model: &mut Model,
    out_dir: &Path,
    watch: &mut dyn FnMut(Event),
    cancelled: &AtomicBool,
) -> Result<Manifest, MediaError> {
    let Request { input, profile, limits, .. } = *request;
    limits.check_bytes(fs::metadata(input).map_err(Transient::Read)?.len())?;
    let mut progress = Progress::start(watch);
    let mut listener = Listener::open(input, &av_limits(limits), out_dir, cancelled)?;
    let sound = chosen_sound(&listener.probe().audio, profile.track_language.as_deref());
    let warnings = listener.probe().warnings(sound.map(|sound| sound.index));
    let transcript = match sound {
        None => SoFar::new(model, profile, Channels::Mixed, listener.probe()).transcript_of(State::Final),
        Some(sound) => {
            limits.check(listener.probe(), sound)?;
            listen(&listener, sound, request, model, &mut progress, cancelled)?
        }
    };
    let artifacts = outputs::publish(&mut listener, &transcript)?;
    let source = listener.source()?;
    let manifest = manifest(&listener, source, SpeechFacts::of(&transcript), artifacts, warnings);
    listener.finish(&manifest)?;
    progress.end();
    Ok(manifest)
}

/// Converts the limits to those of audio and video in general.
fn av_limits(limits: &SpeechLimits) -> AvLimits {
    AvLimits {
        max_bytes: limits.max_bytes,
        max_video_ms: limits.max_duration_ms,
        max_audio_ms: limits.max_duration_ms,
        max_streams: limits.max_streams,
        max_channels: limits.max_channels,
        max_wall_time: limits.max_wall_time,
        // ffmpeg decodes only sound, no pictures; the rest of the memory is for the model.
        max_child_memory_bytes: 2 * 1024 * 1024 * 1024,
        ..AvLimits::default()
    }
}

fn manifest(
    listener: &Listener,
    source: SourceFacts,
    speech: SpeechFacts,
    artifacts: Vec<Artifact>,
    warnings: Vec<Warning>,
) -> Manifest {
    let generator = Generator::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    Manifest {
        av: Some(AvFacts { probe: listener.probe().clone(), loudness: None }),
        speech: Some(speech),
        artifacts,
        warnings,
        ..Manifest::new(Pipeline::Transcribe, listener.kind(), source, generator)
    }
}

/// Transcribes one audio stream.
fn listen(
    listener: &Listener,
    sound: &AudioStream,
    request: &Request,
    model: &mut Model,
    progress: &mut Progress,
    cancelled: &AtomicBool,
) -> Result<Transcript, MediaError> {
    let Request { profile, limits, earlier, .. } = *request;
    let channels = limits.channels(profile.channels, sound);
    let apart: Vec<Option<u16>> = match channels {
        Channels::Mixed => vec![None],
        Channels::Apart => (0..).map(Some).take(sound.channels as usize).collect(),
    };
    let mut so_far = SoFar::new(model, profile, channels, listener.probe());
    let Parameters { voice, trust, .. } = so_far.parameters;
    let mut heard = apart.iter().map(|_| Channel::new(model.voice.detector(), voice)).collect::<Vec<_>>();
    progress.of(so_far.duration_ms, earlier.map_or(0, Checkpoint::reached_ms));
    let mut transcriber = RegionTranscriber {
        hearing: Hearing {
            language: profile.language,
            task: profile.task,
            beam_size: profile.beam_size.get() as usize,
            terms: profile.prompt.prompt(),
            trust,
            cancelled,
        },
        recogniser: model.recogniser.as_mut(),
        earlier: earlier.map_or_else(Outcomes::none, |earlier| earlier.outcomes(&model.identity, profile)),
        progress,
    };
    let wall_time = limits.wall_time(listener.probe().duration_ms, apart.len() as u32);
    let mut frames = 0;
    let heard_ms = listener.listen(sound, channels, wall_time, &mut |samples| {
        frames += (samples.len() / apart.len()) as u64;
        so_far.heard_ms = frames * 1000 / u64::from(LISTENING_HZ);
        limits.check_duration(so_far.heard_ms)?;
        for (place, (channel, &number)) in heard.iter_mut().zip(&apart).enumerate() {
            let own = samples.iter().copied().skip(place).step_by(apart.len());
            transcriber.take(channel.hear(own), number, &mut so_far)?;
        }
        transcriber.progress.reach(so_far.heard_ms);
        Ok(())
    })?;
    for (channel, &number) in heard.into_iter().zip(&apart) {
        transcriber.take(channel.finish(heard_ms), number, &mut so_far)?;
    }
    so_far.duration_ms = so_far.duration_ms.max(heard_ms);
    Ok(so_far.transcript_of(State::Final))
}

/// Transcribes regions, one at a time.
struct RegionTranscriber<'a, 'w> {
    hearing: Hearing<'a>,
    recogniser: &'a mut dyn Recogniser,
    earlier: Outcomes,
    progress: &'a mut Progress<'w>,
}

impl RegionTranscriber<'_, '_> {
    fn take(&mut self, regions: Vec<Region>, channel: Option<u16>, so_far: &mut SoFar) -> Result<(), MediaError> {
        for region in regions {
            if self.hearing.cancelled.load(Ordering::Relaxed) {
                return Err(Transient::Cancelled.into());
            }
            let span = region.span;
            let outcome = if let Some(outcome) = self.earlier.take(channel, span) {
                outcome
            } else {
                let before = so_far.checkpoint.language(channel);
                self.hearing.hear(self.recogniser, region, channel, before)?
            };
            so_far.checkpoint.add(channel, span, outcome);
            (self.progress.watch)(Event::Heard(so_far));
        }
        Ok(())
    }
}

/// State of a transcription. Building a transcript from it takes time proportional to its length.
pub struct SoFar<'a> {
    profile: &'a SpeechProfile,
    parameters: Parameters,
    model: ModelIdentity,
    duration_ms: u64,
    heard_ms: u64,
    checkpoint: Checkpoint,
}

impl<'a> SoFar<'a> {
    fn new(model: &Model, profile: &'a SpeechProfile, channels: Channels, probe: &Probe) -> Self {
        let parameters = Parameters {
            language: profile.language,
            beam_size: profile.beam_size.get(),
            channels,
            prompted: !profile.prompt.is_empty(),
            voice: VoiceSettings::default(),
            trust: TrustSettings::default(),
        };
        let checkpoint = Checkpoint::new(model.identity.clone(), profile.clone());
        let (model, duration_ms) = (model.identity.clone(), probe.duration_ms);
        Self { profile, parameters, model, duration_ms, heard_ms: 0, checkpoint }
    }

    /// The partial transcript so far.
    #[must_use]
    pub fn transcript(&self) -> Transcript {
        self.transcript_of(State::Partial { heard_ms: self.heard_ms })
    }

    /// The checkpoint from which a later attempt can resume.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    fn transcript_of(&self, state: State) -> Transcript {
        let outcomes = || self.checkpoint.heard();
        let heard = Heard {
            duration_ms: self.duration_ms,
            segments: outcomes().flat_map(|outcome| outcome.segments.iter().cloned()).collect(),
            unheard: outcomes().flat_map(|outcome| outcome.unheard.iter().copied()).collect(),
            task: self.profile.task,
            model: self.model.clone(),
            parameters: self.parameters.clone(),
        };
        Transcript::new(heard, state)
    }
}

/// Computes and reports progress.
struct Progress<'w> {
    watch: &'w mut dyn FnMut(Event),
    started: Instant,
    course: Course,
    reported: u8,
}

impl<'w> Progress<'w> {
    fn start(watch: &'w mut dyn FnMut(Event)) -> Self {
        watch(Event::Progress { percent: 0, remaining: None });
        Self { watch, started: Instant::now(), course: Course::new(0, 0), reported: 0 }
    }

    /// Sets the duration of the recording, and the position that an earlier attempt reached.
    fn of(&mut self, whole_ms: u64, resumed_ms: u64) {
        self.course = Course::new(whole_ms, resumed_ms);
    }

    /// Reports the position in the recording. The last percent is reserved for writing outputs.
    fn reach(&mut self, heard_ms: u64) {
        let percent = self.course.reach(heard_ms).min(99);
        if percent > self.reported {
            self.reported = percent;
            let elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let remaining = self.course.remaining_ms(elapsed_ms).map(Duration::from_millis);
            (self.watch)(Event::Progress { percent, remaining });
        }
    }

    fn end(&mut self) {
        (self.watch)(Event::Progress { percent: 100, remaining: Some(Duration::ZERO) });
    }
}
