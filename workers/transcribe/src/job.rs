//! Job mode: one ECS task, one attempt.

use crate::model;
use sha2::Digest;
use smmu_cloud::{Environment, Failure, MakeError, MakeEvent, ModelBucket, Workbench, worker};
use smmu_core::{
    Artifact, Manifest, Role, Sha256, Stage,
    speech::{SpeechLimits, SpeechProfile, names},
};
use smmu_media::file_mode::with_causes;
use smmu_speech::{Checkpoint, Event, ModelFiles, Request, SoFar, transcribe};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How often a client sees more of a transcript after its first words, and how much work a container that is taken
/// away costs at the most.
const KEEP_EVERY: Duration = Duration::from_secs(30);

/// Works on the job that the environment names, and answers the exit code of the ECS task.
pub(crate) fn run() -> ExitCode {
    worker::run_job(Stage::Transcribe, async |sdk, environment| {
        let profile = environment.profile().map_err(Failure::unexpected)?.speech;
        let fetched = match ModelBucket::new(sdk, environment).map_err(Failure::unexpected)? {
            Some(bucket) => Some(fetch(&bucket).await?),
            None => None,
        };
        let files = open(fetched.as_ref().map(TempDir::path), environment)?;
        Ok(move |bench: Workbench<'_>| {
            let made = work(bench, &files, &profile);
            // It has to be there for as long as it is used.
            drop(fetched);
            made
        })
    })
}

/// A model of the operator's own, fetched into a folder that goes with the process.
async fn fetch(bucket: &ModelBucket) -> Result<TempDir, Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure::Transient(format!("no temporary folder: {error}")))?;
    bucket.fetch(folder.path()).await?;
    Ok(folder)
}

/// Checks the model that was fetched, or else the one that the image has.
fn open(fetched: Option<&Path>, environment: &Environment) -> Result<ModelFiles, Failure> {
    let folder = match fetched {
        Some(folder) => folder.to_owned(),
        None => environment.require(model::FOLDER).map(PathBuf::from).map_err(Failure::unexpected)?,
    };
    ModelFiles::open(&folder).map_err(|error| Failure::Fault(with_causes(&error)))
}

fn work(bench: Workbench<'_>, files: &ModelFiles, profile: &SpeechProfile) -> Result<Manifest, MakeError> {
    let Workbench { source, outputs, checkpoint, cancelled, tell } = bench;
    let mut model = model::load(files, profile).map_err(|error| MakeError::Fault(with_causes(&error)))?;
    // What cannot be read is of another version, and costs the work that it saw.
    let earlier: Option<Checkpoint> = checkpoint.and_then(|content| serde_json::from_slice(content).ok());
    let limits = SpeechLimits::default();
    let request = Request { input: source, profile, limits: &limits, earlier: earlier.as_ref() };
    let mut kept: Option<Instant> = None;
    let mut watch = |event: Event| match event {
        Event::Progress { percent, .. } => tell(MakeEvent::Progress(percent)),
        Event::Heard(so_far) => {
            if kept.is_none_or(|at| at.elapsed() >= KEEP_EVERY) {
                kept = Some(Instant::now());
                keep(so_far, tell);
            }
        }
    };
    transcribe(&request, &mut model, outputs, &mut watch, cancelled).map_err(|error| match error.verdict() {
        Ok(refusal) => MakeError::Refused(refusal),
        Err(fault) => MakeError::Fault(with_causes(&fault)),
    })
}

/// Hands on what was heard so far: to the client, and to a later attempt.
fn keep(so_far: &SoFar, tell: &mut dyn FnMut(MakeEvent)) {
    let transcript = serde_json::to_vec(&so_far.transcript()).expect("a transcript is plain data");
    let digest = Sha256::from_bytes(sha2::Sha256::digest(&transcript).into());
    let bytes = transcript.len() as u64;
    let artifact = Artifact::new(names::TRANSCRIPT, Role::Transcript, "application/json", bytes, digest);
    tell(MakeEvent::Partial(artifact, transcript));
    tell(MakeEvent::Checkpoint(serde_json::to_vec(so_far.checkpoint()).expect("a checkpoint is plain data")));
}
