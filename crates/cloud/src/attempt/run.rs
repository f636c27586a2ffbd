//! The steps of an attempt, in sequence. Outputs are stored as they become ready, while the maker still runs.

use super::{
    Attempt, MakeInputs, Maker, StopReason, Workbench, milliseconds,
    shelf::{Listing, Shelf},
};
use crate::{
    artifacts::AttemptPrefix, clock, error::CloudError, invocation::Failure, jobs::Advance,
    uploads::DOWNLOAD_PART_BYTES,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{
    Artifact, AttemptId, AttemptPhase, Bill, Checksum, Detected, ErrorCode, Hold, Job, JobEvent, Manifest, MediaFacts,
    MediaKind, Output, Pipeline, Refusal, Sha256, Share, Stage, Timestamp, Usage, Work, expected_end,
    make::{MakeError, MakeEvent},
    manifest::BilledManifest,
    with_causes,
};
use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, unbounded_channel},
        watch,
    },
    task::{JoinError, JoinSet},
};

/// More would not be faster on the network of a small Lambda function, and each upload holds a buffer.
const UPLOADS_AT_ONCE: usize = 4;

/// One attempt under way.
pub(super) struct AttemptRun<'a> {
    pub(super) attempt: &'a Attempt,
    pub(super) work: &'a Detected,
    pub(super) id: AttemptId,
    pub(super) stage: Stage,
    /// The pipeline whose attempts work in that stage.
    pub(super) pipeline: Pipeline,
    /// Start of the attempt, from which its cost is computed.
    pub(super) began: Instant,
    /// A temporary folder for this attempt only.
    pub(super) room: &'a Path,
    /// Progress, for the reporter.
    pub(super) share: &'a watch::Sender<Share>,
}

/// Reason why an attempt ends without a commit.
pub(super) enum Stop {
    /// The job has ended, or another works on it, so these outputs are not needed.
    Superseded,
    /// The attempt was stopped from outside.
    Stopped(StopReason),
    /// The attempt failed.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<CloudError> for Stop {
    fn from(error: CloudError) -> Self {
        Self::Failed(error.into())
    }
}

/// Moves outputs from the local folder to the attempt's prefix.
#[derive(Clone)]
struct Transport {
    folder: PathBuf,
    prefix: Arc<AttemptPrefix>,
}

impl Transport {
    async fn put(&self, artifact: &Artifact) -> Result<Output, CloudError> {
        self.prefix.put(artifact, &self.folder).await
    }
}

impl AttemptRun<'_> {
    /// Runs all steps, from the source to the committed manifest. `slot` gets the maker once it is started.
    pub(super) async fn run<F>(&self, make: F, slot: &mut Option<Maker>) -> Result<(), Stop>
    where
        F: FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static,
    {
        let pipeline = self.pipeline;
        let job = self.advance(self.worked(Share::default())).await?;
        // The workers of a job that was handed over start again, also one that has ended.
        if job.has_decided(pipeline) {
            return Ok(());
        }
        let source = self.fetch().await?;

        let folder = self.room.join("outputs");
        std::fs::create_dir(&folder).map_err(|error| Failure::Transient(format!("no folder for outputs: {error}")))?;
        let prefix = Arc::new(self.attempt.artifacts.attempt(&self.work.input.job_id, pipeline, &self.id));
        let checkpoint = self.checkpoint().await;
        let (teller, events) = unbounded_channel();
        let choice = self.work.input.choice.clone();
        let inputs = MakeInputs { source, choice, outputs: folder.clone(), checkpoint };
        let source = inputs.source.clone();
        let maker = slot.insert(Maker::start(make, inputs, teller));
        let transport = Transport { folder, prefix };
        let making = async {
            match maker.made(self.stage, |message| self.disk_full(message)).await {
                Err(refused @ Failure::Refused(_)) => Err(Stop::from(self.refused_or_damaged(refused, source).await)),
                made => made.map_err(Stop::from),
            }
        };
        let (manifest, stored) = tokio::try_join!(making, self.follow(events, &transport))?;

        self.check(&manifest, pipeline)?;
        self.reached(AttemptPhase::Store, 0);
        self.store(manifest.artifacts.iter().filter(|artifact| !stored.contains(artifact)), &transport).await?;
        let billed = BilledManifest { cost: self.bill(&manifest), manifest };
        let key = transport.prefix.put_manifest(&billed, &transport.folder).await?;
        let manifest = billed.manifest;
        match &manifest.speech {
            Some(speech) => {
                let described = self.attempt.media.describe_speech(&self.work.input.media_id, speech).await;
                ignore_write_failure("the speech facts", described.map_err(Stop::from))?;
            }
            None => self.describe(&manifest.facts()).await,
        }
        self.correct_kind(manifest.kind).await?;
        self.advance(JobEvent::Committed(pipeline, key)).await.map(drop)
    }

    /// The failure that a full disk means: a container has a larger one than a function.
    fn disk_full(&self, message: String) -> Failure {
        if self.attempt.moves { Failure::Moved(message) } else { Failure::Transient(message) }
    }

    /// Reads the checkpoint of an earlier attempt. A failure is not fatal: without a checkpoint the work starts over.
    async fn checkpoint(&self) -> Option<Vec<u8>> {
        if !self.pipeline.leaves_checkpoints() {
            return None;
        }
        let found = self.attempt.artifacts.checkpoint(&self.work.input.job_id, self.pipeline).await;
        found.unwrap_or_else(|error| {
            tracing::warn!(error = with_causes(&error), "failed to read the checkpoint");
            None
        })
    }

    async fn fetch(&self) -> Result<PathBuf, Stop> {
        let (file, source) = (self.room.join("source"), &self.work.input.source);
        check_disk(self.room, source.bytes).map_err(|message| self.disk_full(message))?;
        let arrived = AtomicU64::new(0);
        let count = |bytes| {
            let so_far = arrived.fetch_add(bytes, Ordering::Relaxed) + bytes;
            self.reached(AttemptPhase::Fetch, percent(so_far, source.bytes));
        };
        let downloaded = self.attempt.uploads.download(source, &file, &count).await;
        downloaded.map_err(|error| Failure::reading_source(error, self.stage))?;
        if let Checksum::Composite { declared: Some(declared), .. } = source.checksum {
            self.check_declared(file.clone(), declared).await?;
        }
        Ok(file)
    }

    /// Compares the digest of a multipart upload with the one that the client declared for the whole file, because S3
    /// verified only the parts. The parts are those that were validated, so a retry would find the same mismatch: it is
    /// a refusal.
    async fn check_declared(&self, file: PathBuf, declared: Sha256) -> Result<(), Failure> {
        let digested = tokio::task::spawn_blocking(move || digest(&file)).await;
        let unreadable = |error: std::io::Error| Failure::Transient(format!("the source cannot be read: {error}"));
        let found = digested.map_err(|error| unreadable(error.into())).and_then(|read| read.map_err(unreadable))?;
        if found == declared {
            return Ok(());
        }
        let message = "the file's SHA-256 is not the declared one";
        Err(Failure::refused(Refusal::new(ErrorCode::SourceChanged, message), self.stage))
    }

    /// Handles the maker's events until it ends, and stores and lists outputs as they become ready. Returns the stored
    /// artifacts. An upload that fails here is retried by the next step, where failure is fatal.
    async fn follow(
        &self,
        mut events: UnboundedReceiver<MakeEvent>,
        transport: &Transport,
    ) -> Result<Vec<Artifact>, Stop> {
        let (mut waiting, mut uploads, mut shelf) = (VecDeque::new(), JoinSet::new(), Shelf::default());
        let mut listing = Listing::default();
        let began = clock::now();
        let mut open = true;
        while open || !uploads.is_empty() {
            tokio::select! {
                event = events.recv(), if open => match event {
                    Some(MakeEvent::Progress(percent)) => self.made(began, percent),
                    Some(MakeEvent::Ready(artifact)) => {
                        shelf.finished.push(artifact.name.clone());
                        waiting.push_back(artifact);
                    }
                    Some(MakeEvent::Partial(artifact, content)) => {
                        self.show(artifact, content, transport).await?;
                    }
                    Some(MakeEvent::Checkpoint(content)) => {
                        let job = &self.work.input.job_id;
                        let kept = self.attempt.artifacts.put_checkpoint(job, self.pipeline, content).await;
                        ignore_write_failure("a checkpoint", kept.map_err(Stop::from))?;
                    }
                    Some(MakeEvent::Probed(kind, facts)) => {
                        self.describe(&MediaFacts { kind, image: None, av: Some(*facts) }).await;
                        ignore_write_failure("the kind", self.correct_kind(kind).await)?;
                    }
                    None => open = false,
                },
                Some(ended) = uploads.join_next() => {
                    let listed = shelf.listed().count();
                    shelf.stored.extend(uploaded(ended));
                    if shelf.listed().count() > listed {
                        listing.ask(Instant::now());
                    }
                }
                () = tokio::time::sleep_until(listing.due_at().into()), if listing.is_due() => {
                    listing.done(Instant::now());
                    let outputs = shelf.listed().cloned().collect();
                    ignore_write_failure("ready outputs", self.advance(JobEvent::Ready(outputs)).await.map(drop))?;
                }
            }
            while uploads.len() < UPLOADS_AT_ONCE
                && let Some(artifact) = waiting.pop_front()
            {
                let transport = transport.clone();
                uploads.spawn(async move { transport.put(&artifact).await });
            }
        }
        Ok(shelf.stored.into_iter().map(|output| output.artifact).collect())
    }

    /// Stores and lists the current state of an unfinished file.
    async fn show(&self, artifact: Artifact, content: Vec<u8>, transport: &Transport) -> Result<(), Stop> {
        let shown = async {
            let output = transport.prefix.put_partial(artifact, content).await?;
            self.advance(JobEvent::Ready(vec![output])).await.map(drop)
        };
        ignore_write_failure("a partial output", shown.await)
    }

    async fn store(
        &self,
        artifacts: impl Iterator<Item = &Artifact> + Clone,
        transport: &Transport,
    ) -> Result<(), Stop> {
        let whole = artifacts.clone().map(|artifact| artifact.bytes).sum();
        let uploads = artifacts.map(|artifact| transport.put(artifact));
        let mut uploads = stream::iter(uploads).buffer_unordered(UPLOADS_AT_ONCE);
        let mut sent = 0;
        while let Some(output) = uploads.try_next().await? {
            sent += output.artifact.bytes;
            self.reached(AttemptPhase::Store, percent(sent, whole));
        }
        Ok(())
    }

    /// Checks that the manifest belongs to this work. If the source was damaged in transit, the next attempt fetches it
    /// again.
    fn check(&self, manifest: &Manifest, pipeline: Pipeline) -> Result<(), Failure> {
        if manifest.pipeline != pipeline {
            return Err(Failure::unexpected("the manifest belongs to another pipeline"));
        }
        if self.work.input.source.checksum.whole().is_some_and(|whole| manifest.source.sha256 != whole) {
            return Err(damaged());
        }
        Ok(())
    }

    /// Replaces the refusal of a source that was damaged in transit: the uploaded file may be sound.
    async fn refused_or_damaged(&self, refused: Failure, source: PathBuf) -> Failure {
        // The parts of a multipart upload were compared during the download.
        let Some(whole) = self.work.input.source.checksum.whole() else { return refused };
        match tokio::task::spawn_blocking(move || digest(&source)).await {
            Ok(Ok(found)) if found == whole => refused,
            Ok(Ok(_)) => damaged(),
            Ok(Err(error)) => Failure::Transient(format!("the source cannot be read: {error}")),
            Err(panicked) => Failure::Fault(format!("the digest panicked: {panicked}")),
        }
    }

    /// Cost of the attempt so far, which is nearly all of it. `None` if the machine is unknown and so has no price.
    fn bill(&self, manifest: &Manifest) -> Option<Bill> {
        let (machine, ran_ms) = (self.attempt.machine?, milliseconds(self.began.elapsed()));
        let sizes: Vec<u64> = manifest.artifacts.iter().map(|artifact| artifact.bytes).collect();
        let around = Usage::of_attempt(self.work.input.source.bytes, DOWNLOAD_PART_BYTES, &sizes, ran_ms);
        Some(self.attempt.prices.bill(&(machine.running(ran_ms) + around)))
    }

    /// Corrects the kind that detection guessed from the first bytes, if the maker found another.
    async fn correct_kind(&self, kind: MediaKind) -> Result<(), Stop> {
        if kind == self.work.kind { Ok(()) } else { self.advance(JobEvent::Detected(kind)).await.map(drop) }
    }

    /// Records the measured facts. A failure is only logged, because the manifest has them too.
    async fn describe(&self, facts: &MediaFacts) {
        if let Err(error) = self.attempt.media.describe(&self.work.input.media_id, facts).await {
            tracing::warn!(error = with_causes(&error), "failed to store measurements in the media table");
        }
    }

    /// A progress report with what the attempt has cost so far: the time of its machine.
    pub(super) fn worked(&self, share: Share) -> JobEvent {
        let spent = self.attempt.machine.map(|machine| {
            (self.id.clone(), self.attempt.prices.cost(&machine.running(milliseconds(self.began.elapsed()))))
        });
        let (stage, pipeline, branch) = (self.stage, self.pipeline, self.work.branch);
        let hold = self.attempt.run.as_ref().map(|run| Hold::by(run, clock::now()));
        JobEvent::Worked(Work { stage, pipeline, branch, share, spent, hold })
    }

    /// Reports the final cost of an attempt that failed.
    pub(super) async fn report_cost(&self) {
        let report = self.worked(*self.share.borrow());
        if let Err(error) = self.attempt.jobs.advance(&self.work.input.job_id, report).await {
            tracing::warn!(error = with_causes(&error), "failed to record the cost of a failed attempt");
        }
    }

    async fn advance(&self, event: JobEvent) -> Result<Job, Stop> {
        match self.attempt.jobs.advance(&self.work.input.job_id, event).await? {
            Advance::Changed(job) | Advance::Unchanged(job) if self.attempt.has_lost(&job) => Err(Stop::Superseded),
            Advance::Changed(job) | Advance::Unchanged(job) => Ok(job),
            Advance::Ended(_) => Err(Stop::Superseded),
            Advance::TooEarly(_) | Advance::Missing => Err(Failure::not_running().into()),
        }
    }

    fn reached(&self, step: AttemptPhase, percent: u8) {
        self.share.send_replace(Share { percent: step.of_attempt(percent), ends_at: None });
    }

    /// Like [`Self::reached`], for the make phase, whose expected end follows from its speed.
    fn made(&self, began: Timestamp, percent: u8) {
        let ends_at = expected_end(began, clock::now(), percent);
        self.share.send_replace(Share { percent: AttemptPhase::Make.of_attempt(percent), ends_at });
    }
}

/// The next attempt downloads the source again.
fn damaged() -> Failure {
    Failure::Transient("the downloaded source does not match its checksum".into())
}

/// Ignores a failed write, but not an ended job.
fn ignore_write_failure(what: &str, written: Result<(), Stop>) -> Result<(), Stop> {
    match written {
        Err(Stop::Failed(failure)) => {
            tracing::warn!(%failure, "failed to record {what}");
            Ok(())
        }
        Ok(()) | Err(Stop::Superseded | Stop::Stopped(_)) => written,
    }
}

fn uploaded(ended: Result<Result<Output, CloudError>, JoinError>) -> Option<Output> {
    match ended {
        Ok(Ok(output)) => Some(output),
        Ok(Err(error)) => {
            tracing::warn!(error = with_causes(&error), "upload failed, will retry before commit");
            None
        }
        Err(error) => {
            tracing::error!(%error, "upload panicked, will retry before commit");
            None
        }
    }
}

/// Fails before the download if the file does not fit on the disk.
fn check_disk(folder: &Path, bytes: u64) -> Result<(), String> {
    let disk = rustix::fs::statvfs(folder).map_err(|error| format!("no disk: {error}"))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < bytes {
        return Err(format!("the source has {bytes} bytes, and the disk has room for {free}"));
    }
    Ok(())
}

fn digest(file: &Path) -> std::io::Result<Sha256> {
    let mut hasher = Hasher::new();
    std::io::copy(&mut std::fs::File::open(file)?, &mut hasher)?;
    Ok(Sha256::from_bytes(hasher.finalize().into()))
}

/// `part` of `whole` in percent.
fn percent(part: u64, whole: u64) -> u8 {
    u8::try_from(part.saturating_mul(100) / whole.max(1)).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::{check_disk, percent};

    #[test]
    fn a_source_larger_than_the_disk_fails_before_the_download() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check_disk(folder.path(), 1).is_ok());
        let message = check_disk(folder.path(), u64::MAX).expect_err("it must not fit");
        assert!(message.contains("room for"), "{message}");
    }

    #[test]
    fn percent_handles_zero_and_overflow() {
        assert_eq!([percent(0, 7), percent(7, 7), percent(1, 3)], [0, 100, 33]);
        assert_eq!([percent(0, 0), percent(u64::MAX, 1)], [0, 100]);
    }
}
