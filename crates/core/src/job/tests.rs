//! Tests the state machine against a reference, which derives the result of a history of events from the whole history
//! instead of step by step.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test matches only the cases that it checks")]

use super::*;
use crate::{
    artifact::{Artifact, Role},
    checksum::StoredChecksum,
    cost::{Machine, MicroDollars, PriceTable},
    error::{ErrorCode, Refusal},
    execution::Branch,
    grant::{Grant, Sending},
    ids::Sha256,
    media::{Media, MediaState, StoredObject},
    metrics::Outcome,
    run::Run,
    warning::WarningCode,
};
use proptest::prelude::*;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_ms(second * 1000).unwrap()
}

pub(super) fn new_job() -> Job {
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

fn spent(attempt: u8, compute: u64) -> (AttemptId, Cost) {
    let attempt = format!("att_01jd0w0000000000000000000{attempt}").parse().unwrap();
    (attempt, Cost { compute_micro_dollars: MicroDollars(compute), ..Cost::default() })
}

/// A hold of one of two runs.
fn any_hold() -> impl Strategy<Value = Hold> {
    ("[xy]", 0..99_i64).prop_map(|(id, until)| Hold { run: Run { id, started_at: at(1) }, until: at(until) })
}

fn any_event() -> impl Strategy<Value = JobEvent> {
    let kind = prop_oneof![Just(MediaKind::Image), Just(MediaKind::Video)];
    let stage = prop_oneof![Just(Stage::Render), Just(Stage::Transcode), Just(Stage::Transcribe)];
    let branch = Just(Branch::TranscodeAndTranscribe);
    let ends_at = prop::option::of((0i64..9).prop_map(at));
    let spent = prop::option::of((1..3u8, 0..9u64).prop_map(|(attempt, cost)| spent(attempt, cost)));
    let pipeline = prop_oneof![Just(Pipeline::Transcode), Just(Pipeline::Transcribe)];
    let hold = prop::option::of(any_hold());
    prop_oneof![
        2 => Just(JobEvent::Sent),
        2 => Just(JobEvent::Deferred { ahead: 7 }),
        2 => Just(JobEvent::Started),
        4 => any_hold().prop_map(JobEvent::Held),
        2 => kind.prop_map(JobEvent::Detected),
        4 => (stage, branch, 0..=100u8, ends_at, spent, hold).prop_map(|(stage, branch, percent, ends_at, spent, hold)| {
            let pipeline = stage.pipeline().expect("a worker works in it");
            JobEvent::Worked(Work { stage, pipeline, branch, share: Share { percent, ends_at }, spent, hold })
        }),
        3 => (pipeline, "[ab]").prop_map(|(pipeline, key)| JobEvent::Committed(pipeline, key)),
        3 => (prop::collection::vec("[abc]", 0..3), "[12]").prop_map(|(names, attempt)| {
            JobEvent::Ready(names.iter().map(|name| output(name, &attempt)).collect())
        }),
        1 => Just(JobEvent::GivenUp(Pipeline::Transcribe, failure())),
        1 => Just(JobEvent::Completed { outputs: Vec::new(), warnings: Vec::new(), bill: None }),
        1 => Just(JobEvent::Failed(failure())),
        1 => Just(JobEvent::Undelivered(failure())),
        1 => Just(JobEvent::Cancelled),
        1 => Just(JobEvent::Deleted),
    ]
}

pub(super) fn replay(events: &[JobEvent]) -> Job {
    let mut job = new_job();
    for (second, event) in (2..).zip(events) {
        if let Transition::Changed(next) = job.apply(event.clone(), at(second)) {
            job = next;
        }
    }
    job
}

/// The light run that holds a job after these events, all before its end: the first that took it, unless the Standard
/// state machine has taken it, until the latest time to which it took or renewed it.
fn holder(events: &[JobEvent]) -> Option<Hold> {
    let held = |event: &JobEvent| match event {
        JobEvent::Held(hold) => Some(hold.clone()),
        JobEvent::Worked(work) => work.hold.clone(),
        _ => None,
    };
    if events.contains(&JobEvent::Started) {
        return None;
    }
    let taken = events.iter().position(|event| matches!(event, JobEvent::Held(_)))?;
    let first = held(&events[taken])?;
    let of_run = events[taken..].iter().filter_map(held).filter(|hold| hold.run == first.run);
    of_run.max_by_key(|hold| hold.until)
}

/// Result of a history: the status, total percent, keys of ready outputs, and commits.
fn reference(events: &[JobEvent]) -> (Status, u8, Vec<String>, BTreeMap<Pipeline, String>) {
    let starts = |event: &JobEvent| matches!(event, JobEvent::Started | JobEvent::Held(_));
    let started = events.iter().position(starts).unwrap_or(events.len());
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
                // The workers' share is from 10 to 95 percent.
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
    // For each name, the last output stored by the last attempt that stored anything, in the place where the name was
    // first listed.
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
    fn any_history_matches_the_reference(events in prop::collection::vec(any_event(), 0..20)) {
        let job = replay(&events);
        let (ready, committed) = match &job.state {
            JobState::Running { ready, committed, .. } => (ready.clone(), committed.clone()),
            JobState::Cancelled { ready, .. } => (ready.clone(), BTreeMap::new()),
            _ => (Vec::new(), BTreeMap::new()),
        };
        let keys = ready.into_iter().map(|output| output.key).collect();
        prop_assert_eq!((job.status(), job.percent(), keys, committed), reference(&events));
        prop_assert_eq!(&job.hold, &if job.status() == Status::Running { holder(&events) } else { None });
    }

    #[test]
    fn repeated_events_change_nothing(events in prop::collection::vec((any_event(), 1..4_usize), 0..12)) {
        // A repeated Sent event does change the job: its time.
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
                // An ended job can only be hidden.
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
            // A clock that stops or goes back must have no effect.
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
    fn a_job_round_trips(events in prop::collection::vec(any_event(), 0..20)) {
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
fn a_record_without_the_data_of_its_status_is_refused() {
    let mut record = serde_json::to_value(new_job()).unwrap();
    record["status"] = "COMPLETED".into();
    let error = serde_json::from_value::<Job>(record).unwrap_err();
    assert!(error.to_string().contains("lacks its outputs"), "{error}");
}

#[test]
fn a_record_from_before_early_outputs_is_read() {
    let running = replay(&[JobEvent::Started, JobEvent::Detected(MediaKind::Video)]);
    let record = serde_json::to_value(&running).unwrap();
    assert!(record.get("outputs").is_none());
    assert_eq!(serde_json::from_value::<Job>(record).unwrap(), running);
}

#[test]
fn listed_outputs_end_with_the_job() {
    let running = replay(&[JobEvent::Started, JobEvent::Ready(vec![output("poster.jpg", "a")])]);
    assert_eq!(running.outputs(), [output("poster.jpg", "a")]);
    let Transition::Changed(failed) = running.apply(JobEvent::Failed(failure()), at(9)) else {
        panic!("a running job can fail")
    };
    assert!(failed.outputs().is_empty());
    let made = vec![output("poster.jpg", "b"), output("video.mp4", "b")];
    let Transition::Changed(completed) =
        running.apply(JobEvent::Completed { outputs: made.clone(), warnings: Vec::new(), bill: None }, at(9))
    else {
        panic!("a running job can be completed")
    };
    assert_eq!(completed.outputs(), made);
}

#[test]
fn warnings_stay_with_a_completed_job() {
    let running = replay(&[JobEvent::Started]);
    let warnings = vec![Warning::new(WarningCode::CutOff, "97% of its rows are present")];
    let done = JobEvent::Completed { outputs: Vec::new(), warnings: warnings.clone(), bill: None };
    let Transition::Changed(completed) = running.apply(done, at(9)) else { panic!("a running job can be completed") };
    let record = serde_json::to_value(&completed).unwrap();
    assert_eq!(record["warnings"][0]["code"], "cut_off");
    assert_eq!(serde_json::from_value::<Job>(record).unwrap().warnings(), warnings);
    assert!(running.warnings().is_empty());
}

#[test]
fn a_job_keeps_the_highest_reported_cost_of_each_attempt() {
    let worked = |attempt, cost| {
        let (pipeline, branch, share) = (Pipeline::Transcode, Branch::Transcode, Share::default());
        JobEvent::Worked(Work {
            stage: Stage::Transcode,
            pipeline,
            branch,
            share,
            spent: Some(spent(attempt, cost)),
            hold: None,
        })
    };
    let committed = JobEvent::Committed(
        Pipeline::Transcode,
        "jobs/job_1/transcode/att_01jd0w00000000000000000002/manifest.json".into(),
    );
    let events = [JobEvent::Started, worked(1, 1646), worked(1, 2000), worked(2, 7), worked(1, 1700), committed];
    let running = replay(&events);
    assert_eq!(running.revision, 5, "a lower cost changes nothing");
    assert_eq!(running.spent, BTreeMap::from([spent(1, 2000), spent(2, 7)]));
    assert_eq!(running.uncommitted_costs().collect::<Vec<_>>(), [spent(1, 2000).1]);
    for end in [JobEvent::Cancelled, JobEvent::Failed(failure())] {
        let Transition::Changed(ended) = running.apply(end, at(99)) else { panic!("a running job can end") };
        assert_eq!(ended.spent, running.spent);
    }
}

#[test]
fn a_completed_job_keeps_its_bill() {
    let bill = |ms| Some(PriceTable::default().bill(&Machine::Lambda { memory_mb: 1769 }.running(ms)));
    let done = |ms| JobEvent::Completed { outputs: Vec::new(), warnings: Vec::new(), bill: bill(ms) };
    let completed = replay(&[JobEvent::Started, done(2000), done(9000), JobEvent::Cancelled, JobEvent::Deleted]);
    assert_eq!(completed.bill(), bill(2000).as_ref());
    let mut record = serde_json::to_value(&completed).unwrap();
    assert_eq!(record["cost"]["computeMicroDollars"], 58);
    assert_eq!(serde_json::from_value::<Job>(record.clone()).unwrap(), completed);
    // One of a job that was completed before bills were recorded.
    record.as_object_mut().unwrap().remove("cost");
    let older: Job = serde_json::from_value(record).unwrap();
    assert_eq!((older.status(), older.bill()), (Status::Completed, None));
}

#[test]
fn a_job_continues_without_an_optional_step_and_reports_it() {
    let error = Refusal::new(ErrorCode::WorkerFailed, "the worker failed").at(Stage::Transcribe);
    let running = replay(&[JobEvent::Started, JobEvent::GivenUp(Pipeline::Transcribe, error.clone())]);
    let JobState::Running { given_up, .. } = &running.state else { panic!("the job continues") };
    assert_eq!(given_up.get(&Pipeline::Transcribe), Some(&error));
    assert!(running.has_decided(Pipeline::Transcribe) && !running.has_decided(Pipeline::Transcode));
    insta::assert_json_snapshot!("given-up", running);
    let late = JobEvent::GivenUp(Pipeline::Transcribe, failure());
    assert_eq!(running.apply(late, at(9)), Transition::Unchanged, "the first reason stays");
    let warnings = vec![Warning::of_failed_step(&error)];
    let done = JobEvent::Completed { outputs: Vec::new(), warnings: warnings.clone(), bill: None };
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
fn cancelling_keeps_ready_outputs_and_drops_partial_ones() {
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
fn deleting_hides_any_job_and_cancels_an_active_one() {
    let running = replay(&[JobEvent::Started, JobEvent::Ready(vec![output("poster.jpg", "a")])]);
    let completed = replay(&[
        JobEvent::Started,
        JobEvent::Completed { outputs: vec![output("poster.jpg", "a")], warnings: Vec::new(), bill: None },
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
fn a_cancelled_record_from_before_kept_outputs_is_read() {
    let Transition::Changed(cancelled) = new_job().apply(JobEvent::Cancelled, at(9)) else { panic!("it can") };
    let record = serde_json::to_value(&cancelled).unwrap();
    assert!(record.get("outputs").is_none());
    assert_eq!(serde_json::from_value::<Job>(record).unwrap(), cancelled);
}

#[test]
fn a_later_detection_corrects_the_kind() {
    let job = replay(&[JobEvent::Started, JobEvent::Detected(MediaKind::Video), JobEvent::Detected(MediaKind::Audio)]);
    assert_eq!(job.kind, Some(MediaKind::Audio));
}

#[test]
fn a_new_attempt_clears_the_expected_end_but_keeps_the_progress() {
    let work = |percent, ends_at| {
        let (stage, pipeline, branch) = (Stage::Transcode, Pipeline::Transcode, Branch::Transcode);
        JobEvent::Worked(Work { stage, pipeline, branch, share: Share { percent, ends_at }, spent: None, hold: None })
    };
    let first = replay(&[JobEvent::Started, work(60, Some(at(90)))]);
    assert_eq!((first.percent(), first.expected_end()), (61, Some(at(90))));
    let Transition::Changed(second) = first.apply(work(0, None), at(50)) else { panic!("it is news") };
    assert_eq!((second.percent(), second.expected_end()), (61, None));
}

#[test]
fn work_on_a_job_that_was_not_started_is_too_early() {
    for event in [
        JobEvent::Detected(MediaKind::Image),
        JobEvent::Ready(vec![output("a", "1")]),
        JobEvent::Completed { outputs: Vec::new(), warnings: Vec::new(), bill: None },
    ] {
        assert_eq!(new_job().apply(event, at(2)), Transition::TooEarly);
    }
}

#[test]
fn a_job_is_watched_while_it_may_be_lost_and_after_our_faults() {
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
        changed(&running, JobEvent::Completed { outputs: Vec::new(), warnings: Vec::new(), bill: None }, 1003).watch(),
        None
    );
}

#[test]
fn active_jobs_have_a_position_and_waiting_ones_sort_by_submission() {
    const DEFERRED: JobEvent = JobEvent::Deferred { ahead: 8 };
    let place = |job: &Job| job.queue_position().map(|place| place.to_string());
    let unsent = new_job();
    let waiting = replay(&[DEFERRED]);
    assert_eq!(place(&waiting).unwrap(), "W#1970-01-01T00:00:01.000Z#job_01j9zq4b5c6d7e8f9g0h1j2k3m");
    assert_eq!(waiting.queue_position().unwrap().job(), Some(waiting.id.clone()));
    assert_eq!((waiting.waits(), waiting.watch(), waiting.status()), (true, None, Status::Queued));
    // Only a message takes it out of the queue, and a job whose message was sent does not return.
    for events in [vec![], vec![JobEvent::Sent], vec![DEFERRED, JobEvent::Sent], vec![JobEvent::Started]] {
        let job = replay(&events);
        assert!(place(&job).unwrap().starts_with("T#") && !job.waits(), "{events:?}");
        if job != unsent {
            assert_eq!(job.apply(DEFERRED, at(9)), Transition::Unchanged, "{events:?}");
        }
    }
    for end in [JobEvent::Cancelled, JobEvent::Failed(failure()), JobEvent::Deleted] {
        assert_eq!(replay(&[DEFERRED, end]).queue_position(), None);
    }
    let later = Job { created_at: at(2), id: "job_01j9zq4b5c6d7e8f9g0h1j2k3a".parse().unwrap(), ..waiting.clone() };
    assert!(
        waiting.queue_position() < later.queue_position(),
        "the id has the time of the upload request, not of the job"
    );
}

#[test]
fn progress_changes_the_watch_time_only_every_few_minutes() {
    let mut job = new_job();
    let mut seen = Vec::new();
    for second in 300..900 {
        let progress = Share { percent: u8::try_from((second - 300) / 6).unwrap(), ends_at: None };
        let work = Work {
            stage: Stage::Transcode,
            pipeline: Pipeline::Transcode,
            branch: Branch::Transcode,
            share: progress,
            spent: None,
            hold: None,
        };
        let event = if second == 300 { JobEvent::Started } else { JobEvent::Worked(work) };
        if let Transition::Changed(next) = job.apply(event, at(second)) {
            job = next;
        }
        seen.push(job.watch());
        let (_, since) = job.watch().unwrap();
        assert!(since <= job.updated_at, "a lost job would be found too late");
    }
    assert!(job.revision > 50, "progress was reported all the time");
    seen.dedup();
    assert_eq!(seen.len(), 2, "{seen:?}");
}
