//! An account with little capacity: jobs wait for it, show that they wait, and complete.

use rustix::process::{Pid, Signal, kill_process};
use smmu_tests::{Caller, HistoryEvent, Stack, crowded, samples, until};
use std::collections::BTreeMap;

/// Reasons why ECS tasks of a job did not start, by error name. None before its execution exists.
async fn refusals(stack: &Stack, job: &str) -> BTreeMap<String, String> {
    let failed = stack.history(job).await.into_iter().filter(HistoryEvent::fails_task);
    failed.map(|event| (event.error.unwrap(), event.cause.unwrap())).collect()
}

#[tokio::test]
async fn a_job_without_capacity_or_throttled_waits_and_completes() {
    let stack = crowded();
    let user = Caller::user(stack, "ada").await;
    let first = user.submit(&samples::png(5000, 3000), "image/png").await;
    until("its worker runs", async || stack.worker_of(&first).is_some()).await;
    let holds_the_room = i32::try_from(stack.worker_of(&first).unwrap()).unwrap();
    let holds_the_room = Pid::from_raw(holds_the_room).unwrap();
    kill_process(holds_the_room, Signal::STOP).unwrap();
    let second = user.submit(&samples::png(64, 48), "image/png").await;
    // Spot and on demand are tried within the same second, in which the account can start one task.
    until("both refuse", async || refusals(stack, &second).await.len() == 2).await;
    let waits = user.job(&second).await.json();
    assert_eq!((&waits["status"], &waits["stage"]), (&"RUNNING".into(), &"waiting".into()), "{waits}");
    assert_eq!(waits["queue"]["ahead"], 0, "{waits}");
    assert!(waits["queue"]["startsAt"].as_str().is_some_and(|at| at > waits["updatedAt"].as_str().unwrap()), "{waits}");
    kill_process(holds_the_room, Signal::CONT).unwrap();
    for job in [&first, &second] {
        let job = user.ended(job).await;
        assert_eq!(job["status"], "COMPLETED", "{job}");
    }
    // Lack of capacity and throttling: no worker has failed.
    let refusals = refusals(stack, &second).await;
    assert_eq!(refusals.keys().collect::<Vec<_>>(), ["AmazonECS.Unknown", "ECS.AmazonECSException"]);
    assert!(refusals["ECS.AmazonECSException"].contains("ThrottlingException"), "{refusals:?}");
}
