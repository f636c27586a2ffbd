//! The maker of the outputs: a function that runs in a separate thread.

use crate::invocation::Failure;
use smmu_core::{
    Choice, Manifest, Stage,
    make::{MakeError, MakeEvent},
};
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

/// The inputs and channels of a maker.
pub struct Workbench<'a> {
    /// The downloaded source file.
    pub source: &'a Path,
    /// The job's own choice of profile and spoken language, in place of the stack's.
    pub choice: &'a Choice,
    /// An empty folder for the outputs and, written last, their `manifest.json`.
    pub outputs: &'a Path,
    /// The checkpoint of an earlier attempt at the same job, to resume from.
    pub checkpoint: Option<&'a [u8]>,
    /// Set when the outputs are no longer needed. The maker should then end within about a second, together with every
    /// process that it started.
    pub cancelled: &'a AtomicBool,
    /// Receives events while the maker runs.
    pub tell: &'a mut dyn FnMut(MakeEvent),
}

/// The owned inputs of a maker.
pub(super) struct MakeInputs {
    pub(super) source: PathBuf,
    pub(super) choice: Choice,
    pub(super) outputs: PathBuf,
    pub(super) checkpoint: Option<Vec<u8>>,
}

/// A running maker.
pub(super) struct Maker {
    thread: JoinHandle<Result<Manifest, MakeError>>,
    cancelled: Arc<AtomicBool>,
}

impl Maker {
    /// Starts a maker. Sends its events to `events`, which is closed when it ends.
    pub(super) fn start<F>(make: F, inputs: MakeInputs, events: UnboundedSender<MakeEvent>) -> Self
    where
        F: FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static,
    {
        let cancelled = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&cancelled);
        let thread = spawn_blocking(move || {
            let mut tell = |event| {
                // Fails only after the attempt has ended; the result is dropped then as well.
                let _receiver_gone = events.send(event);
            };
            let MakeInputs { source, choice, outputs, checkpoint } = &inputs;
            let checkpoint = checkpoint.as_deref();
            make(Workbench { source, choice, outputs, checkpoint, cancelled: &seen, tell: &mut tell })
        });
        Self { thread, cancelled }
    }

    /// Waits for the result. `disk_full` is the failure that a full disk means.
    pub(super) async fn made(
        &mut self,
        stage: Stage,
        disk_full: impl FnOnce(String) -> Failure,
    ) -> Result<Manifest, Failure> {
        match (&mut self.thread).await {
            Ok(Ok(manifest)) => Ok(manifest),
            Ok(Err(MakeError::Refused(refusal))) => Err(Failure::refused(refusal, stage)),
            Ok(Err(MakeError::Transient(message))) => Err(Failure::Transient(message)),
            Ok(Err(MakeError::DiskFull(message))) => Err(disk_full(message)),
            Err(panicked) => Err(Failure::Fault(format!("the maker panicked: {panicked}"))),
        }
    }

    /// Asks the maker to end, unless it has, and waits for at most `patience`.
    pub(super) async fn cancel(self, patience: Duration) {
        self.cancelled.store(true, Ordering::Relaxed);
        if !self.thread.is_finished() && tokio::time::timeout(patience, self.thread).await.is_err() {
            tracing::warn!("the maker did not stop in time");
        }
    }
}
