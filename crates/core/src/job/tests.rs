//! The state machine against a reference: what a whole history of events must come to, read off the
//! history itself instead of step by step.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks out the few cases that it is about")]

use super::*;
use crate::{
    artifact::{Artifact, Role},
    checksum::StoredChecksum,
    error::{ErrorCode, Refusal},
    execution::Branch,
    grant::{Grant, Sending},
    ids::Sha256,
    media::{Media, MediaState, StoredObject},
    metrics::Outcome,
    warning::WarningCode,
};
use proptest::prelude::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_ms(second * 1000).unwrap()
}

fn new_job() -> Job {
    let media = Media {
        id: "med_01j9zq4b5c6d7e8f9g0h1j2k3m".parse().unwrap(),
        user: UserId::try_from("user-1".to_owned()).unwrap(),
        file_name: "photo.jpg".into(),
        labels: Labels::new(Some("order-7".into()), BTreeMap::new()).unwrap(),
        grant: Grant {
            content_type: "image/jpeg".into(),
            bytes: 3,
            sending: Sending::Whole { sha256: Sha256::from_bytes([7; 32]) },
        },
        choice: Choice::default(),
        reruns: Vec::new(),
        state: MediaState::AwaitingUpload,
        created_at: at(0),
        expires_at: at(900),
    };
    let checksum = Some(StoredChecksum::Whole(Sha256::from_bytes([7; 32])));
    let object = StoredObject { version_id: "v1".into(), bytes: 3, checksum };
    Job::queued(&media, &object, at(1))
}

fn failure() -> JobError {
    Refusal::new(ErrorCode::CorruptMedia, "it ends early").at(Stage::Render)
}

fn output(name: &str, attempt: &str) -> Output {
    let artifact = Artifact::new(name, Role::Poster, "image/jpeg", 3, Sha256::from_bytes([7; 32]));
    Output::ready(&format!("jobs/j/transcode/{attempt}/"), artifact)
}

fn any_event() -> impl Strategy<Value = JobEvent> {
    let kind = prop_oneof![Just(MediaKind::Image), Just(MediaKind::Video)];
    let stage = prop_oneof![Just(Stage::Render), Just(Stage::Transcode), Just(Stage::Transcribe)];
    let branch = Just(Branch::TranscodeAndTranscribe);
    let ends_at = prop::option::of((0i64..9).prop_map(at));
    let pipeline = prop_oneof![Just(Pipeline::Transcode), Just(Pipeline::Transcribe)];
    prop_oneof![
        2 => Just(JobEvent::Sent),
        2 => Just(JobEvent::Deferred { ahead: 7 }),
        4 => Just(JobEvent::Started),
        2 => kind.prop_map(JobEvent::Detected),
        4 => (stage, branch, 0..=100u8, ends_at).prop_map(|(stage, branch, percent, ends_at)| {
            let pipeline = stage.pipeline().expect("a worker works in it");
            JobEvent::Worked(Work { stage, pipeline, branch, share: Share { percent, ends_at } })
        }),
        3 => (pipeline, "[ab]").prop_map(|(pipeline, key)| JobEvent::Committed(pipeline, key)),
        3 => (prop::collection::vec("[abc]", 0..3), "[12]").prop_map(|(names, attempt)| {
            JobEvent::Ready(names.iter().map(|name| output(name, &attempt)).collect())
        }),
        1 => Just(JobEvent::GivenUp(Pipeline::Transcribe, failure())),
        1 => Just(JobEvent::Completed { outputs: Vec::new(), warnings: Vec::new() }),
        1 => Just(JobEvent::Failed(failure())),
        1 => Just(JobEvent::Undelivered(failure())),
        1 => Just(JobEvent::Cancelled),
        1 => Just(JobEvent::Deleted),
    ]
}

fn replay(events: &[JobEvent]) -> Job {
    let mut job = new_job();
    for (second, event) in (2..).zip(events) {
        if let Transition::Changed(next) = job.apply(event.clone(), at(second)) {
            job = next;
        }
    }
    job
}

/// What a history comes to: the status, overall percent, keys of what is ready, and commits.
fn reference(events: &[JobEvent]) -> (Status, u8, Vec<String>, BTreeMap<Pipeline, String>) {
    let started = events.iter().position(|event| *event == JobEvent::Started).unwrap_or(events.len());
    let ends = |(index, event): (usize, &JobEvent)| match event {
        JobEvent::Failed(_) => Some((index, Status::Failed)),
        JobEvent::Cancelled | JobEvent::Deleted => Some((index, Status::Cancelled)),
        JobEvent::Completed { .. } if index > started => Some((index, Status::Completed)),
        JobEvent::Undelivered(_) if index < started => Some((index, Status::Failed)),
        _ => None,
    };
    let (end, status) = events
        .iter()
        .enumerate()
        .find_map(ends)
        .unwrap_or((events.len(), if started < events.len() { Status::Running } else { Status::Queued }));
    let at_work = if started < end { &events[started..end] } else { &[] };
    let mut committed = BTreeMap::new();
    let mut shares = BTreeMap::new();
    let mut furthest = 0;
    for event in at_work {
        match event {
            JobEvent::Committed(pipeline, key) => {
                committed.entry(*pipeline).or_insert_with(|| key.clone());
            }
            JobEvent::Worked(work) => {
                let share = shares.entry(work.pipeline).or_insert(0);
                *share = work.share.percent.max(*share);
                let both = shares.values().map(|&percent| u32::from(percent)).sum::<u32>();
                // From 10 to 95 percent of the whole are theirs.
                furthest = furthest.max(u8::try_from(10 + both / 2 * 85 / 100).unwrap());
            }
            JobEvent::Detected(_) => furthest = furthest.max(Progress::at(Stage::Waiting, 0).percent()),
            _ => {}
        }
    }
    let percent = match status {
        Status::Running | Status::Failed | Status::Cancelled => furthest,
        Status::Completed => 100,
        Status::Queued => 0,
    };
    if !matches!(status, Status::Running | Status::Cancelled) {
        return (status, percent, Vec::new(), BTreeMap::new());
    }
    if status == Status::Cancelled {
        committed.clear();
    }
    // Of each name the last that the last attempt to store anything has stored, where it was first listed.
    let mut ready: Vec<&Output> = Vec::new();
    for event in at_work {
        let JobEvent::Ready(outputs) = event else { continue };
        for output in outputs {
            let attempt = |output: &Output| output.key.rsplit_once('/').unwrap().0.to_owned();
            ready.retain(|earlier| attempt(earlier) == attempt(output));
            match ready.iter_mut().find(|earlier| earlier.artifact.name == output.artifact.name) {
                Some(earlier) => *earlier = output,
                None => ready.push(output),
            }
        }
    }
    (status, percent, ready.into_iter().map(|output| output.key.clone()).collect(), committed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_history_comes_to_what_the_reference_says(events in prop::collection::vec(any_event(), 0..20)) {
        let job = replay(&events);
        let (ready, committed) = match &job.state {
            JobState::Running { ready, committed, .. } => (ready.clone(), committed.clone()),
            JobState::Cancelled { ready, .. } => (ready.clone(), BTreeMap::new()),
            _ => (Vec::new(), BTreeMap::new()),
        };
        let keys = ready.into_iter().map(|output| output.key).collect();
        prop_assert_eq!((job.status(), job.percent(), keys, committed), reference(&events));
    }

    #[test]
    fn repeating_events_in_place_changes_nothing(events in prop::collection::vec((any_event(), 1..4_usize), 0..12)) {
        // That a message was sent once more is news: the time of it.
        let events: Vec<_> = events.into_iter().filter(|(event, _)| *event != JobEvent::Sent).collect();
        let once: Vec<_> = events.iter().map(|(event, _)| event.clone()).collect();
        let repeated: Vec<_> = events.iter().flat_map(|(event, n)| std::iter::repeat_n(event.clone(), *n)).collect();
        let (once, repeated) = (replay(&once), replay(&repeated));
        prop_assert_eq!(once.status(), repeated.status());
        prop_assert_eq!(once.percent(), repeated.percent());
        prop_assert_eq!(once.revision, repeated.revision);
    }

    #[test]
    fn an_ended_job_never_changes(events in prop::collection::vec(any_event(), 0..12), late in any_event()) {
        let job = replay(&events);
        if job.status().is_terminal() {
            match job.apply(late.clone(), at(99)) {
                // Only that it is hidden can be added.
                Transition::Changed(next) => {
                    prop_assert_eq!((late, next.deleted_at, job.deleted_at), (JobEvent::Deleted, Some(at(99)), None));
                    prop_assert_eq!(next.state, job.state);
                }
                Transition::Unchanged | Transition::Ended(_) | Transition::TooEarly => {}
            }
        }
    }

    #[test]
    fn every_change_is_one_revision_and_never_goes_back(events in prop::collection::vec(any_event(), 0..20)) {
        let rank = |status: Status| match status {
            Status::Queued => 0,
            Status::Running => 1,
            Status::Completed | Status::Failed | Status::Cancelled => 2,
        };
        let mut job = new_job();
        for event in events {
            // A clock that stands still or goes back must not show.
            if let Transition::Changed(next) = job.apply(event, at(0)) {
                prop_assert_eq!(next.revision, job.revision + 1);
                prop_assert!(rank(next.status()) >= rank(job.status()));
                prop_assert!(next.updated_at >= job.updated_at);
                if next.status() == Status::Running {
                    prop_assert!(next.percent() >= job.percent() && next.stage() >= job.stage());
                }
                job = next;
            }
        }
    }

    #[test]
    fn a_job_is_read_back_as_it_was_written(events in prop::collection::vec(any_event(), 0..20)) {
        let job = replay(&events);
        let text = serde_json::to_string(&job).unwrap();
        prop_assert_eq!(serde_json::from_str::<Job>(&text).unwrap(), job);
    }
}

#[test]
fn a_record_has_the_fields_that_other_programs_read() {
    let running = replay(&[
        JobEvent::Sent,
        JobEvent::Started,
        JobEvent::Detected(MediaKind::Image),
        JobEvent::Committed(Pipeline::Transcode, "jobs/j/transcode/a/manifest.json".into()),
    ]);
    insta::assert_json_snapshot!("running", running);
    let Transition::Changed(ready) = running.apply(JobEvent::Ready(vec![output("poster.jpg", "a")]), at(8)) else {
        panic!("a running job can have outputs");
    };
    insta::assert_json_snapshot!("ready", ready);
    let Transition::Changed(failed) = running.apply(JobEvent::Failed(failure()), at(9)) else {
        panic!("a running job can fail");
    };
    insta::assert_json_snapshot!("failed", failed);
}

#[test]
fn a_record_whose_status_lacks_what_belongs_to_it_is_refused() {
    let mut record = serde_json::to_value(new_job()).unwrap();
    record["status"] = "COMPLETED".into();
    let error = serde_json::from_value::<Job>(record).unwrap_err();
    assert!(error.to_string().contains("lacks its outputs"), "{error}");
}

#[test]
fn a_record_from_before_outputs_were_listed_early_is_read() {
    let running = replay(&[JobEvent::Started, JobEvent::Detected(MediaKind::Video)]);
    let record = serde_json::to_value(&running).unwrap();
    assert!(record.get("outputs").is_none());
    assert_eq!(serde_json::from_value::<Job>(record).unwrap(), running);
}

#[test]
fn what_is_listed_ends_with_the_job() {
    let running = replay(&[JobEvent::Started, JobEvent::Ready(vec![output("poster.jpg", "a")])]);
    assert_eq!(running.outputs(), [output("poster.jpg", "a")]);
    let Transition::Changed(failed) = running.apply(JobEvent::Failed(failure()), at(9)) else {
        panic!("a running job can fail")
    };
    assert!(failed.outputs().is_empty());
    let made = vec![output("poster.jpg", "b"), output("video.mp4", "b")];
    let Transition::Changed(completed) =
        running.apply(JobEvent::Completed { outputs: made.clone(), warnings: Vec::new() }, at(9))
    else {
        panic!("a running job can be completed")
    };
    assert_eq!(completed.outputs(), made);
}

#[test]
fn what_was_found_wrong_with_the_source_stays_with_a_completed_job() {
    let running = replay(&[JobEvent::Started]);
    let warnings = vec![Warning::new(WarningCode::CutOff, "97% of its rows are there")];
    let done = JobEvent::Completed { outputs: Vec::new(), warnings: warnings.clone() };
    let Transition::Changed(completed) = running.apply(done, at(9)) else { panic!("a running job can be completed") };
    let record = serde_json::to_value(&completed).unwrap();
    assert_eq!(record["warnings"][0]["code"], "cut_off");
    assert_eq!(serde_json::from_value::<Job>(record).unwrap().warnings(), warnings);
    assert!(running.warnings().is_empty());
}

#[test]
fn a_job_goes_on_without_an_optional_step_and_says_so_when_it_is_completed() {
    let error = Refusal::new(ErrorCode::WorkerFailed, "the worker failed").at(Stage::Transcribe);
    let running = replay(&[JobEvent::Started, JobEvent::GivenUp(Pipeline::Transcribe, error.clone())]);
    let JobState::Running { given_up, .. } = &running.state else { panic!("it goes on") };
    assert_eq!(given_up.get(&Pipeline::Transcribe), Some(&error));
    insta::assert_json_snapshot!("given-up", running);
    let late = JobEvent::GivenUp(Pipeline::Transcribe, failure());
    assert_eq!(running.apply(late, at(9)), Transition::Unchanged, "the first reason stays");
    let warnings = vec![Warning::of_failed_step(&error)];
    let done = JobEvent::Completed { outputs: Vec::new(), warnings: warnings.clone() };
    let Transition::Changed(completed) = running.apply(done, at(9)) else { panic!("a running job can be completed") };
    let record = serde_json::to_value(&completed).unwrap();
    assert_eq!(
        record["warnings"][0],
        serde_json::json!({
            "code": "step_failed",
            "message": "the step transcribe failed, and the job was completed without it: the worker failed",
            "step": "transcribe", "errorCode": "worker_failed", "retryable": true,
        })
    );
    assert_eq!(serde_json::from_value::<Job>(record).unwrap().warnings(), warnings);
    assert_eq!(Outcome::of(&completed), Some(Outcome::CompletedWithout(ErrorCode::WorkerFailed)));
}

#[test]
fn what_was_ready_stays_readable_when_a_job_is_cancelled_and_what_was_partial_does_not() {
    let partial = Output::partial("working/j/transcribe/a/0/", output("transcript.txt", "a").artifact);
    let ready = vec![output("poster.jpg", "a"), partial];
    let running = replay(&[JobEvent::Started, JobEvent::Detected(MediaKind::Video), JobEvent::Ready(ready)]);
    let Transition::Changed(cancelled) = running.apply(JobEvent::Cancelled, at(9)) else {
        panic!("a running job can be cancelled")
    };
    assert_eq!(cancelled.outputs(), [output("poster.jpg", "a")]);
    assert_eq!((cancelled.status(), cancelled.percent()), (Status::Cancelled, running.percent()));
    assert_eq!(cancelled.apply(JobEvent::Cancelled, at(10)), Transition::Unchanged);
    insta::assert_json_snapshot!("cancelled", cancelled);
    let Transition::Changed(queued) = new_job().apply(JobEvent::Cancelled, at(9)) else {
        panic!("so can a queued one")
    };
    assert_eq!((queued.outputs(), queued.percent()), (&[][..], 0));
}

#[test]
fn a_deleted_job_is_hidden_whatever_its_state_and_cancelled_if_it_had_not_ended() {
    let running = replay(&[JobEvent::Started, JobEvent::Ready(vec![output("poster.jpg", "a")])]);
    let completed = replay(&[
        JobEvent::Started,
        JobEvent::Completed { outputs: vec![output("poster.jpg", "a")], warnings: Vec::new() },
    ]);
    for (job, status) in [(new_job(), Status::Cancelled), (running, Status::Cancelled), (completed, Status::Completed)]
    {
        let Transition::Changed(deleted) = job.apply(JobEvent::Deleted, at(9)) else {
            panic!("any job can be deleted")
        };
        assert_eq!((deleted.status(), deleted.deleted_at), (status, Some(at(9))));
        assert_eq!((job.labels.external_id.as_deref(), &deleted.labels), (Some("order-7"), &Labels::default()));
        assert_eq!(deleted.apply(JobEvent::Deleted, at(10)), Transition::Unchanged);
    }
}

#[test]
fn a_cancelled_job_from_before_it_kept_what_was_ready_is_read() {
    let Transition::Changed(cancelled) = new_job().apply(JobEvent::Cancelled, at(9)) else { panic!("it can") };
    let record = serde_json::to_value(&cancelled).unwrap();
    assert!(record.get("outputs").is_none());
    assert_eq!(serde_json::from_value::<Job>(record).unwrap(), cancelled);
}

#[test]
fn a_closer_look_puts_the_kind_right() {
    let job = replay(&[JobEvent::Started, JobEvent::Detected(MediaKind::Video), JobEvent::Detected(MediaKind::Audio)]);
    assert_eq!(job.kind, Some(MediaKind::Audio));
}

#[test]
fn the_end_that_an_attempt_expected_goes_with_it_and_what_it_reached_stays() {
    let work = |percent, ends_at| {
        let (stage, pipeline, branch) = (Stage::Transcode, Pipeline::Transcode, Branch::Transcode);
        JobEvent::Worked(Work { stage, pipeline, branch, share: Share { percent, ends_at } })
    };
    let first = replay(&[JobEvent::Started, work(60, Some(at(90)))]);
    assert_eq!((first.percent(), first.expected_end()), (61, Some(at(90))));
    let Transition::Changed(second) = first.apply(work(0, None), at(50)) else { panic!("it is news") };
    assert_eq!((second.percent(), second.expected_end()), (61, None));
}

#[test]
fn work_on_a_job_that_was_never_started_is_too_early() {
    for event in [
        JobEvent::Detected(MediaKind::Image),
        JobEvent::Ready(vec![output("a", "1")]),
        JobEvent::Completed { outputs: Vec::new(), warnings: Vec::new() },
    ] {
        assert_eq!(new_job().apply(event, at(2)), Transition::TooEarly);
    }
}

#[test]
fn a_job_is_watched_while_it_can_be_lost_and_after_a_fault_of_ours() {
    let changed = |job: &Job, event, second| match job.apply(event, at(second)) {
        Transition::Changed(job) => job,
        other => panic!("{other:?}"),
    };
    let failed = |code: ErrorCode| JobEvent::Failed(Refusal::new(code, "why").at(Stage::Render));
    let unsent = new_job();
    assert_eq!(unsent.watch(), Some((Watch::Unsent, at(1))));
    let sent = changed(&unsent, JobEvent::Sent, 2);
    assert_eq!(sent.watch(), Some((Watch::Sent, at(2))));
    let running = changed(&sent, JobEvent::Started, 1000);
    assert_eq!(running.watch(), Some((Watch::Running, at(900))));
    for code in [ErrorCode::WorkerFailed, ErrorCode::Misconfigured] {
        assert_eq!(changed(&running, failed(code), 1003).watch(), Some((Watch::Failed, at(1003))));
    }
    assert_eq!(changed(&running, failed(ErrorCode::CorruptMedia), 1003).watch(), None);
    assert_eq!(
        changed(&running, JobEvent::Completed { outputs: Vec::new(), warnings: Vec::new() }, 1003).watch(),
        None
    );
}

#[test]
fn a_job_has_a_place_among_its_user_s_until_it_ends_and_those_that_wait_sort_by_submission() {
    const DEFERRED: JobEvent = JobEvent::Deferred { ahead: 8 };
    let place = |job: &Job| job.place().map(|place| place.to_string());
    let unsent = new_job();
    let waiting = replay(&[DEFERRED]);
    assert_eq!(place(&waiting).unwrap(), "W#1970-01-01T00:00:01.000Z#job_01j9zq4b5c6d7e8f9g0h1j2k3m");
    assert_eq!(waiting.place().unwrap().job(), Some(waiting.id.clone()));
    assert_eq!((waiting.waits(), waiting.watch(), waiting.status()), (true, None, Status::Queued));
    // Nothing but a message takes it out of the line, and whoever has been sent does not go back.
    for events in [vec![], vec![JobEvent::Sent], vec![DEFERRED, JobEvent::Sent], vec![JobEvent::Started]] {
        let job = replay(&events);
        assert!(place(&job).unwrap().starts_with("T#") && !job.waits(), "{events:?}");
        if job != unsent {
            assert_eq!(job.apply(DEFERRED, at(9)), Transition::Unchanged, "{events:?}");
        }
    }
    for end in [JobEvent::Cancelled, JobEvent::Failed(failure()), JobEvent::Deleted] {
        assert_eq!(replay(&[DEFERRED, end]).place(), None);
    }
    // Four of eight have gone within eight seconds: two for each, with four before it and then its own.
    let now = at(9);
    assert_eq!(waiting.expected_start(4, now), Some(at(19)));
    assert_eq!((waiting.expected_start(8, now), unsent.expected_start(4, now)), (None, None));
    assert_eq!(waiting.expected_start(9, now), None, "the index is behind");
    let later = Job { created_at: at(2), id: "job_01j9zq4b5c6d7e8f9g0h1j2k3a".parse().unwrap(), ..waiting.clone() };
    assert!(waiting.place() < later.place(), "the id is of when an upload was asked for");
}

#[test]
fn progress_does_not_change_what_is_watched_for_minutes() {
    let mut job = new_job();
    let mut seen = Vec::new();
    for second in 300..900 {
        let progress = Share { percent: u8::try_from((second - 300) / 6).unwrap(), ends_at: None };
        let work =
            Work { stage: Stage::Transcode, pipeline: Pipeline::Transcode, branch: Branch::Transcode, share: progress };
        let event = if second == 300 { JobEvent::Started } else { JobEvent::Worked(work) };
        if let Transition::Changed(next) = job.apply(event, at(second)) {
            job = next;
        }
        seen.push(job.watch());
        let (_, since) = job.watch().unwrap();
        assert!(since <= job.updated_at, "a lost job would be found too late");
    }
    assert!(job.revision > 50, "it has reported all the time");
    seen.dedup();
    assert_eq!(seen.len(), 2, "{seen:?}");
}
