//! Video and audio: ffmpeg runs as a bounded child process and makes all outputs from one decode.
//!
//! [`smmu_core::av::plan()`] decides what to make. ffmpeg sees a private folder in which the source
//! is called `source`; finished files are moved from there into the output folder.

mod audio;
mod boxes;
mod child;
mod content;
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
use content::Content;
pub use listen::{LISTENING_HZ, Listener};
use making::Making;
pub use sandbox::check;
use sandbox::{Bounds, Room};
use smmu_core::{
    Artifact, Manifest, MediaKind, Warning,
    av::{AvFacts, AvLimits, AvProfile, LoudnessFacts, Plan, Probe, plan},
    make::MakeEvent,
    manifest::SourceFacts,
};
use std::{
    fs::File,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};
use workspace::{Workspace, digest};

/// Progress of a transcode, reported as it happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The file was probed; nothing has been made yet, and the loudness is still unknown.
    Probed(MediaKind, Box<AvFacts>),
    /// Percent done. Never decreases; 100 is sent once, as the last event.
    Progress(u8),
    /// This file is complete in the output folder and will not change.
    Ready(Artifact),
}

impl From<Event> for MakeEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Probed(kind, facts) => Self::Probed(kind, facts),
            Event::Progress(percent) => Self::Progress(percent),
            Event::Ready(artifact) => Self::Ready(artifact),
        }
    }
}

/// Makes everything that the profile asks for from one video or audio file, in the existing folder `out_dir`.
/// Artifacts come first and appear atomically; `manifest.json` comes last.
///
/// Setting `cancelled` stops it; child processes end within a second. The calling thread must live until it returns.
///
/// # Errors
///
/// [`MediaError::Refused`] if the file is unsupported, damaged (including truncated) or over a limit.
/// [`MediaError::Transient`] for everything else, which may succeed on another attempt; [`Transient::Cancelled`] if
/// `cancelled` was set. After either, no manifest exists.
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
    let Content { media_type, demuxer } = Content::detect(&file)?;
    let space = Workspace::open(input, out_dir, limits.max_output_bytes)?.opened_with(demuxer);
    let over = AtomicBool::new(false);
    let stop = || over.load(Ordering::Relaxed) || cancelled.load(Ordering::Relaxed);
    // Hash the whole file while ffmpeg works on it.
    let (made, digested) = thread::scope(|scope| {
        let digested = scope.spawn(|| digest(&mut file, stop));
        let made = make(space, profile, limits, watch, cancelled);
        if made.is_err() {
            over.store(true, Ordering::Relaxed);
        }
        (made, digested.join().expect("hashing does not panic"))
    });
    let made = made?;
    let (bytes, sha256) = digested.map_err(Transient::Read)?;
    if cancelled.load(Ordering::Relaxed) {
        return Err(Transient::Cancelled.into());
    }
    let manifest = made.manifest(SourceFacts { content_type: media_type.to_owned(), bytes, sha256 });
    manifest::write(&manifest, out_dir)?;
    watch(Event::Progress(100));
    Ok(manifest)
}

/// Outputs and measurements of one video or audio file.
struct Outcome {
    loudness: Option<LoudnessFacts>,
    artifacts: Vec<Artifact>,
    /// Duration of the outputs, in milliseconds.
    made_ms: u64,
    /// Set if the source's end is missing.
    cut_off: bool,
    /// Outputs that were left out, and why.
    warnings: Vec<Warning>,
}

/// Everything that the manifest needs, except the source's digest.
struct Made {
    kind: MediaKind,
    probe: Probe,
    loudness: Option<LoudnessFacts>,
    artifacts: Vec<Artifact>,
    warnings: Vec<Warning>,
}

impl Made {
    fn manifest(self, source: SourceFacts) -> Manifest {
        let Self { kind, probe, loudness, artifacts, warnings } = self;
        let av = Some(AvFacts { probe, loudness });
        Manifest { av, warnings, artifacts, ..manifest::of_renditions(kind, source) }
    }
}

fn make(
    space: Workspace,
    profile: &AvProfile,
    limits: &AvLimits,
    watch: &mut dyn FnMut(Event),
    cancelled: &AtomicBool,
) -> Result<Made, MediaError> {
    watch(Event::Progress(0));
    // Copied, because `space` moves into `Making` below while `runner` still borrows these paths.
    let Room { dir, source, demuxer } = space.room();
    let (dir, source) = (dir.to_owned(), source.to_owned());
    let bounds = Bounds::of(limits, limits.max_wall_time);
    let runner = Runner { room: Room { dir: &dir, source: &source, demuxer }, bounds, cancelled };
    let mut probe = probe::probe(&space, &runner, limits)?;
    shapes::fit(&mut probe, &space, &runner, limits)?;
    let limits = &limits.within(&probe);
    let plan = plan(&probe, profile)?;
    let limits = &plan.sound().map_or(*limits, |sound| limits.within_sound(&probe, sound.stream));
    limits.check_output(&plan)?;
    limits.check_work(&plan, thread::available_parallelism().map_or(1, usize::from) as u64)?;
    let kind = plan.kind();
    watch(Event::Probed(kind, Box::new(AvFacts { probe: probe.clone(), loudness: None })));
    let runner = Runner { bounds: Bounds { wall_time: limits.wall_time(&probe, &plan), ..bounds }, ..runner };
    let making = Making::new(space, runner, watch);
    let Outcome { loudness, artifacts, made_ms, cut_off, warnings } = match &plan {
        Plan::Video(plan) => {
            let stream =
                probe.video.as_ref().ok_or_else(|| Transient::Output("a video plan without video".to_owned()))?;
            video::make(making, &video::Video { plan, stream, limits, delay_us: probe.delay_us }, &probe)?
        }
        Plan::Audio(plan) => audio::make(making, plan, limits, &probe)?,
    };
    if cut_off && !probe.cut_off {
        (probe.cut_off, probe.claimed_ms) = (true, Some(probe.duration_ms));
    }
    // Trust the decoded duration over the container's, except for a complete video, whose last frame may be partial.
    if kind == MediaKind::Audio || cut_off {
        probe.duration_ms = made_ms;
    }
    let of_probe = probe.warnings(plan.sound().map(|sound| sound.stream));
    let warnings = of_probe.into_iter().chain(warnings).collect();
    Ok(Made { kind, probe, loudness, artifacts, warnings })
}
