//! An account in which there is hardly any room: jobs wait for it, say so, and are completed.

use aws_sdk_sfn::Client as Sfn;
use rustix::process::{Pid, Signal, kill_process};
use smmu_tests::{Caller, Stack, crowded, samples, until};
use std::collections::BTreeMap;

/// Why ECS tasks of a job were not started, by the error's name.
async fn refusals(stack: &Stack, job: &str) -> BTreeMap<String, String> {
    let arn = stack.execution_arn(job);
    let mut events = Sfn::new(&stack.sdk).get_execution_history().execution_arn(arn).into_paginator().items().send();
    let mut refusals = BTreeMap::new();
    while let Some(event) = events.next().await {
        if let Some(failed) = event.unwrap().task_failed_event_details {
            refusals.insert(failed.error.unwrap(), failed.cause.unwrap());
        }
    }
    refusals
}

#[tokio::test]
async fn a_job_without_room_for_its_worker_waits_and_is_completed_and_so_is_one_that_may_not_start_it_yet() {
    let stack = crowded();
    let user = Caller::user(stack, "ada").await;
    let first = user.submit(&samples::png(5000, 3000), "image/png").await;
    until("its worker runs", async || stack.worker_of(&first).is_some()).await;
    let holds_the_room = i32::try_from(stack.worker_of(&first).unwrap()).unwrap();
    let holds_the_room = Pid::from_raw(holds_the_room).unwrap();
    kill_process(holds_the_room, Signal::STOP).unwrap();
    let second = user.submit(&samples::png(64, 48), "image/png").await;
    // Spot and on demand are asked within the same second, of which the account may ask once.
    until("both refuse", async || refusals(stack, &second).await.len() == 2).await;
    let waits = user.job(&second).await.json();
    assert_eq!((&waits["status"], &waits["stage"]), (&"RUNNING".into(), &"waiting".into()), "{waits}");
    kill_process(holds_the_room, Signal::CONT).unwrap();
    for job in [&first, &second] {
        let job = user.ended(job).await;
        assert_eq!(job["status"], "COMPLETED", "{job}");
    }
    // No room, and too many calls: no worker has failed.
    let refusals = refusals(stack, &second).await;
    assert_eq!(refusals.keys().collect::<Vec<_>>(), ["AmazonECS.Unknown", "ECS.AmazonECSException"]);
    assert!(refusals["ECS.AmazonECSException"].contains("ThrottlingException"), "{refusals:?}");
}
