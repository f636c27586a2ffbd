//! Turns: one user's many jobs wait in order, and do not delay another user's.

use reqwest::{Method, StatusCode};
use serde_json::Value;
use smmu_cloud::{Jobs, Submitter};
use smmu_core::{Job, JobState, MediaId, QueueStep, Timestamp};
use smmu_tests::{Caller, Stack, history::log_lines, in_turns, samples, until};

/// Concurrent jobs per user in this stack.
const MOST: usize = 4;

/// Times of a job's submission, the start of its execution, and its end.
#[derive(Debug, Clone, Copy)]
struct Life {
    submitted: Timestamp,
    began: Timestamp,
    ended: Timestamp,
}

/// When a light run took a job, as `validate-input` logged it.
async fn began(stack: &Stack, job: &str) -> Option<Timestamp> {
    let group = format!("/aws/lambda/smmu-{}-validate-input", stack.stage);
    let lines = log_lines(stack.cloud.address().endpoint(), &group, job).await;
    let taken = lines.iter().find(|line| line["message"] == "job started")?;
    taken["timestamp"].as_str()?.parse().ok()
}

async fn life(stack: &Stack, job: &str) -> Life {
    let jobs = Jobs::new(&stack.sdk, &stack.environment(&[])).unwrap();
    let record = jobs.get(&job.parse().unwrap()).await.unwrap().unwrap();
    assert!(matches!(record.state, JobState::Completed { .. }), "{record:?}");
    let began = began(stack, job).await.expect("it has an execution");
    Life { submitted: record.created_at, began, ended: record.updated_at }
}

async fn recorded(stack: &Stack, id: &str) -> Job {
    let jobs = Jobs::new(&stack.sdk, &stack.environment(&[])).unwrap();
    jobs.get(&id.parse().unwrap()).await.unwrap().unwrap()
}

/// Uploads images, and then submits them four at a time.
async fn submit_all(user: &Caller, count: u32) -> Vec<String> {
    let mut media = Vec::new();
    for number in 0..count {
        let file = samples::png(40 + number % 100, 40 + number / 100);
        let upload = user.init(&file, "image/png").await;
        assert_eq!(user.put(&upload, &file, &[]).await.status, StatusCode::OK);
        media.push(upload.media_id);
    }
    let mut jobs = Vec::new();
    for some in media.chunks(4) {
        let completing = some.iter().map(|media| {
            let (user, media) = (user.clone(), media.clone());
            tokio::spawn(async move { user.complete(&media).await })
        });
        for completed in completing.collect::<Vec<_>>() {
            let completed = completed.await.unwrap();
            assert_eq!(completed.status, StatusCode::ACCEPTED, "{}", completed.text);
            jobs.push(completed.text_at("/jobId"));
        }
    }
    jobs
}

#[tokio::test]
async fn jobs_of_a_busy_user_wait_in_order_without_delaying_another_user() {
    let stack = in_turns();
    let count = std::env::var("SMMU_MANY_JOBS").ok().and_then(|count| count.parse().ok()).unwrap_or(40);
    let (many, one) = (Caller::user(stack, "many").await, Caller::user(stack, "one").await);
    let file = samples::png(39, 39);
    let upload = one.init(&file, "image/png").await;
    assert_eq!(one.put(&upload, &file, &[]).await.status, StatusCode::OK);
    let jobs = submit_all(&many, count).await;
    let other = one.complete(&upload.media_id).await.text_at("/jobId");
    let last = many.job(jobs.last().unwrap()).await.json();
    assert_eq!((&last["status"], &last["stage"]), (&"QUEUED".into(), &"queue".into()), "it waits");
    assert!(last["queue"]["ahead"].as_u64().is_some_and(|ahead| ahead < u64::from(count)), "{last}");
    assert!(last["queue"]["startsAt"].as_str().is_some_and(|at| at > last["createdAt"].as_str().unwrap()), "{last}");
    assert_eq!(one.ended(&other).await["status"], "COMPLETED");
    for job in &jobs {
        assert_eq!(many.ended(job).await["status"], "COMPLETED");
    }

    let other = life(stack, &other).await;
    let mut lives = Vec::new();
    for job in &jobs {
        lives.push(life(stack, job).await);
    }
    lives.sort_by_key(|life| life.submitted);
    let before_it = |life: &&Life| life.submitted < other.submitted && life.began > other.submitted;
    let waited_for = lives.iter().filter(before_it).filter(|life| life.ended < other.began).count();
    let at_once = |at: Timestamp| lives.iter().filter(|life| life.began <= at && at < life.ended).count();
    let most = lives.iter().map(|life| at_once(life.began)).max().unwrap();
    let mut order: Vec<_> = (0..lives.len()).collect();
    order.sort_by_key(|index| lives[*index].began);
    let displaced = order.iter().enumerate().map(|(place, index)| place.abs_diff(*index)).max().unwrap();
    let (first, last) = (lives[0].submitted, lives.iter().map(|life| life.ended).max().unwrap());
    eprintln!(
        "{count} jobs: waited for {waited_for}, {most} at once, out of order by {displaced}; the other began after {} ms and \
            ended after {} ms; all ended after {} ms",
        other.began.ms_since(other.submitted),
        other.ended.ms_since(other.submitted),
        last.ms_since(first),
    );
    assert!(waited_for <= 2, "{waited_for}");
    assert!(most <= MOST, "{most} at once");
    // The queue delivers released jobs to dispatch in any order.
    assert!(displaced <= 2 * MOST, "{displaced}");
    assert!(lives.iter().filter(before_it).count() >= MOST, "other jobs waited when it was submitted");
}

#[tokio::test]
async fn a_waiting_job_can_be_cancelled_and_deleted_without_starting() {
    let stack = in_turns();
    let user = Caller::user(stack, "changes").await;
    let jobs = submit_all(&user, 16).await;
    let [.., deleted, cancelled] = &jobs[..] else { panic!("sixteen") };
    let answer = user.call(Method::POST, &format!("/jobs/{cancelled}/cancel"), None).await;
    assert_eq!((answer.status, answer.text_at("/status").as_str()), (StatusCode::OK, "CANCELLED"), "{}", answer.text);
    let media = deleted.replace("job_", "med_");
    let answer = user.call(Method::DELETE, &format!("/media/{media}"), None).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    for job in &jobs[..14] {
        assert_eq!(user.ended(job).await["status"], "COMPLETED");
    }
    assert_eq!(user.job(cancelled).await.text_at("/status"), "CANCELLED");
    for job in [cancelled, deleted] {
        assert_eq!(began(stack, job).await, None, "{job}");
    }
}

#[tokio::test]
async fn reconcile_recovers_unused_turns_and_unreleased_jobs() {
    let stack = in_turns();
    let user = Caller::user(stack, "crashes").await;
    let mut uploads = Vec::new();
    for size in [51, 52] {
        let file = samples::png(size, 50);
        let upload = user.init(&file, "image/png").await;
        assert_eq!(user.put(&upload, &file, &[]).await.status, StatusCode::OK);
        uploads.push(upload.media_id.parse::<MediaId>().unwrap());
    }
    let missing = format!("{}-missing", stack.output("JobsQueueUrl"));
    let one = ("SMMU_RUNNING_JOBS_PER_USER", "1");
    let submit = async |media: &MediaId, changed: &[(&str, &str)]| {
        let submitter = Submitter::new(&stack.sdk, &stack.environment(changed)).unwrap();
        let media = submitter.media.get(media).await.unwrap().unwrap();
        submitter.submit(&media, None).await.unwrap()
    };
    // The first job has the only turn, but its message was not sent.
    let first = submit(&uploads[0], &[one, ("SMMU_JOBS_QUEUE_URL", &missing)]).await;
    let second = submit(&uploads[1], &[one]).await;
    let step = |job: &Job| match job.state {
        JobState::Queued { step } => Some(step),
        _ => None,
    };
    assert_eq!((step(&first), step(&second)), (Some(QueueStep::Unsent), Some(QueueStep::Waiting { ahead: 0 })));
    let place = user.job(second.id.as_str()).await.json()["queue"].clone();
    assert_eq!(place["ahead"], 0, "no other job waits");
    let starts_at: Timestamp = place["startsAt"].as_str().expect("it is estimated").parse().unwrap();
    assert!(starts_at > second.created_at, "{place}: none has started since, so the estimate of this one counts");
    let place = user.job(first.id.as_str()).await.json()["queue"].clone();
    assert!(place["ahead"].is_u64() && place["startsAt"].is_string(), "{place}: its turn has come");
    let reconcile = async |unsent| {
        let patience = [one, ("SMMU_PATIENCE_UNSENT_SECONDS", unsent)];
        stack.call::<smmu_reconcile::Context>("reconcile", Value::Null, &patience).await.unwrap()
    };
    assert_eq!(reconcile("600").await.released, 0, "no job has waited long enough");
    assert_eq!(step(&recorded(stack, second.id.as_str()).await), Some(QueueStep::Waiting { ahead: 0 }));
    reconcile("-10").await;
    assert_eq!(user.ended(first.id.as_str()).await["status"], "COMPLETED");
    until("the second is released", async || {
        reconcile("-10").await;
        step(&recorded(stack, second.id.as_str()).await) != Some(QueueStep::Waiting { ahead: 0 })
    })
    .await;
    assert_eq!(user.ended(second.id.as_str()).await["status"], "COMPLETED");
}
