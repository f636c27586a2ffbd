//! No job is lost, whichever component fails.

use aws_sdk_dynamodb::{Client as DynamoDb, types::AttributeValue};
use aws_sdk_sfn::Client as Sfn;
use aws_sdk_sqs::Client as Sqs;
use lambda_http::{Body, Request, RequestExt, http};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use smmu_cloud::{Function, Submitter, clock};
use smmu_core::{Hold, Job, MediaId, Run, Status};
use smmu_tests::{Caller, HistoryEvent, Stack, by_itself, by_request, samples, with_transcription};
use std::{
    collections::{BTreeSet, HashMap},
    net::TcpListener,
    time::Duration,
};

/// An image that keeps a worker busy for a while.
fn large() -> Vec<u8> {
    samples::png(5000, 3000)
}

/// A job whose message was not sent, as after a failure of SQS.
async fn unsent(stack: &Stack, user: &Caller, file: &[u8]) -> Job {
    let upload = user.init(file, "image/png").await;
    assert_eq!(user.put(&upload, file, &[]).await.status, 200);
    let missing = format!("{}-missing", stack.output("JobsQueueUrl"));
    let submitter = Submitter::new(&stack.sdk, &stack.environment(&[("SMMU_JOBS_QUEUE_URL", &missing)])).unwrap();
    let media_id: MediaId = upload.media_id.parse().unwrap();
    let media = submitter.media.get(&media_id).await.unwrap().unwrap();
    let job = submitter.submit(&media, None).await.expect("the record counts, not the message");
    assert_eq!(job.status(), Status::Queued);
    job
}

async fn reconcile(stack: &Stack, patience: &[(&str, &str)]) -> smmu_reconcile::Report {
    stack.call::<smmu_reconcile::Context>("reconcile", Value::Null, patience).await.unwrap()
}

#[tokio::test]
async fn a_job_whose_message_was_never_sent_is_sent_by_reconcile() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let job = unsent(stack, &user, &samples::png(33, 44)).await;
    let report = reconcile(stack, &[("SMMU_PATIENCE_UNSENT_SECONDS", "0")]).await;
    assert!(report.sent >= 1, "{report:?}");
    assert_eq!(user.ended(job.id.as_str()).await["status"], "COMPLETED");
}

#[tokio::test]
async fn an_uncompleted_upload_is_submitted_and_an_unused_grant_expires() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let file = samples::png(21, 22);
    let made = user.init(&file, "image/png").await;
    assert_eq!(user.put(&made, &file, &[]).await.status, 200);
    let never = user.init(b"never", "image/png").await;
    // The grants have not expired; a negative threshold treats them as expired.
    let report = reconcile(stack, &[("SMMU_PATIENCE_UNGRANTED_SECONDS", "-100000")]).await;
    assert!(report.submitted >= 1 && report.expired >= 1, "{report:?}");
    assert!(is_forgotten(stack, &never.media_id).await, "the grant was not used");
    assert!(!is_forgotten(stack, &made.media_id).await, "it has a job");
    assert_eq!(user.ended(&made.media_id.replace("med_", "job_")).await["status"], "COMPLETED");
    // Data that arrives after that is not lost.
    assert_eq!(user.put(&never, b"never", &[]).await.status, 200);
    assert_eq!(user.complete(&never.media_id).await.status, 202);
    assert!(!is_forgotten(stack, &never.media_id).await, "it has a job after all");
}

/// True if the media table will expire the record in a month.
async fn is_forgotten(stack: &Stack, media: &str) -> bool {
    let item = record(stack, "MediaTableName", "mediaId", media).await;
    days_until_forgotten(&item).inspect(|days| assert!((29..32).contains(days), "{days}")).is_some()
}

async fn record(stack: &Stack, table: &str, key: &str, id: &str) -> HashMap<String, AttributeValue> {
    let (client, table) = (DynamoDb::new(&stack.sdk), stack.output(table));
    let read = client.get_item().table_name(table).key(key, AttributeValue::S(id.into())).send().await;
    read.unwrap().item.expect("it is recorded")
}

/// Days until a table expires a record, from the TTL attribute in template.yaml. The emulator ignores it, but
/// tools/guard/data.guard checks it. The attribute is in seconds; milliseconds would mean tens of thousands of years.
fn days_until_forgotten(item: &HashMap<String, AttributeValue>) -> Option<i64> {
    let at: i64 = item.get("forgetAt")?.as_n().expect("a number").parse().expect("whole");
    let (day, half_a_day) = (86_400, 43_200);
    Some((at - clock::now().unix_s() + half_a_day).div_euclid(day))
}

#[tokio::test]
async fn ended_jobs_and_their_uploads_expire_if_configured() {
    let file = samples::png(35, 46);
    for (stack, days) in [(by_itself(), Some(60)), (by_request(), None)] {
        let user = Caller::user(stack, "ada").await;
        let id = user.submit(&file, "image/png").await;
        user.ended(&id).await;
        let job = record(stack, "JobsTableName", "jobId", &id).await;
        assert_eq!(days_until_forgotten(&job), days);
        assert!(!job.contains_key("watch"), "reconcile need not check it again");
        let media = record(stack, "MediaTableName", "mediaId", &id.replace("job_", "med_")).await;
        assert_eq!(days_until_forgotten(&media), days);
        assert!(!media.contains_key("watch"), "it is submitted");
    }
}

#[tokio::test]
async fn a_dead_letter_fails_its_job_only_while_it_is_queued() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let job = unsent(stack, &user, &samples::png(34, 44)).await;
    let submitter = Submitter::new(&stack.sdk, &stack.environment(&[])).unwrap();
    let media = submitter.media.get(&job.media_id).await.unwrap().unwrap();
    let body = serde_json::to_string(&media.execution_input(&job)).unwrap();
    let sqs = Sqs::new(&stack.sdk);
    sqs.send_message().queue_url(stack.output("JobsDlqUrl")).message_body(&body).send().await.unwrap();
    let failed = user.ended(job.id.as_str()).await;
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&"FAILED".into(), &"dispatch_failed".into()));
    assert_eq!(failed["error"]["retryable"], true);
}

/// Waits for a job's worker and returns its process ID.
async fn worker_of(stack: &Stack, job: &str) -> u32 {
    for _ in 0..600 {
        if let Some(pid) = stack.worker_of(job) {
            return pid;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no worker was started for {job}");
}

/// The states whose worker failed.
async fn failed_workers(stack: &Stack, job: &str) -> Vec<String> {
    stack.history(job).await.into_iter().filter(HistoryEvent::fails_task).map(|event| event.state).collect()
}

async fn kill(stack: &Stack, job: &str, signal: Signal) {
    let id = worker_of(stack, job).await;
    let pid = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    let process = format!("/proc/{id}");
    // Repeated, because process 1 of a container ignores signals without a handler.
    while std::fs::exists(&process).unwrap() {
        if let Err(error) = kill_process(pid, signal) {
            assert_eq!(error, rustix::io::Errno::SRCH);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_worker_that_fails_on_the_first_capacity_is_retried_on_demand_and_publishes_nothing() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    for signal in [Signal::KILL, Signal::TERM] {
        let id = user.submit(&large(), "image/png").await;
        kill(stack, &id, signal).await;
        let job = user.ended(&id).await;
        assert_eq!(job["status"], "COMPLETED", "{signal:?}: {job}");
        assert_eq!(failed_workers(stack, &id).await, ["TranscodeImage"], "{signal:?}");
    }
}

#[tokio::test]
async fn a_worker_that_fails_on_demand_is_retried() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(&large(), "image/png").await;
    kill(stack, &id, Signal::KILL).await;
    kill(stack, &id, Signal::KILL).await;
    let job = user.ended(&id).await;
    assert_eq!(job["status"], "COMPLETED", "{job}");
    assert_eq!(failed_workers(stack, &id).await, ["TranscodeImage", "TranscodeImageOnDemand"]);
}

#[tokio::test]
async fn a_transcriber_that_keeps_failing_only_costs_the_transcript() {
    let stack = with_transcription();
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(&samples::spoken_clip(samples::SENTENCES), "video/mp4").await;
    let mut killed = BTreeSet::new();
    let job = loop {
        let transcribers = stack.workers_of(&id).into_iter().filter(|worker| worker.image.contains("transcribe"));
        for worker in transcribers.filter(|worker| !killed.contains(&worker.pid)).collect::<Vec<_>>() {
            kill_process(Pid::from_raw(i32::try_from(worker.pid).unwrap()).unwrap(), Signal::KILL).unwrap();
            killed.insert(worker.pid);
        }
        let job = user.job(&id).await.json();
        if job["status"] != "RUNNING" && job["status"] != "QUEUED" {
            break job;
        }
        // Often enough to catch every worker, and slow enough for the API's limits.
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(job["status"], "COMPLETED", "{job}");
    let warnings = job["warnings"].as_array().unwrap();
    let [warning] = &warnings[..] else { panic!("{job}") };
    assert_eq!((&warning["code"], &warning["step"]), (&"step_failed".into(), &"transcribe".into()), "{job}");
    assert_eq!((&warning["errorCode"], &warning["retryable"]), (&"worker_failed".into(), &true.into()), "{job}");
    let names: Vec<_> = job["outputs"].as_array().unwrap().iter().map(|output| &output["name"]).collect();
    assert!(names.contains(&&"master.m3u8".into()), "{names:?}");
    assert!(!names.iter().any(|name| name.as_str().unwrap().contains("transcript")), "{names:?}");
    // Once on the first capacity, once on demand, and two retries.
    assert_eq!(killed.len(), 4);
}

#[tokio::test]
async fn a_stopped_execution_fails_its_job_and_stops_its_worker() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(&large(), "image/png").await;
    let worker = Pid::from_raw(i32::try_from(worker_of(stack, &id).await).unwrap()).unwrap();
    // Frozen, because it could see the end of its job before Step Functions stops it.
    kill_process(worker, Signal::STOP).unwrap();
    let arn = stack.execution_arn(&id);
    Sfn::new(&stack.sdk).stop_execution().execution_arn(arn).send().await.unwrap();
    let job = user.ended(&id).await;
    assert_eq!((&job["status"], &job["error"]["code"]), (&"FAILED".into(), &"aborted".into()), "{job}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    kill_process(worker, Signal::CONT).unwrap();
    for _ in 0..200 {
        if stack.worker_of(&id).is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the worker of {id} runs on");
}

#[tokio::test]
async fn a_silent_job_without_execution_is_failed_by_reconcile() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let job = unsent(stack, &user, &samples::png(35, 44)).await;
    let submitter = Submitter::new(&stack.sdk, &stack.environment(&[])).unwrap();
    submitter.jobs.advance(&job.id, smmu_core::JobEvent::Started).await.unwrap();
    // The threshold selects every job, but those of other tests have a running execution.
    let report = reconcile(stack, &[("SMMU_PATIENCE_SILENT_SECONDS", "0")]).await;
    assert!(report.failed >= 1, "{report:?}");
    let failed = user.ended(job.id.as_str()).await;
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&"FAILED".into(), &"internal".into()));
}

#[tokio::test]
async fn the_job_of_a_light_run_that_vanished_with_its_message_is_taken_up_by_reconcile() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let job = unsent(stack, &user, &samples::png(36, 44)).await;
    let submitter = Submitter::new(&stack.sdk, &stack.environment(&[])).unwrap();
    let run = Run { id: "vanished".to_owned(), started_at: clock::now().plus_seconds(-60) };
    let hold = Hold { run, until: clock::now().plus_seconds(-1) };
    submitter.jobs.advance(&job.id, smmu_core::JobEvent::Held(hold)).await.unwrap();
    let report = reconcile(stack, &[("SMMU_PATIENCE_SILENT_SECONDS", "0")]).await;
    assert!(report.sent >= 1, "{report:?}");
    let ended = user.ended(job.id.as_str()).await;
    assert_eq!(ended["status"], "COMPLETED", "{ended}");
}

#[tokio::test]
async fn the_deployed_reconcile_runs() {
    let stack = by_itself();
    let function = format!("smmu-{}-reconcile", stack.stage);
    let url = format!("{}/2015-03-31/functions/{function}/invocations", stack.cloud.address().endpoint());
    // Its schedule is slower than this test. The emulator does not check signatures of root.
    let root = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request";
    let answer = reqwest::Client::new().post(url).header("authorization", root).body("{}").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().get("x-amz-function-error")), (200, None));
    let report: Value = answer.json().await.unwrap();
    assert!(report["failed"].is_u64(), "{report}");
}

#[tokio::test]
async fn a_request_whose_services_hang_gets_503_before_lambda_ends_the_function() {
    let stack = by_request();
    // Accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let sdk = stack.sdk.to_builder().endpoint_url(format!("http://{}", silent.local_addr().unwrap())).build();
    let context = smmu_api::Context::new(&sdk, &stack.environment(&[])).unwrap();
    let request = http::Request::post("/media/upload/complete")
        .header("authorization", format!("Bearer {}", stack.token("ada").await))
        .body(Body::from(r#"{"mediaId": "med_01j0000000000000000000000x"}"#))
        .unwrap();
    let mut lambda = lambda_http::Context::default();
    lambda.deadline = u64::try_from(clock::now().unix_ms()).unwrap() + 6000;
    let answered = context.handle(Request::from(request).with_lambda_context(lambda));
    let Ok(answer) = tokio::time::timeout(Duration::from_secs(6), answered).await.expect("it answers in time");
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"2".parse().unwrap()));
    let Body::Text(problem) = answer.body() else { panic!("no text") };
    let problem: Value = serde_json::from_str(problem).unwrap();
    assert_eq!((&problem["code"], &problem["retryable"]), (&"unavailable".into(), &true.into()));
}
