//! Job mode: one ECS task, one attempt.

use crate::model;
use sha2::Digest;
use smmu_cloud::{CloudError, Environment, Failure, MakeError, MakeEvent, ModelBucket, Workbench, worker};
use smmu_core::{
    Artifact, Manifest, Profile, Role, Sha256, Stage,
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

/// How often a client sees more of a transcript after its first words, and how much work a container that is taken
/// away costs at the most.
const KEEP_EVERY: Duration = Duration::from_secs(30);

/// Works on the job that the environment names, and answers the exit code of the ECS task.
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
            // It has to be there for as long as it is used.
            drop(fetched);
            made
        })
    })
}

/// What the job lacks here, as its end.
fn misconfigured(lacking: impl Display) -> Failure {
    Failure::refused(worker::misconfigured(lacking), Stage::Transcribe)
}

/// Says what a job would lack here, if anything. A model of the operator's own is looked at by the job that fetches it.
pub(crate) fn check() -> ExitCode {
    let environment = Environment::read();
    let model = || match environment.get("SMMU_SPEECH_MODEL_BUCKET") {
        Some(_) => Ok(()),
        None => open(None, &environment).map(drop),
    };
    worker::check(ready(&environment).and_then(|_| model()))
}

/// The profile, where the programs that a job needs are here.
fn ready(environment: &Environment) -> Result<Profile, String> {
    av::check().map_err(|fault| with_causes(&fault))?;
    environment.profile().map_err(|error| error.to_string())
}

/// A model of the operator's own, fetched into a folder that goes with the process.
async fn fetch(bucket: &ModelBucket) -> Result<TempDir, Failure> {
    let folder = tempfile::tempdir().map_err(|error| Failure::Transient(format!("no temporary folder: {error}")))?;
    let unfetched = |error: CloudError| if error.transient { error.into() } else { misconfigured(with_causes(&error)) };
    bucket.fetch(folder.path()).await.map_err(unfetched)?;
    Ok(folder)
}

/// Checks the model that was fetched, or else the one that the image has. Answers what is wrong with it.
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
        // The profile asks for what this model has not got, and will for every file.
        let hopeless = matches!(error, ModelError::Unable { .. });
        if hopeless {
            MakeError::Refused(worker::misconfigured(with_causes(&error)))
        } else {
            MakeError::Transient(with_causes(&error))
        }
    })?;
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
        Err(fault) => MakeError::Transient(with_causes(&fault)),
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
