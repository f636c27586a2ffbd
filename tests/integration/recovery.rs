//! Functions that die or fail in the middle of a job, and how soon the job continues. On a stack of their own, because
//! other jobs would be disturbed, or would disturb these.

use crate::soak::processes::{FunctionProcess, functions};
use aws_sdk_sqs::{Client as Sqs, types::QueueAttributeName};
use rustix::process::{Pid, Signal, kill_process};
use smmu_cloud::Submitter;
use smmu_core::MediaId;
use smmu_local::Deployer;
use smmu_tests::{Caller, HistoryEvent, Stack, samples};
use std::{
    collections::BTreeSet,
    sync::LazyLock,
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, MutexGuard};

/// The stack, for one test at a time.
async fn alone() -> (&'static Stack, MutexGuard<'static, ()>) {
    const PARAMETERS: [(&str, &str); 4] =
        [("UploadTrigger", "disabled"), ("Transcription", "disabled"), ("Push", "disabled"), ("Web", "disabled")];
    static STACK: LazyLock<Stack> =
        LazyLock::new(|| Stack::deploy_into("dev", &PARAMETERS, |options| options.deployer = Deployer::Own));
    static ALONE: Mutex<()> = Mutex::const_new(());
    let guard = ALONE.lock().await;
    (&STACK, guard)
}

/// The running processes of a function.
fn processes_of(stack: &Stack, function: &str) -> Vec<FunctionProcess> {
    functions(stack).into_iter().filter(|one| one.name == function).collect()
}

fn signal(process: &FunctionProcess, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(process.pid).unwrap()).unwrap();
    if let Err(error) = kill_process(pid, signal) {
        assert_eq!(error, rustix::io::Errno::SRCH);
    }
}

/// Number of messages of the jobs queue that are received but not deleted.
async fn in_flight(stack: &Stack) -> u64 {
    let wanted = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    let asked = Sqs::new(&stack.sdk).get_queue_attributes().queue_url(stack.output("JobsQueueUrl"));
    let answer = asked.attribute_names(wanted.clone()).send().await.unwrap();
    answer.attributes.unwrap()[&wanted].parse().unwrap()
}

/// Uploads a small image and returns its media.
async fn upload(user: &Caller, width: u32) -> String {
    let file = samples::png(width, 40);
    let upload = user.init(&file, "image/png").await;
    assert_eq!(user.put(&upload, &file, &[]).await.status, 200);
    upload.media_id
}

#[tokio::test]
async fn a_job_whose_dispatch_was_killed_continues_long_before_a_minute_has_passed() {
    let (stack, _alone) = alone().await;
    let user = Caller::user(stack, "ada").await;
    let first = user.submit(&samples::png(31, 40), "image/png").await;
    user.ended(&first).await;
    let media = upload(&user, 32).await;
    // A stopped process receives the next message and cannot handle it.
    let stopped = processes_of(stack, "dispatch");
    assert!(!stopped.is_empty(), "it has just run");
    for process in &stopped {
        signal(process, Signal::STOP);
    }
    // Messages of jobs that have begun within the last minute are in flight too.
    let before = in_flight(stack).await;
    let completed = user.complete(&media).await;
    assert_eq!(completed.status, 202);
    while in_flight(stack).await <= before {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for process in &stopped {
        signal(process, Signal::KILL);
    }
    let killed = Instant::now();
    let job = completed.text_at("/jobId");
    assert_eq!(user.ended(&job).await["status"], "COMPLETED");
    // The queue's visibility timeout of 12 s, and time for a busy machine.
    assert!(killed.elapsed() < Duration::from_secs(50), "{:?}", killed.elapsed());
}

#[tokio::test]
async fn a_message_that_cannot_be_dispatched_is_retried_before_the_queues_timeout() {
    let (stack, _alone) = alone().await;
    let sqs = Sqs::new(&stack.sdk);
    let body = "not a job";
    sqs.send_message().queue_url(stack.output("JobsQueueUrl")).message_body(body).send().await.unwrap();
    let sent = Instant::now();
    let log = stack.cloud.logs_dir().join("emulator.log");
    let attempts = || {
        let log = std::fs::read(&log).unwrap();
        String::from_utf8_lossy(&log).matches("failed to dispatch the message; will retry").count()
    };
    while attempts() < 3 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(sent.elapsed() < Duration::from_mins(2), "it is not retried");
    }
    // Two retries, after 2 and 4 s. The queue's timeout would make them 36 s.
    assert!(sent.elapsed() < Duration::from_secs(30), "{:?}", sent.elapsed());
    sqs.purge_queue().queue_url(stack.output("JobsQueueUrl")).send().await.unwrap();
}

#[tokio::test]
async fn a_job_whose_message_was_never_sent_is_sent_when_its_client_completes_again() {
    let (stack, _alone) = alone().await;
    let user = Caller::user(stack, "ada").await;
    let media = upload(&user, 33).await;
    let missing = format!("{}-missing", stack.output("JobsQueueUrl"));
    let submitter = Submitter::new(&stack.sdk, &stack.environment(&[("SMMU_JOBS_QUEUE_URL", &missing)])).unwrap();
    let recorded = submitter.media.get(&media.parse::<MediaId>().unwrap()).await.unwrap().unwrap();
    let job = submitter.submit(&recorded, None).await.expect("the record counts, not the message");
    // A client waits at least this long before it repeats a call.
    tokio::time::sleep(Duration::from_millis(250)).await;
    let completed = user.complete(&media).await;
    assert_eq!((completed.status.as_u16(), completed.text_at("/jobId").as_str()), (202, job.id.as_str()));
    assert_eq!(user.ended(job.id.as_str()).await["status"], "COMPLETED");
}

/// The errors of the state `DetectType` of an execution.
async fn detection_errors(stack: &Stack, job: &str) -> Vec<String> {
    let failed = stack.history(job).await.into_iter().filter(HistoryEvent::fails_task);
    failed.filter(|event| event.state == "DetectType").filter_map(|event| event.error).collect()
}

#[tokio::test]
async fn a_state_whose_function_is_killed_twice_is_tried_a_third_time() {
    let (stack, _alone) = alone().await;
    let user = Caller::user(stack, "ada").await;
    let mut most = Vec::new();
    for width in 41..61 {
        let media = upload(&user, width).await;
        let job = user.complete(&media).await.text_at("/jobId");
        let mut killed = BTreeSet::new();
        let ending = user.ended(&job);
        tokio::pin!(ending);
        // Every process of this function is killed as soon as it is seen, up to three of them.
        let ended = loop {
            for process in processes_of(stack, "detect-type") {
                if killed.len() < 3 && killed.insert(process.pid) {
                    signal(&process, Signal::KILL);
                }
            }
            tokio::select! {
                ended = &mut ending => break ended,
                () = tokio::time::sleep(Duration::from_millis(2)) => {}
            }
        };
        assert_eq!(ended["status"], "COMPLETED", "{ended}");
        let errors = detection_errors(stack, &job).await;
        assert!(errors.iter().all(|error| error == "Runtime.ExitError"), "{errors:?}");
        if errors.len() >= 2 {
            return;
        }
        most = most.max(errors);
    }
    panic!("no execution was hit twice; at most by {most:?}");
}
