//! Sizes of workers.

use serde_json::Value;
use smmu_tests::{Caller, by_request, samples};

/// Log lines of a job's worker with this message.
fn logged(logs: &std::path::Path, job: &str, message: &str) -> Vec<Value> {
    let texts = logs.read_dir().unwrap().map(|log| std::fs::read_to_string(log.unwrap().path()).unwrap());
    let of_job = texts.filter(|text| text.contains(job) && !text.contains("ministack.services"));
    let lines = of_job.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    lines.filter(|line| line["message"] == message).collect()
}

#[tokio::test]
async fn in_a_container_the_memory_limit_of_child_processes_follows_the_worker_size() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(&samples::tagged_flac(), "audio/flac").await;
    let job = user.ended(&id).await;
    assert_eq!(job["status"], "COMPLETED", "{job}");
    let told = logged(&stack.cloud.logs_dir(), &id, "memory limit of child processes");
    let [told] = &told[..] else { panic!("{told:?}") };
    let mib = told["mib"].as_u64().unwrap();
    // TranscodeMemory, less what the worker itself needs. Outside a container the machine's memory is the limit.
    let in_container = std::env::var("SMMU_IMAGE_TAG").is_ok_and(|tag| !tag.is_empty());
    assert!(if in_container { mib == 4096 - 256 } else { mib > 256 }, "{told}");
}
