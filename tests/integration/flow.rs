//! Paths of media through the state machine, and the capacity of their workers.

use aws_sdk_sfn::{
    Client as Sfn,
    types::{ExecutionStatus, HistoryEvent as Recorded},
};
use serde_json::Value;
use smmu_tests::{Caller, HistoryEvent, Stack, by_itself, by_request, samples, until, with_transcription};
use std::time::Duration;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../crates/core/fixtures/av/", $name)).as_slice()
    };
}

/// The detected kind of a file, and the history of its ended execution.
async fn journey(stack: &Stack, file: &[u8], content_type: &str) -> (Value, Vec<Recorded>) {
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(file, content_type).await;
    let job = user.ended(&id).await;
    let steps = Sfn::new(&stack.sdk);
    let arn = stack.execution_arn(&id);
    // A job can end before all workers of its execution have.
    while steps.describe_execution().execution_arn(&arn).send().await.unwrap().status == ExecutionStatus::Running {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut events = steps.get_execution_history().execution_arn(arn).into_paginator().items().send();
    let mut history = Vec::new();
    while let Some(event) = events.next().await {
        history.push(event.unwrap());
    }
    (job["kind"].clone(), history)
}

/// The state that follows the branch.
fn way(history: &[Recorded]) -> &str {
    let entered = history.iter().filter_map(|event| Some(event.state_entered_event_details()?.name()));
    entered.skip_while(|name| *name != "Branch").nth(1).expect("a branch was taken")
}

/// The ECS tasks that succeeded.
fn ecs_tasks(history: &[Recorded]) -> Vec<Value> {
    let outputs = history.iter().filter_map(|event| event.task_succeeded_event_details()?.output());
    let outputs = outputs.map(|output| serde_json::from_str::<Value>(output).expect("JSON"));
    outputs.filter(|output| output.get("TaskArn").is_some()).collect()
}

#[tokio::test]
async fn a_small_image_needs_no_standard_execution() {
    let stack = by_itself();
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(&samples::jpeg(60, 40), "image/jpeg").await;
    assert_eq!(user.ended(&id).await["kind"], "image");
    let mut entered = Vec::new();
    until("the run is logged", async || {
        entered = stack.history(&id).await.into_iter().filter(HistoryEvent::enters).map(|event| event.state).collect();
        entered.last().is_some_and(|last| last == "Completed")
    })
    .await;
    let expected =
        ["Begin", "ValidateInput", "DetectType", "Branch", "RenderImage", "MarkCompleted", "Outcome", "Completed"];
    assert_eq!(entered, expected);
    let described = Sfn::new(&stack.sdk).describe_execution().execution_arn(stack.execution_arn(&id)).send().await;
    assert!(described.is_err_and(|error| error.as_service_error().is_some_and(|e| e.is_execution_does_not_exist())));
}

#[tokio::test]
async fn sound_in_a_video_container_is_audio_and_starts_on_spot() {
    let (kind, history) = journey(by_request(), fixture!("sound.mp4"), "video/mp4").await;
    assert_eq!(kind, "audio");
    assert_eq!(way(&history), "Transcode");
    let [task] = &ecs_tasks(&history)[..] else { panic!("one worker is enough") };
    assert_eq!(task["CapacityProviderName"], "FARGATE_SPOT");
    assert_eq!((&task["Overrides"]["Cpu"], &task["Overrides"]["Memory"]), (&"2048".into(), &"4096".into()));
}

#[tokio::test]
async fn a_large_video_with_its_header_at_the_end_gets_a_large_worker() {
    let mut file = fixture!("moov-last.mp4").to_vec();
    let header = file.windows(4).position(|window| window == b"tkhd").expect("a track");
    // Width and height end the header, in pixels times 65536.
    file[header + 80..header + 84].copy_from_slice(&(3840_u32 << 16).to_be_bytes());
    file[header + 84..header + 88].copy_from_slice(&(2160_u32 << 16).to_be_bytes());
    let (kind, history) = journey(by_request(), &file, "video/mp4").await;
    assert_eq!(kind, "video");
    let [task] = &ecs_tasks(&history)[..] else { panic!("one worker is enough") };
    assert_eq!((&task["Overrides"]["Cpu"], &task["Overrides"]["Memory"]), (&"4096".into(), &"8192".into()));
}

#[tokio::test]
async fn only_media_with_sound_are_transcribed_if_configured() {
    let stack = with_transcription();
    let (_, history) = journey(stack, fixture!("sound.m4a"), "audio/m4a").await;
    assert_eq!(way(&history), "TranscodeAndTranscribe");
    let ran: Vec<_> = ecs_tasks(&history).iter().map(|task| task["TaskDefinitionArn"].to_string()).collect();
    for worker in ["transcode", "transcribe"] {
        let family = format!("/smmu-{}-{worker}:", stack.stage);
        assert!(ran.iter().any(|definition| definition.contains(&family)), "{family} is not in {ran:?}");
    }
    let (_, history) = journey(stack, fixture!("silent.mp4"), "video/mp4").await;
    assert_eq!(way(&history), "Transcode");
}
