//! Runs of the light state machine: at least once, at most five minutes, without a description. Whatever happens to them,
//! a job has one end and one set of outputs.

use aws_sdk_s3::Client as S3;
use aws_sdk_sfn::Client as Sfn;
use serde_json::{Value, json};
use smmu_cloud::Jobs;
use smmu_core::{Job, JobId, JobState, Timestamp};
use smmu_tests::{Caller, HistoryEvent, Stack, history::log_lines, in_functions, samples, until};
use std::{collections::BTreeSet, time::Duration};

/// Submits a file whose light run meets a planned fault. Returns the job.
async fn submit_with(stack: &Stack, user: &Caller, file: &[u8], content_type: &str, fault: &Value) -> String {
    let upload = user.init(file, content_type).await;
    assert_eq!(user.put(&upload, file, &[]).await.status, 200);
    let id = JobId::of(&upload.media_id.parse().unwrap()).to_string();
    let mut planned = json!({"service": "states", "contains": id, "times": 1});
    planned.as_object_mut().unwrap().extend(fault.as_object().unwrap().clone());
    stack.plan(planned).await;
    let answer = user.complete(&upload.media_id).await;
    assert_eq!((answer.status.as_u16(), answer.text_at("/jobId")), (202, id.clone()), "{}", answer.text);
    id
}

async fn recorded(stack: &Stack, id: &str) -> Job {
    let jobs = Jobs::new(&stack.sdk, &stack.environment(&[])).unwrap();
    jobs.get(&id.parse().unwrap()).await.unwrap().unwrap()
}

/// The keys of all objects of a job.
async fn stored(stack: &Stack, id: &str) -> BTreeSet<String> {
    let list = S3::new(&stack.sdk).list_objects_v2().bucket(stack.output("ProcessedBucketName"));
    let mut pages = list.prefix(format!("jobs/{id}/")).into_paginator().send();
    let mut keys = BTreeSet::new();
    while let Some(page) = pages.next().await {
        keys.extend(page.unwrap().contents().iter().map(|object| object.key().unwrap().to_owned()));
    }
    keys
}

async fn count(stack: &Stack, id: &str, wanted: impl Fn(&HistoryEvent) -> bool) -> usize {
    stack.history(id).await.iter().filter(|event| wanted(event)).count()
}

/// How often a function logged a message about a job.
async fn logged(stack: &Stack, function: &str, id: &str, message: &str) -> usize {
    let group = format!("/aws/lambda/smmu-{}-{function}", stack.stage);
    log_lines(stack.cloud.address().endpoint(), &group, id)
        .await
        .iter()
        .filter(|line| line["message"] == message)
        .count()
}

/// When the Standard execution of a job started.
async fn standard_start(stack: &Stack, id: &str) -> Option<Timestamp> {
    let described = Sfn::new(&stack.sdk).describe_execution().execution_arn(stack.execution_arn(id)).send().await;
    Timestamp::from_unix_ms(described.ok()?.start_date.to_millis().unwrap()).ok()
}

#[tokio::test]
async fn a_start_that_runs_twice_at_once_gives_one_set_of_outputs_and_one_end() {
    let stack = in_functions();
    let user = Caller::user(stack, "twice").await;
    let photo = samples::png(20, 16);
    let (clip, note) = (samples::spoken_clip("Milk, bread and apples."), samples::spoken("Milk, bread and apples."));
    for (file, content_type) in [(&photo, "image/png"), (&clip, "video/mp4"), (&note, "audio/wav")] {
        // Two executions of one name, and one execution that runs twice.
        for sort in ["twice", "repeated"] {
            let id = submit_with(stack, &user, file, content_type, &json!({ "sort": sort })).await;
            let job = user.ended(&id).await;
            assert_eq!(job["status"], "COMPLETED", "{job}");
            until("both runs have ended", async || {
                count(stack, &id, |event| event.event == "ExecutionSucceeded").await >= 2
            })
            .await;
            let begun = count(stack, &id, |event| event.enters() && event.state == "ValidateInput").await;
            let ended = count(stack, &id, |event| event.enters() && event.state == "MarkCompleted").await;
            // On a busy machine the message returns before any run has taken the job, and starts another.
            assert!(begun >= 2 && ended == 1, "one of {begun} runs takes the job, and {ended} completed it");
            assert_eq!(standard_start(stack, &id).await, None);
            let JobState::Completed { outputs, .. } = recorded(stack, &id).await.state else { panic!("{job}") };
            let named: BTreeSet<_> = outputs.into_iter().map(|output| output.key).collect();
            let unnamed: Vec<_> = stored(stack, &id).await.difference(&named).cloned().collect();
            // The one without captions, which that with captions replaces.
            let replaced = |key: &String| key.contains("/transcode/") && key.ends_with("/master.m3u8");
            assert!(unnamed.iter().all(replaced), "objects that nothing names: {unnamed:?}");
            assert_eq!(logged(stack, "update-status", &id, "job completed").await, 1);
        }
    }
}

/// A file whose run ends without a trace when it would enter a state.
async fn vanishes_before(stack: &Stack, user: &Caller, state: &str, file: Vec<u8>, content_type: &str) {
    let fault = json!({"sort": "vanishes", "state": state});
    let id = submit_with(stack, user, &file, content_type, &fault).await;
    let mut held = None;
    let mut record = recorded(stack, &id).await;
    // A run that takes the job instead starts when the message returns, after 46 s.
    for _ in 0..3000 {
        held = record.hold.as_ref().map(|hold| hold.until).or(held);
        if record.status().is_terminal() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        record = recorded(stack, &id).await;
    }
    let JobState::Completed { outputs, .. } = record.state else { panic!("before {state}: {record:?}") };
    let attempts = |keys: BTreeSet<String>| {
        keys.into_iter().map(|key| key.rsplit_once('/').unwrap().0.to_owned()).collect::<BTreeSet<_>>()
    };
    let named = attempts(outputs.into_iter().map(|output| output.key).collect());
    assert_eq!((named.len(), attempts(stored(stack, &id).await)), (1, named));
    match standard_start(stack, &id).await {
        // A run holds its job for 45 s, so on a machine that is not busy the job is taken up within a minute.
        Some(began) => {
            let held = held.expect("a run held it");
            assert!(began >= held, "before {state}: the hold had not expired");
            assert!(began.ms_since(held) < 60_000, "before {state}: taken up {} ms late", began.ms_since(held));
        }
        // It vanished before it took the job, so another run did.
        None => assert_eq!(state, "ValidateInput"),
    }
}

#[tokio::test]
async fn the_job_of_a_run_that_vanished_is_taken_up_within_a_minute() {
    let stack = in_functions();
    let user = Caller::user(stack, "vanishing").await;
    let photo = |side| samples::png(18, side);
    tokio::join!(
        vanishes_before(stack, &user, "ValidateInput", photo(18), "image/png"),
        vanishes_before(stack, &user, "DetectType", photo(19), "image/png"),
        vanishes_before(stack, &user, "RenderImage", photo(20), "image/png"),
        vanishes_before(stack, &user, "MarkCompleted", photo(21), "image/png"),
        vanishes_before(stack, &user, "TranscodeInFunction", samples::silent_clip(), "video/mp4"),
    );
}

#[tokio::test]
async fn a_job_that_needs_a_container_is_handed_over_once() {
    let stack = in_functions();
    let user = Caller::user(stack, "handing").await;
    let id = submit_with(stack, &user, &samples::truncated_clip(), "video/mp4", &json!({"sort": "twice"})).await;
    let job = user.ended(&id).await;
    assert!(["COMPLETED", "FAILED"].contains(&job["status"].as_str().unwrap()), "{job}");
    until("both runs have ended", async || {
        count(stack, &id, |event| event.event == "ExecutionSucceeded" && event.state != "HandOver").await >= 2
    })
    .await;
    let marked = count(stack, &id, |event| event.enters() && event.state.starts_with("Mark")).await;
    assert_eq!(marked, 1, "{:?}", stack.history(&id).await);
}
