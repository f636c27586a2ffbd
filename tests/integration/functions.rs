//! Short work of the workers in functions, and its way to a container.

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use smmu_core::speech::wer::word_error_rate;
use smmu_tests::{Caller, HistoryEvent, Stack, ffmpeg, in_functions, samples};
use std::{
    fs,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The states that the executions of a job entered, in order.
async fn states(stack: &Stack, job: &str) -> Vec<String> {
    stack.history(job).await.into_iter().filter(HistoryEvent::enters).map(|event| event.state).collect()
}

/// The number of containers that worked on a job: each has a log of its own.
fn containers(stack: &Stack, job: &str) -> usize {
    let logs = fs::read_dir(stack.cloud.logs_dir()).unwrap().map(|entry| entry.unwrap().path());
    let of_containers = logs.filter(|path| !path.ends_with("emulator.log"));
    of_containers.filter(|path| fs::read_to_string(path).unwrap_or_default().contains(job)).count()
}

async fn completed(user: &Caller, file: &[u8], content_type: &str) -> (String, Value) {
    let id = user.submit(file, content_type).await;
    let job = user.ended(&id).await;
    assert_eq!(job["status"], "COMPLETED", "{job}");
    (id, job)
}

async fn text_of(user: &Caller, job: &Value, name: &str) -> String {
    let mut outputs = job["outputs"].as_array().unwrap().iter();
    let output = outputs.find(|output| output["name"] == name).unwrap_or_else(|| panic!("there is no {name}: {job}"));
    String::from_utf8(user.download(output["url"].as_str().unwrap()).await).unwrap()
}

#[tokio::test]
async fn a_clip_gets_its_renditions_and_its_text_without_a_container() {
    let stack = in_functions();
    let user = Caller::user(stack, "ada").await;
    let (id, job) = completed(&user, &samples::spoken_clip(samples::SENTENCES), "video/mp4").await;
    assert_eq!(containers(stack, &id), 0);
    let master = text_of(&user, &job, "master.m3u8").await;
    assert!(master.contains("TYPE=SUBTITLES"), "{master}");
    let text = text_of(&user, &job, "transcript.txt").await;
    assert!(word_error_rate(samples::SENTENCES, &text) <= 0.25, "{text}");
    assert!(job["cost"]["computeMicroDollars"].as_u64().unwrap() > 0, "{job}");
}

#[tokio::test]
async fn a_large_image_is_rendered_in_the_workers_function() {
    let stack = in_functions();
    let user = Caller::user(stack, "ada").await;
    let (id, _) = completed(&user, &samples::jpeg(1500, 1000), "image/jpeg").await;
    let entered = states(stack, &id).await;
    assert!(entered.contains(&"TranscodeImageInFunction".to_owned()), "{entered:?}");
    assert_eq!(containers(stack, &id), 0);
}

/// Twenty minutes of near silence in a container whose headers state no duration, as browsers record it.
fn long_without_duration() -> Vec<u8> {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("recording.webm");
    let coding = ["-c:a", "libopus", "-b:a", "6k", "-application", "voip", "-f", "webm", "-live", "1"];
    ffmpeg::run(&["-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono:d=1200"], &coding, &file);
    fs::read(file).unwrap()
}

#[tokio::test]
async fn a_recording_that_turns_out_to_be_long_moves_to_a_container() {
    let stack = in_functions();
    let user = Caller::user(stack, "ada").await;
    let (id, _) = completed(&user, &long_without_duration(), "audio/webm").await;
    // One container, for the renditions: silence is little work for the recogniser.
    assert_eq!(containers(stack, &id), 1);
    let entered = states(stack, &id).await;
    let times = |state: &str| entered.iter().filter(|name| *name == state).count();
    assert_eq!((times("HandOver"), times("TranscodeAndTranscribe")), (1, 1), "{entered:?}");
    // It does not begin again where it left.
    assert_eq!((times("ParallelTranscodeInFunction"), times("ParallelTranscode")), (1, 1), "{entered:?}");
}

#[tokio::test]
async fn a_long_video_begins_in_a_container() {
    let stack = in_functions();
    let user = Caller::user(stack, "ada").await;
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("long.mp4");
    let picture = ["-f", "lavfi", "-i", "color=c=gray:s=1280x720:r=30:d=40"];
    ffmpeg::run(&picture, &["-c:v", "libx264", "-preset", "ultrafast"], &file);
    let (id, _) = completed(&user, &fs::read(file).unwrap(), "video/mp4").await;
    let entered = states(stack, &id).await;
    assert!(entered.contains(&"Transcode".to_owned()), "{entered:?}");
    assert_eq!(containers(stack, &id), 1);
}

#[tokio::test]
async fn a_damaged_file_is_refused_in_the_function_and_the_next_user_is_served() {
    let stack = in_functions();
    let (mallory, ada) = (Caller::user(stack, "mallory").await, Caller::user(stack, "ada").await);
    let mut damaged = samples::spoken_clip(samples::SENTENCES);
    let middle = damaged.len() / 3;
    damaged[middle..2 * middle].fill(0xff);
    let id = mallory.submit(&damaged, "video/mp4").await;
    let job = mallory.ended(&id).await;
    assert_eq!(containers(stack, &id), 0, "a refusal is the end of it: {job}");
    let (id, _) = completed(&ada, &samples::spoken_clip(samples::SENTENCES), "video/mp4").await;
    assert_eq!(containers(stack, &id), 0);
}

/// The process that works on a job in a function, and its parent, which Lambda started.
fn worker_and_host(job: &str) -> Option<(Pid, Pid)> {
    let runs = |pid: i32, mode: &str| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        command.ends_with(format!("\0{mode}\0").as_bytes())
    };
    let is_worker = |pid: &i32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        runs(*pid, "job") && environment.windows(job.len()).any(|window| window == job.as_bytes())
    };
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let worker = pids.into_iter().find(is_worker)?;
    let status = fs::read_to_string(format!("/proc/{worker}/status")).ok()?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?;
    runs(parent, "function").then_some((Pid::from_raw(worker)?, Pid::from_raw(parent)?))
}

/// Waits for a function to work on a job, which takes minutes on a busy machine, and returns its worker and host.
async fn at_work(user: &Caller, job: &str) -> (Pid, Pid) {
    let since = Instant::now();
    loop {
        assert!(since.elapsed() < Duration::from_mins(5), "no function works on the job");
        if let Some(found) = worker_and_host(job) {
            return found;
        }
        let shown = user.job(job).await.json();
        assert!(["QUEUED", "RUNNING"].contains(&shown["status"].as_str().unwrap_or_default()), "{shown}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for a worker to end.
async fn ended(job: &str, worker: Pid) {
    let since = Instant::now();
    while worker_and_host(job).is_some_and(|(other, _)| other == worker) {
        assert!(since.elapsed() < Duration::from_mins(5), "the worker still works");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A picture that takes the worker some seconds.
fn slow_picture() -> Vec<u8> {
    samples::png(4000, 3000)
}

#[tokio::test]
async fn a_function_that_dies_ends_its_worker_and_the_job_is_done_in_another() {
    let stack = in_functions();
    let user = Caller::user(stack, "grace").await;
    let id = user.submit(&slow_picture(), "image/png").await;
    let (worker, host) = at_work(&user, &id).await;
    kill_process(host, Signal::KILL).unwrap();
    ended(&id, worker).await;
    assert_eq!(user.ended(&id).await["status"], "COMPLETED");
    let history = stack.history(&id).await;
    let attempts = history.iter().filter(|one| one.state == "TranscodeImageInFunction" && one.event == "TaskScheduled");
    assert_eq!(attempts.count(), 2, "{history:?}");
}

#[tokio::test]
async fn cancelling_a_job_stops_its_worker_in_the_function() {
    let stack = in_functions();
    let user = Caller::user(stack, "edsger").await;
    let id = user.submit(&slow_picture(), "image/png").await;
    let (worker, _) = at_work(&user, &id).await;
    let cancelled = user.call(Method::POST, &format!("/jobs/{id}/cancel"), None).await;
    assert_eq!((cancelled.status.as_u16(), cancelled.text_at("/status").as_str()), (200, "CANCELLED"));
    ended(&id, worker).await;
    // The function's answer comes after the execution was stopped, and changes nothing.
    assert_eq!(user.job(&id).await.text_at("/status"), "CANCELLED");
    let log = fs::read_to_string(stack.cloud.logs_dir().join("emulator.log")).unwrap();
    let of_job = log.lines().filter(|line| line.contains(&id));
    let committed = of_job.filter(|line| line.contains("attempt ended") && line.contains("Committed"));
    assert_eq!(committed.count(), 0, "nothing is committed");
}
