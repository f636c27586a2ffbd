//! One recording, from its samples to its outputs.

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
    Manifest, Pipeline,
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

/// What is wanted of which recording.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The file.
    pub input: &'a Path,
    /// How it is transcribed.
    pub profile: &'a SpeechProfile,
    /// What it may have.
    pub limits: &'a SpeechLimits,
    /// What an earlier attempt at the same file has left; nothing is wrong if it is of another model or profile.
    pub earlier: Option<&'a Checkpoint>,
}

/// What happens while a recording is transcribed.
pub enum Event<'a> {
    /// How much is done.
    Progress {
        /// In percent: never less than before, 100 once and last.
        percent: u8,
        /// How long the rest will take at the speed so far, once that can be told.
        remaining: Option<Duration>,
    },
    /// One more region was heard to its end.
    Heard(&'a SoFar<'a>),
}

/// Transcribes one video or audio file into a folder that exists: the artifacts first, each complete the
/// moment it is there, then `manifest.json`. Where nobody speaks there are an empty transcript and no captions.
///
/// `cancelled` ends it after the call into the engine that is under way. The calling thread has to live until
/// it returns.
///
/// # Errors
///
/// [`MediaError::Refused`] is a verdict on the file: unsupported, damaged (which includes cut off) or over a
/// limit. [`MediaError::Transient`] is about everything else and worth another try; [`Transient::Cancelled`] if
/// `cancelled` was set. After either, no manifest is there.
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
    let transcript = match chosen_sound(&listener.probe().audio, profile.track_language.as_deref()) {
        None => SoFar::new(model, profile, Channels::Mixed, listener.probe()).transcript_of(State::Final),
        Some(sound) => {
            limits.check(listener.probe(), sound)?;
            listen(&listener, sound, request, model, &mut progress, cancelled)?
        }
    };
    let artifacts = outputs::publish(&mut listener, &transcript)?;
    let source = listener.source()?;
    let manifest = manifest(&listener, source, SpeechFacts::of(&transcript), artifacts);
    listener.finish(&manifest)?;
    progress.end();
    Ok(manifest)
}

/// The limits of speech, as those of any media.
fn av_limits(limits: &SpeechLimits) -> AvLimits {
    AvLimits {
        max_bytes: limits.max_bytes,
        max_video_ms: limits.max_duration_ms,
        max_audio_ms: limits.max_duration_ms,
        max_streams: limits.max_streams,
        max_channels: limits.max_channels,
        max_wall_time: limits.max_wall_time,
        // It decodes a sound and looks at no picture; the rest of the memory is the model's.
        max_child_memory_bytes: 2 * 1024 * 1024 * 1024,
        ..AvLimits::default()
    }
}

fn manifest(
    listener: &Listener,
    source: SourceFacts,
    speech: SpeechFacts,
    artifacts: Vec<smmu_core::Artifact>,
) -> Manifest {
    let generator = Generator::new(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    Manifest {
        av: Some(AvFacts { probe: listener.probe().clone(), loudness: None }),
        speech: Some(speech),
        warnings: listener.probe().warnings(),
        artifacts,
        ..Manifest::new(Pipeline::Transcribe, listener.kind(), source, generator)
    }
}

/// Hears one sound to its end.
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
    let mut desk = Desk {
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
            desk.take(channel.hear(own), number, &mut so_far)?;
        }
        desk.progress.reach(so_far.heard_ms);
        Ok(())
    })?;
    for (channel, &number) in heard.into_iter().zip(&apart) {
        desk.take(channel.finish(heard_ms), number, &mut so_far)?;
    }
    so_far.duration_ms = so_far.duration_ms.max(heard_ms);
    Ok(so_far.transcript_of(State::Final))
}

/// Where regions are heard, one after the other.
struct Desk<'a, 'w> {
    hearing: Hearing<'a>,
    recogniser: &'a mut dyn Recogniser,
    earlier: Outcomes,
    progress: &'a mut Progress<'w>,
}

impl Desk<'_, '_> {
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

/// What was heard so far. To look at it costs nothing; to take a copy costs in proportion.
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

    /// The transcript up to here.
    #[must_use]
    pub fn transcript(&self) -> Transcript {
        self.transcript_of(State::Partial { heard_ms: self.heard_ms })
    }

    /// What a later attempt needs to go on from here.
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

/// How far it is, as it is told.
struct Progress<'w> {
    watch: &'w mut dyn FnMut(Event),
    started: Instant,
    course: Course,
    told: u8,
}

impl<'w> Progress<'w> {
    fn start(watch: &'w mut dyn FnMut(Event)) -> Self {
        watch(Event::Progress { percent: 0, remaining: None });
        Self { watch, started: Instant::now(), course: Course::new(0, 0), told: 0 }
    }

    /// The recording lasts so long, and an earlier attempt has come so far.
    fn of(&mut self, whole_ms: u64, resumed_ms: u64) {
        self.course = Course::new(whole_ms, resumed_ms);
    }

    /// It is heard up to here. The last hundredth is for the outputs.
    fn reach(&mut self, heard_ms: u64) {
        let percent = self.course.reach(heard_ms).min(99);
        if percent > self.told {
            self.told = percent;
            let elapsed_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let remaining = self.course.remaining_ms(elapsed_ms).map(Duration::from_millis);
            (self.watch)(Event::Progress { percent, remaining });
        }
    }

    fn end(&mut self) {
        (self.watch)(Event::Progress { percent: 100, remaining: Some(Duration::ZERO) });
    }
}
