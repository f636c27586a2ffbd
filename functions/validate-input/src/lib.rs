//! Verifies that the uploaded object matches its grant, and marks its job `RUNNING`.

use aws_config::SdkConfig;
use smmu_cloud::{Advance, Environment, Failure, Function, Jobs, Meter, StartError, Uploads, clock, telemetry};
use smmu_core::{
    Entry, ErrorCode, Hold, JobEvent, JobState, Measurement, Refusal, Source, Stage, Step, StoredObject, Subject,
};
use tracing::Instrument;

pub struct Context {
    jobs: Jobs,
    uploads: Uploads,
    meter: Meter,
}

impl Function for Context {
    type Event = Step<Entry>;
    type Answer = Step<Entry>;
    type Error = Failure;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self {
            jobs: Jobs::new(sdk, environment)?,
            uploads: Uploads::new(sdk, environment)?,
            meter: Meter::new(environment)?,
        })
    }

    async fn connect(&self) {
        tokio::join!(self.jobs.connect(), self.uploads.connect());
    }

    /// Returns the input after verifying that the version exists with the granted size and checksum.
    async fn handle(&self, step: Step<Entry>) -> Result<Step<Entry>, Failure> {
        let span = telemetry::job_span(&step.work.input.job_id, step.work.input.trail.as_ref());
        validate(step, self).instrument(span).await
    }
}

async fn validate(step: Step<Entry>, context: &Context) -> Result<Step<Entry>, Failure> {
    take(&step, context).await?;
    let source = &step.work.input.source;
    let found = context.uploads.find_version(source).await?;
    prove(source, found.as_ref()).map_err(|refusal| Failure::refused(refusal, Stage::Validate))?;
    Ok(step)
}

/// Takes the job: for a light run only a queued one, for the Standard state machine also one of a light run.
async fn take(Step { work, run }: &Step<Entry>, context: &Context) -> Result<(), Failure> {
    let (id, run) = (&work.input.job_id, run.as_ref());
    let before = context.jobs.get(id).await?.ok_or_else(Failure::no_such_job)?;
    let waited = matches!(before.state, JobState::Queued { .. });
    let event = run.map_or(JobEvent::Started, |run| JobEvent::Held(Hold::by(run, clock::now())));
    match context.jobs.advance_from(before, event).await? {
        Advance::Changed(job) if waited => {
            let (waited_ms, bytes) = (job.updated_at.ms_since(job.created_at), work.input.source.bytes);
            let started = Measurement::JobStarted { waited_ms, bytes };
            context.meter.write(&started, Some(Subject { job: &job.id, trail: job.trail.as_ref() }));
            tracing::info!(bytes, waited_ms, "job started");
            Ok(())
        }
        Advance::Changed(_) if run.is_none() => {
            tracing::info!("the job of a light run goes on in the Standard state machine");
            Ok(())
        }
        Advance::Changed(job) | Advance::Unchanged(job) => Failure::unless_held(&job, run),
        Advance::Ended(job) => Err(Failure::ended(job.status(), run)),
        Advance::TooEarly(_) | Advance::Missing => Err(Failure::no_such_job()),
    }
}

fn prove(source: &Source, found: Option<&StoredObject>) -> Result<(), Refusal> {
    let Some(found) = found else {
        return Err(Refusal::source_missing());
    };
    let same = found.version_id == source.version_id
        && found.bytes == source.bytes
        && source.checksum.is(found.bytes, found.checksum);
    if same {
        Ok(())
    } else {
        Err(Refusal::new(ErrorCode::SourceChanged, "the uploaded file does not match its announced size and checksum"))
    }
}

#[cfg(test)]
mod tests {
    use super::prove;
    use smmu_core::{Checksum, Composite, ErrorCode, Sha256, Source, StoredChecksum, StoredObject};

    const DIGEST: Sha256 = Sha256::from_bytes([1; 32]);

    fn source() -> Source {
        Source { key: "k".into(), version_id: "v".into(), bytes: 3, checksum: Checksum::Whole { sha256: DIGEST } }
    }

    fn found() -> StoredObject {
        StoredObject { version_id: "v".into(), bytes: 3, checksum: Some(StoredChecksum::Whole(DIGEST)) }
    }

    #[test]
    fn an_object_of_parts_is_verified_by_its_composite_digest() {
        let composite = Composite { sha256: DIGEST, part_bytes: 2 };
        let source = Source { checksum: Checksum::Composite { composite, declared: None }, ..source() };
        let stored = |parts| Some(StoredChecksum::Composite { sha256: DIGEST, parts });
        assert_eq!(prove(&source, Some(&StoredObject { checksum: stored(2), ..found() })), Ok(()));
        for other in [stored(3), found().checksum] {
            assert!(prove(&source, Some(&StoredObject { checksum: other, ..found() })).is_err());
        }
    }

    #[test]
    fn the_granted_object_is_accepted() {
        assert_eq!(prove(&source(), Some(&found())), Ok(()));
    }

    #[test]
    fn a_missing_version_is_refused_as_missing() {
        assert_eq!(prove(&source(), None).map_err(|r| r.code), Err(ErrorCode::SourceMissing));
    }

    #[test]
    fn any_difference_is_refused_as_changed() {
        let others = [
            StoredObject { version_id: "w".into(), ..found() },
            StoredObject { bytes: 4, ..found() },
            StoredObject { checksum: Some(StoredChecksum::Whole(Sha256::from_bytes([2; 32]))), ..found() },
            StoredObject { checksum: None, ..found() },
        ];
        for other in others {
            assert_eq!(prove(&source(), Some(&other)).map_err(|r| r.code), Err(ErrorCode::SourceChanged));
        }
    }
}
