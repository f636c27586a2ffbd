//! `smmu watch`, as a user runs it: through a socket, by polling, and with a socket that is cut.

use crate::{
    attempts::running,
    sockets::{Records, id_of},
};
use aws_sdk_apigatewaymanagement::{Client as Connections, config::Builder};
use serde_json::Value;
use smmu_core::{Branch, JobEvent, Pipeline, Share, Stage, Work};
use smmu_local::CloudOptions;
use smmu_tests::{Caller, Stack, by_request, in_turns, samples, until};
use std::{path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{ChildStdout, Command},
};

/// `smmu watch`, as a user runs it.
async fn watching(stack: &Stack, user: &str, arguments: &[&str]) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut command = Command::new(CloudOptions::for_workspace(root).binaries.join("smmu"));
    command.arg("watch").args(arguments).kill_on_drop(true);
    command.env("SMMU_API", stack.cloud.address().api_url().unwrap()).env("SMMU_TOKEN", stack.token(user).await);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn the_client_watches_jobs_through_a_socket_until_they_have_ended() {
    let user = Caller::user(by_request(), "watches").await;
    // A video takes long enough for the socket to be open before the job ends.
    let (mut broken, video) = (samples::png(56, 20), samples::silent_clip());
    broken.truncate(60);
    let (upload, whole) = (user.init(&broken, "image/png").await, user.submit(&video, "video/mp4").await);
    assert_eq!(user.put(&upload, &broken, &[]).await.status, 200);
    let failed = user.complete(&upload.media_id).await.text_at("/jobId");
    let watched = watching(by_request(), "watches", &[&whole, &failed, "--json"]).await.output().await.unwrap();
    let (stdout, stderr) = (String::from_utf8(watched.stdout).unwrap(), String::from_utf8(watched.stderr).unwrap());
    assert_eq!((watched.status.code(), stderr.as_str()), (Some(1), ""), "one has failed, and nothing is to be noted");
    let events: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (job, status) in [(&whole, "COMPLETED"), (&failed, "FAILED")] {
        let of_job: Vec<_> = events.iter().filter(|event| event["jobId"] == **job).collect();
        assert_eq!(of_job.last().unwrap()["status"], status, "{stdout}");
        let times: Vec<_> = of_job.iter().map(|event| event["updatedAt"].as_str().unwrap()).collect();
        assert!(times.is_sorted(), "{stdout}");
    }
    // Some events must have come through the socket: polled states have no revision.
    assert!(events.iter().any(|event| event["revision"].is_u64()), "{stdout}");
    // The first look finds a job that has already ended.
    let again = watching(by_request(), "watches", &[&whole]).await.output().await.unwrap();
    assert_eq!(again.status.code(), Some(0));
    let line = String::from_utf8(again.stdout).unwrap();
    assert!(line.starts_with(&format!("{whole} COMPLETED finish 100 %, ")) && line.lines().count() == 1, "{line}");
}

#[tokio::test]
async fn the_client_polls_if_push_is_disabled_and_says_so_once() {
    let user = Caller::user(in_turns(), "watches-by-polling").await;
    let job = user.submit(&samples::png(58, 20), "image/png").await;
    let watched = watching(in_turns(), "watches-by-polling", &[&job]).await.output().await.unwrap();
    let (stdout, stderr) = (String::from_utf8(watched.stdout).unwrap(), String::from_utf8(watched.stderr).unwrap());
    assert_eq!(watched.status.code(), Some(0), "{stderr}");
    assert!(stdout.lines().last().unwrap().starts_with(&format!("{job} COMPLETED")), "{stdout}");
    assert_eq!(stderr, "smmu: the API has no sockets; polling instead\n");
    // Without ids, there is nothing to poll.
    let all = watching(in_turns(), "watches-by-polling", &[]).await.output().await.unwrap();
    assert_eq!(all.status.code(), Some(3));
    assert!(String::from_utf8(all.stderr).unwrap().contains("push_disabled"));
}

/// Closes a connection, as API Gateway does after two hours.
async fn cut(stack: &Stack, connection: &str) {
    let (endpoint, api) = (stack.cloud.address().endpoint(), stack.output("SocketsApiId"));
    let place = format!("{endpoint}/_aws/execute-api/{api}/live");
    let connections = Connections::from_conf(Builder::from(&stack.sdk).endpoint_url(place).build());
    connections.delete_connection().connection_id(connection).send().await.unwrap();
}

/// Reads events until one of a transcoding job has this progress, or a job has ended.
async fn event(lines: &mut Lines<BufReader<ChildStdout>>, progress: u8) -> Value {
    let found = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["progress"] == progress || event["status"] == "CANCELLED" {
                return event;
            }
        }
        panic!("it ended before the event");
    };
    // Shorter than the pause between two looks at a job while a socket is open.
    tokio::time::timeout(Duration::from_secs(40), found).await.expect("an event in time")
}

#[tokio::test]
async fn the_client_reconnects_when_its_socket_is_cut_and_misses_no_end() {
    let stack = by_request();
    let user = Caller::user(stack, "watches-a-cut").await;
    let (id, records) = (id_of(&user).await, Records::of(stack));
    let (work, jobs) = running(stack, &user, b"a video that is cut off").await;
    let job = work.input.job_id;
    let work_at = async |percent: u8| {
        let (pipeline, branch, share) = (Pipeline::Transcode, Branch::Transcode, Share { percent, ends_at: None });
        let work = Work { stage: Stage::Transcode, pipeline, branch, share, spent: None, hold: None };
        jobs.advance(&job, JobEvent::Worked(work)).await.unwrap();
    };
    let mut watch = watching(stack, "watches-a-cut", &[job.as_str(), "--json"]).await.spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    // 10 to 95 percent of a job are its worker's.
    until("a socket is open", async || records.connections(&id).await.len() == 1).await;
    let first = records.connections(&id).await.remove(0);
    work_at(20).await;
    assert_eq!(event(&mut lines, 27).await["status"], "RUNNING");

    cut(stack, &first).await;
    let reopened = async || records.connections(&id).await.into_iter().find(|connection| *connection != first);
    until("another socket is open", async || reopened().await.is_some()).await;
    // The first look at a new socket may find the first of these.
    let mut last = Value::Null;
    for (percent, progress) in [(40, 44), (60, 61), (80, 78)] {
        work_at(percent).await;
        last = event(&mut lines, progress).await;
    }
    assert!(last["revision"].is_u64(), "{last}: it came through the new socket");

    cut(stack, &reopened().await.unwrap()).await;
    jobs.advance(&job, JobEvent::Cancelled).await.unwrap();
    assert_eq!(event(&mut lines, 100).await["status"], "CANCELLED");
    let ended = watch.wait_with_output().await.unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap().as_str()), (Some(1), ""));
}
