//! What makes the outputs, as an attempt sees it: a function in a thread of its own.

use crate::invocation::Failure;
use smmu_core::{Artifact, Choice, Manifest, MediaKind, Refusal, Stage, av::AvFacts};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::mpsc::UnboundedSender,
    task::{JoinHandle, spawn_blocking},
};

/// What a maker works with.
pub struct Workbench<'a> {
    /// The source.
    pub source: &'a Path,
    /// What is wanted of this job in the place of what is wanted of every one.
    pub choice: &'a Choice,
    /// An empty folder for the outputs and, last, their `manifest.json`.
    pub outputs: &'a Path,
    /// What an earlier attempt of the same job left to go on from.
    pub checkpoint: Option<&'a [u8]>,
    /// Set when nobody wants the outputs any more: the maker should end within a second or so, and with
    /// it every process that it has started.
    pub cancelled: &'a AtomicBool,
    /// Hears what happens meanwhile.
    pub tell: &'a mut dyn FnMut(MakeEvent),
}

/// What happens while outputs are made.
#[derive(Debug, Clone, PartialEq)]
pub enum MakeEvent {
    /// The source was measured, and this is what it turned out to be.
    Probed(MediaKind, Box<AvFacts>),
    /// So many percent are made.
    Progress(u8),
    /// This file in the folder of the outputs is complete and will not change.
    Ready(Artifact),
    /// The content of a file as far as it has come; it is replaced by a longer one, at last by a ready one of its name.
    Partial(Artifact, Vec<u8>),
    /// What another attempt could go on from, in the place of the one before.
    Checkpoint(Vec<u8>),
}

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The input is at fault.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The machine is at fault: a full disk, a killed child.
    #[error("{0}")]
    Transient(String),
}

/// What a maker is given.
pub(super) struct MakeInputs {
    pub(super) source: PathBuf,
    pub(super) choice: Choice,
    pub(super) outputs: PathBuf,
    pub(super) checkpoint: Option<Vec<u8>>,
}

/// A maker at work.
pub(super) struct Maker {
    thread: JoinHandle<Result<Manifest, MakeError>>,
    cancelled: Arc<AtomicBool>,
}

impl Maker {
    /// Starts one. `heard` gets what it tells, and is closed when it ends.
    pub(super) fn start<F>(make: F, inputs: MakeInputs, heard: UnboundedSender<MakeEvent>) -> Self
    where
        F: FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static,
    {
        let cancelled = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&cancelled);
        let thread = spawn_blocking(move || {
            let mut tell = |event| {
                // Nobody listens where the attempt has ended; its result is dropped as well.
                let _unheard = heard.send(event);
            };
            let MakeInputs { source, choice, outputs, checkpoint } = &inputs;
            let checkpoint = checkpoint.as_deref();
            make(Workbench { source, choice, outputs, checkpoint, cancelled: &seen, tell: &mut tell })
        });
        Self { thread, cancelled }
    }

    /// What it makes.
    pub(super) async fn made(&mut self, stage: Stage) -> Result<Manifest, Failure> {
        match (&mut self.thread).await {
            Ok(Ok(manifest)) => Ok(manifest),
            Ok(Err(MakeError::Refused(refusal))) => Err(Failure::refused(refusal, stage)),
            Ok(Err(MakeError::Transient(message))) => Err(Failure::Transient(message)),
            Err(panicked) => Err(Failure::Fault(format!("the maker panicked: {panicked}"))),
        }
    }

    /// Tells it to end, if it has not, and waits for that as long as `patience` lasts.
    pub(super) async fn cancel(self, patience: Duration) {
        self.cancelled.store(true, Ordering::Relaxed);
        if !self.thread.is_finished() && tokio::time::timeout(patience, self.thread).await.is_err() {
            tracing::warn!("the maker did not stop in time");
        }
    }
}
