//! Runs a media again. Every run has a job of its own, and only one runs at a time.
//!
//! The first job has the media's own ULID ([`JobId::of`]), so that it is the same job no matter which program submits
//! the upload. A later job's id is random, and recorded only if no other run was recorded meanwhile.

use super::{DescribedMedia, Media, MediaState};
use crate::{
    ids::JobId,
    job::{Addition, Job, Status},
    kind::MediaKind,
    pipeline::Pipeline,
    profile::Choice,
    time::Timestamp,
};

/// Most runs of a media, including the first. The record of a media names every job, and a deletion visits each.
pub const MAX_RUNS: usize = 100;

/// A request for another run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rerun {
    /// The client's choices.
    pub choice: Choice,
    /// The only step to run, whose outputs are added to the existing ones; `None` runs every step.
    pub step: Option<Pipeline>,
}

/// Reason why a media cannot be run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotRun {
    /// It has no job yet, and may never have one.
    #[error("the media has not been submitted")]
    NotSubmitted,
    /// One of its jobs has not ended.
    #[error("its newest job is {0}")]
    Running(Status),
    /// It reached the limit of runs.
    #[error("a media can be run {MAX_RUNS} times")]
    TooOften,
    /// A single step was requested, but no outputs exist to add to.
    #[error("no job of this media has completed, so there is nothing to add to; leave out `steps` to run all of it")]
    NothingToAddTo,
    /// The step does not apply to this media.
    #[error("the media has no step {0}: {1}")]
    NoSuchStep(Pipeline, &'static str),
}

impl Media {
    /// Its jobs, oldest first, including the first one, which does not exist before submission.
    #[must_use]
    pub fn runs(&self) -> Vec<JobId> {
        [JobId::of(&self.id)].into_iter().chain(self.reruns.iter().cloned()).collect()
    }

    /// The job whose outputs are current, once the media is submitted.
    #[must_use]
    pub const fn standing_job(&self) -> Option<&JobId> {
        match &self.state {
            MediaState::Submitted { job_id, .. } => Some(job_id),
            MediaState::AwaitingUpload
            | MediaState::Expired
            | MediaState::Deleted { .. }
            | MediaState::Purged { .. } => None,
        }
    }

    /// The job that was created last.
    #[must_use]
    pub fn newest_job(&self) -> JobId {
        self.reruns.last().cloned().unwrap_or_else(|| JobId::of(&self.id))
    }
}

impl DescribedMedia {
    /// Adds a job with the id `id`, and returns the media and that job.
    ///
    /// `newest` is the latest job, `standing` the one whose outputs the media shows; `None` if its record has expired.
    /// `jobId` changes when the new job is completed, or at once if none has been completed yet.
    pub fn run_again(
        &self,
        newest: Option<&Job>,
        standing: Option<&Job>,
        id: JobId,
        rerun: &Rerun,
        at: Timestamp,
    ) -> Result<(Media, Job), CannotRun> {
        let MediaState::Submitted { job_id, input_version_id } = &self.media.state else {
            return Err(CannotRun::NotSubmitted);
        };
        if let Some(running) = newest.filter(|job| !job.status().is_terminal()) {
            return Err(CannotRun::Running(running.status()));
        }
        if self.media.reruns.len() + 1 >= MAX_RUNS {
            return Err(CannotRun::TooOften);
        }
        let completed = standing.filter(|job| job.status() == Status::Completed);
        let addition = match (rerun.step, completed) {
            (None, _) => None,
            (Some(_), None) => return Err(CannotRun::NothingToAddTo),
            (Some(step), Some(completed)) => {
                self.has_step(step, completed)?;
                Some(Addition { to: completed.id.clone(), step })
            }
        };
        let choice = match completed.filter(|_| addition.is_some()) {
            // Existing outputs stay as they were made.
            Some(completed) => Choice { profile: completed.choice.profile.clone(), ..rerun.choice.clone() },
            None => rerun.choice.clone(),
        };
        let job = Job::again(&self.media, id.clone(), input_version_id, choice.clone(), addition, at);
        let standing = if completed.is_some() { job_id.clone() } else { id.clone() };
        let media = Media {
            reruns: self.media.reruns.iter().cloned().chain([id]).collect(),
            choice,
            state: MediaState::Submitted { job_id: standing, input_version_id: input_version_id.clone() },
            ..self.media.clone()
        };
        Ok((media, job))
    }

    /// Checks whether a step can run on its own, given what is known of the content.
    fn has_step(&self, step: Pipeline, completed: &Job) -> Result<(), CannotRun> {
        let sounds = self.facts.as_ref().and_then(|facts| facts.av.as_ref()).map(|av| av.probe.audio.len());
        match step {
            Pipeline::Transcode => Err(CannotRun::NoSuchStep(step, "it cannot be run on its own")),
            Pipeline::Transcribe if completed.kind == Some(MediaKind::Image) => {
                Err(CannotRun::NoSuchStep(step, "it is an image"))
            }
            Pipeline::Transcribe if sounds == Some(0) => Err(CannotRun::NoSuchStep(step, "it has no sound")),
            Pipeline::Transcribe => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::{ErrorCode, Refusal},
        job::{JobEvent, Transition},
        media::StoredObject,
        stage::Stage,
        {Grant, Labels, Sending, Sha256, StoredChecksum, UserId},
    };
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_ms(second * 1000).unwrap()
    }

    fn submitted() -> (DescribedMedia, Job) {
        let sha256 = Sha256::from_bytes([7; 32]);
        let media = Media {
            id: "med_01j9zq4b5c6d7e8f9g0h1j2k3m".parse().unwrap(),
            user: UserId::try_from("user-1".to_owned()).unwrap(),
            file_name: "clip.mp4".into(),
            labels: Labels::default(),
            grant: Grant { content_type: "video/mp4".into(), bytes: 3, sending: Sending::Whole { sha256 } },
            choice: Choice::default(),
            reruns: Vec::new(),
            state: MediaState::AwaitingUpload,
            created_at: at(0),
            expires_at: at(900),
        };
        let checksum = Some(StoredChecksum::Whole(sha256));
        let object = StoredObject { version_id: "v".into(), bytes: 3, checksum };
        let (media, job) = media.submit(&object, at(1)).unwrap();
        (DescribedMedia { media, kind: None, facts: None, speech: None }, job)
    }

    fn after(job: &Job, events: &[JobEvent]) -> Job {
        events.iter().fold(job.clone(), |job, event| {
            let Transition::Changed(next) = job.apply(event.clone(), at(2)) else {
                panic!("{event:?} changes nothing")
            };
            next
        })
    }

    fn completed(job: &Job, kind: MediaKind) -> Job {
        let done = JobEvent::Completed { outputs: Vec::new(), warnings: Vec::new(), bill: None };
        after(job, &[JobEvent::Started, JobEvent::Detected(kind), done])
    }

    fn failed(job: &Job) -> Job {
        after(job, &[JobEvent::Failed(Refusal::new(ErrorCode::Internal, "a fault").at(Stage::Queue))])
    }

    fn id(number: usize) -> JobId {
        format!("job_01j9zq4b5c6d7e8f9g0h1{number:05}").parse().unwrap()
    }

    const ALL: Rerun = Rerun { choice: Choice { profile: None, language: None }, step: None };
    const TEXT: Rerun = Rerun { step: Some(Pipeline::Transcribe), ..ALL };

    #[test]
    fn a_completed_job_stays_current_until_a_newer_one_completes_and_others_are_replaced_at_once() {
        let (described, first) = submitted();
        let run = |standing: &Job| described.run_again(Some(standing), Some(standing), id(1), &ALL, at(3)).unwrap();
        for (ended, stands) in [
            (completed(&first, MediaKind::Video), &first.id),
            (failed(&first), &id(1)),
            (after(&first, &[JobEvent::Cancelled]), &id(1)),
        ] {
            let (media, job) = run(&ended);
            let MediaState::Submitted { job_id, .. } = &media.state else { panic!("it is submitted") };
            assert_eq!((job_id, media.runs(), media.newest_job()), (stands, vec![first.id.clone(), id(1)], id(1)));
            assert_eq!((job.status(), job.id, job.media_id), (Status::Queued, id(1), media.id.clone()));
            assert_eq!(job.input_version_id, first.input_version_id);
        }
    }

    #[test]
    fn a_job_that_has_not_ended_prevents_another_run() {
        let (described, first) = submitted();
        let running = after(&first, &[JobEvent::Started]);
        for (job, status) in [(&first, Status::Queued), (&running, Status::Running)] {
            let refused = described.run_again(Some(job), Some(job), id(1), &ALL, at(3));
            assert_eq!(refused, Err(CannotRun::Running(status)));
        }
        let granted = DescribedMedia {
            media: Media { state: MediaState::AwaitingUpload, ..described.media.clone() },
            ..described
        };
        assert_eq!(granted.run_again(None, None, id(1), &ALL, at(3)), Err(CannotRun::NotSubmitted));
    }

    #[test]
    fn one_step_is_added_to_the_current_outputs_if_it_applies() {
        let (described, first) = submitted();
        let step = |standing: Option<&Job>| {
            described.run_again(standing, standing, id(1), &TEXT, at(3)).map(|(_, job)| job.addition)
        };
        let video = completed(&first, MediaKind::Video);
        assert_eq!(step(Some(&video)), Ok(Some(Addition { to: first.id.clone(), step: Pipeline::Transcribe })));
        assert_eq!(step(Some(&failed(&first))), Err(CannotRun::NothingToAddTo));
        assert_eq!(step(None), Err(CannotRun::NothingToAddTo));
        let profiles: crate::profile::Profiles = r#"{"small": {}}"#.parse().unwrap();
        let small = Choice { profile: profiles.choose("small").unwrap(), language: None };
        let other = Rerun { choice: small.clone(), ..TEXT };
        let (media, job) = described.run_again(Some(&video), Some(&video), id(1), &other, at(3)).unwrap();
        assert_ne!(small, video.choice);
        assert_eq!((&media.choice, &job.choice), (&video.choice, &video.choice), "the other outputs stay as they are");
        let image = completed(&first, MediaKind::Image);
        assert!(matches!(step(Some(&image)), Err(CannotRun::NoSuchStep(Pipeline::Transcribe, _))));
    }

    proptest! {
        /// Compares with a simple model: a request is accepted only while nothing runs, so at most one job runs.
        #[test]
        fn at_most_one_job_runs_and_all_are_recorded(asked in prop::collection::vec(any::<(bool, bool)>(), 0..130)) {
            let (mut described, first) = submitted();
            let (mut newest, mut standing, mut expected) = (first.clone(), first.clone(), vec![first.id]);
            for (number, (ends, well)) in asked.into_iter().enumerate() {
                let idle = newest.status().is_terminal();
                match described.run_again(Some(&newest), Some(&standing), id(number), &ALL, at(3)) {
                    Ok((media, job)) => {
                        prop_assert!(idle && expected.len() < MAX_RUNS);
                        expected.push(job.id.clone());
                        if standing.status() != Status::Completed {
                            standing = job.clone();
                        }
                        newest = job;
                        described.media = media;
                    }
                    Err(CannotRun::Running(_)) => prop_assert!(!idle),
                    Err(other) => prop_assert!(other == CannotRun::TooOften && expected.len() == MAX_RUNS),
                }
                prop_assert_eq!(described.media.runs(), expected.clone());
                let MediaState::Submitted { job_id, .. } = &described.media.state else { panic!("it is submitted") };
                prop_assert_eq!(job_id, &standing.id);
                if ends && !newest.status().is_terminal() {
                    newest = if well { completed(&newest, MediaKind::Video) } else { failed(&newest) };
                    if well || standing.id == newest.id {
                        standing = newest.clone();
                        let state = MediaState::Submitted { job_id: standing.id.clone(), input_version_id: "v".into() };
                        described.media.state = state;
                    }
                }
            }
        }
    }
}
