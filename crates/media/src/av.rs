//! Video and audio: ffmpeg as a child, bounded, and everything made of one decode.
//!
//! What is made is decided by [`smmu_core::av::plan()`]. ffmpeg sees a private folder in which the source
//! is called `source`; what it finishes there is moved into the output folder.

mod audio;
mod boxes;
mod child;
mod extents;
mod failure;
#[cfg(test)]
mod fixtures;
mod frames;
mod line;
mod listen;
mod machine;
mod making;
mod mix;
mod pace;
mod probe;
mod progress;
mod sandbox;
mod shapes;
mod tail;
mod video;
mod workspace;

use crate::{
    error::{MediaError, Transient},
    manifest,
};
use child::Runner;
pub use listen::{LISTENING_HZ, Listener};
use making::Making;
pub use sandbox::check;
use sandbox::{Bounds, Room};
use smmu_core::{
    Artifact, Manifest, MediaKind,
    av::{AvFacts, AvLimits, AvProfile, LoudnessFacts, Plan, Probe, plan},
    detect,
    manifest::SourceFacts,
};
use std::{
    fs::File,
    io::{Read, Seek},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};
use workspace::{Workspace, digest};

/// What happens while a file is transcoded.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// What the file is, before anything is made of it. Loudness is not known yet.
    Probed(MediaKind, Box<AvFacts>),
    /// How much is done, in percent: never less than before, 100 once and last.
    Progress(u8),
    /// This file is in the output folder, complete, and will not change.
    Ready(Artifact),
}

/// Makes everything that the profile asks for of one video or audio file, into a folder that exists:
/// the artifacts first, each complete the moment it is there, then `manifest.json`.
///
/// `cancelled` ends it, its children within a second. The calling thread has to live until it returns.
///
/// # Errors
///
/// [`MediaError::Refused`] is a verdict on the file: unsupported, damaged (which includes cut off) or over a
/// limit. [`MediaError::Transient`] is about everything else and worth another try; [`Transient::Cancelled`] if
/// `cancelled` was set. After either, no manifest is there.
pub fn transcode(
    input: &Path,
    profile: &AvProfile,
    limits: &AvLimits,
    out_dir: &Path,
    watch: &mut dyn FnMut(Event),
    cancelled: &AtomicBool,
) -> Result<Manifest, MediaError> {
    let mut file = File::open(input).map_err(Transient::Read)?;
    limits.check_bytes(file.metadata().map_err(Transient::Read)?.len())?;
    let content_type = content_type(&mut file)?;
    let over = AtomicBool::new(false);
    let stop = || over.load(Ordering::Relaxed) || cancelled.load(Ordering::Relaxed);
    // The whole file is read for its digest while ffmpeg works on it.
    let (made, digested) = thread::scope(|scope| {
        let digested = scope.spawn(|| digest(&mut file, stop));
        let made = make(input, profile, limits, out_dir, watch, cancelled);
        if made.is_err() {
            over.store(true, Ordering::Relaxed);
        }
        (made, digested.join().expect("it only reads"))
    });
    let made = made?;
    let (bytes, sha256) = digested.map_err(Transient::Read)?;
    if cancelled.load(Ordering::Relaxed) {
        return Err(Transient::Cancelled.into());
    }
    let manifest = made.manifest(SourceFacts { content_type: content_type.to_owned(), bytes, sha256 });
    manifest::write(&manifest, out_dir)?;
    watch(Event::Progress(100));
    Ok(manifest)
}

/// The media type that the first bytes show, if they show video or sound.
fn content_type(file: &mut File) -> Result<&'static str, MediaError> {
    let mut head = Vec::new();
    file.take(detect::HEAD_BYTES as u64).read_to_end(&mut head).map_err(Transient::Read)?;
    file.rewind().map_err(Transient::Read)?;
    Ok(detect::known_as(&head, &[MediaKind::Video, MediaKind::Audio])?.content_type)
}

/// What a video or a sound became.
struct Outcome {
    loudness: Option<LoudnessFacts>,
    artifacts: Vec<Artifact>,
    /// How long it plays, in milliseconds.
    made_ms: u64,
    /// Whether the source's end is missing.
    cut_off: bool,
}

/// All that was made, but for the source's digest.
struct Made {
    kind: MediaKind,
    probe: Probe,
    loudness: Option<LoudnessFacts>,
    artifacts: Vec<Artifact>,
}

impl Made {
    fn manifest(self, source: SourceFacts) -> Manifest {
        let Self { kind, probe, loudness, artifacts } = self;
        let warnings = probe.warnings();
        let av = Some(AvFacts { probe, loudness });
        Manifest { av, warnings, artifacts, ..manifest::of_renditions(kind, source) }
    }
}

fn make(
    input: &Path,
    profile: &AvProfile,
    limits: &AvLimits,
    out_dir: &Path,
    watch: &mut dyn FnMut(Event),
    cancelled: &AtomicBool,
) -> Result<Made, MediaError> {
    watch(Event::Progress(0));
    let space = Workspace::open(input, out_dir, limits.max_output_bytes)?;
    // The folder itself goes to whoever makes the outputs.
    let Room { dir, source } = space.room();
    let (dir, source) = (dir.to_owned(), source.to_owned());
    let bounds = Bounds::of(limits, limits.max_wall_time);
    let runner = Runner { room: Room { dir: &dir, source: &source }, bounds, cancelled };
    let mut probe = probe::probe(&space, &runner, limits)?;
    shapes::fit(&mut probe, &space, &runner, limits)?;
    let limits = &limits.within(&probe);
    let plan = plan(&probe, profile)?;
    limits.check_output(&plan)?;
    limits.check_work(&probe, &plan, thread::available_parallelism().map_or(1, usize::from) as u64)?;
    let kind = plan.kind();
    watch(Event::Probed(kind, Box::new(AvFacts { probe: probe.clone(), loudness: None })));
    let runner = Runner { bounds: Bounds { wall_time: limits.wall_time(&probe, &plan), ..bounds }, ..runner };
    let making = Making::new(space, runner, watch);
    let Outcome { loudness, artifacts, made_ms, cut_off } = match &plan {
        Plan::Video(plan) => {
            let stream =
                probe.video.as_ref().ok_or_else(|| Transient::Output("a video is planned of none".to_owned()))?;
            video::make(making, &video::Video { plan, stream, limits, delay_us: probe.delay_us }, &probe)?
        }
        Plan::Audio(plan) => audio::make(making, plan, limits, &probe)?,
    };
    if cut_off && !probe.cut_off {
        (probe.cut_off, probe.claimed_ms) = (true, Some(probe.duration_ms));
    }
    // What was decoded counts most. Of a video it may end with half a frame, so that its own word is better.
    if kind == MediaKind::Audio || cut_off {
        probe.duration_ms = made_ms;
    }
    Ok(Made { kind, probe, loudness, artifacts })
}
