//! Job mode: one ECS task makes one attempt at one job.

use crate::model;
use sha2::Digest;
use smmu_cloud::{CloudError, Environment, Failure, ModelBucket, Workbench, worker};
use smmu_core::{
    Artifact, Manifest, Profile, Role, Sha256, Stage,
    make::{MakeError, MakeEvent},
    speech::{SpeechLimits, names},
    with_causes,
};
use smmu_media::av;
use smmu_speech::{Checkpoint, Event, ModelError, ModelFiles, Request, SoFar, transcribe};
use std::{
    fmt::Display,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Interval between partial transcripts and checkpoints after the first. It bounds the work that is lost with an
/// interrupted container.
const KEEP_EVERY: Duration = Duration::from_secs(30);

/// Processes the job named by the environment. Returns the exit code of the ECS task.
pub(crate) fn run() -> ExitCode {
    worker::run_job(Stage::Transcribe, async |sdk, environment| {
        let profile = ready(environment).map_err(misconfigured)?;
        let fetched = match ModelBucket::new(sdk, environment).map_err(misconfigured)? {
            Some(bucket) => Some(fetch(&bucket).await?),
            None => None,
        };
        let files = open(fetched.as_ref().map(TempDir::path), environment).map_err(misconfigured)?;
        Ok(move |bench: Workbench<'_>| {
            let made = work(bench, &files, &profile);
            // The folder must exist until the model is no longer used.
            drop(fetched);
            made
        })
    })
}

/// Turns a configuration error into the failure that ends the job.
fn misconfigured(lacking: impl Display) -> Failure {
    Failure::refused(worker::misconfigured(lacking), Stage::Transcribe)
}

/// Reports anything that jobs would lack on this machine. The operator's own model is only checked by the job that
/// downloads it.
pub(crate) fn check() -> ExitCode {
    let environment = Environment::read();
    let model = || match environment.get("SMMU_SPEECH_MODEL_BUCKET") {
        Some(_) => Ok(()),
        None => open(None, &environment).map(drop),
    };
    worker::check(ready(&environment).and_then(|_| model()))
}

/// Checks that the programs a job needs are present. Returns the profile.
fn ready(environment: &Environment) -> Result<Profile, String> {
    av::check().map_err(|error| with_causes(&error))?;
    environment.profile().map_err(|error| error.to_string())
}

/// Downloads the operator's own model into a temporary folder.
async fn fetch(bucket: &ModelBucket) -> Result<TempDir, Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure::Transient(format!("no temporary folder: {error}")))?;
    let unfetched = |error: CloudError| if error.transient { error.into() } else { misconfigured(with_causes(&error)) };
    bucket.fetch(folder.path()).await.map_err(unfetched)?;
    Ok(folder)
}

/// Verifies the downloaded model, or the image's model if none was downloaded. The error says what is wrong.
fn open(fetched: Option<&Path>, environment: &Environment) -> Result<ModelFiles, String> {
    let folder = match fetched {
        Some(folder) => folder.to_owned(),
        None => environment.require(model::FOLDER).map(PathBuf::from).map_err(|error| error.to_string())?,
    };
    ModelFiles::open(&folder).map_err(|error| with_causes(&error))
}

fn work(bench: Workbench<'_>, files: &ModelFiles, stack: &Profile) -> Result<Manifest, MakeError> {
    let Workbench { source, choice, outputs, checkpoint, cancelled, tell } = bench;
    let profile = &worker::wanted(choice, stack)?.speech;
    let mut model = model::load(files, profile).map_err(|error| {
        // The profile asks for something that this model does not support, which no retry changes.
        let hopeless = matches!(error, ModelError::Unable { .. });
        if hopeless {
            MakeError::Refused(worker::misconfigured(with_causes(&error)))
        } else {
            MakeError::Transient(with_causes(&error))
        }
    })?;
    // An unreadable checkpoint is from another version; its work is repeated.
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
    Ok(transcribe(&request, &mut model, outputs, &mut watch, cancelled)?)
}

/// Publishes the transcript so far for clients, and a checkpoint for a later attempt.
fn keep(so_far: &SoFar, tell: &mut dyn FnMut(MakeEvent)) {
    let transcript = serde_json::to_vec(&so_far.transcript()).expect("a transcript is plain data");
    let digest = Sha256::from_bytes(sha2::Sha256::digest(&transcript).into());
    let bytes = transcript.len() as u64;
    let artifact = Artifact::new(names::TRANSCRIPT, Role::Transcript, "application/json", bytes, digest);
    tell(MakeEvent::Partial(artifact, transcript));
    tell(MakeEvent::Checkpoint(serde_json::to_vec(so_far.checkpoint()).expect("a checkpoint is plain data")));
}
