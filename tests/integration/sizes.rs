//! Workers in the size that their state names.

use serde_json::Value;
use smmu_tests::{Caller, by_request, samples};

/// What a worker has logged of a job that it worked on, of the lines with this message.
fn logged(logs: &std::path::Path, job: &str, message: &str) -> Vec<Value> {
    let texts = logs.read_dir().unwrap().map(|log| std::fs::read_to_string(log.unwrap().path()).unwrap());
    let of_job = texts.filter(|text| text.contains(job) && !text.contains("ministack.services"));
    let lines = of_job.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    lines.filter(|line| line["message"] == message).collect()
}

#[tokio::test]
async fn a_worker_shares_with_its_child_the_memory_of_its_size_where_it_is_in_a_container() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(&samples::tagged_flac(), "audio/flac").await;
    let job = user.ended(&id).await;
    assert_eq!(job["status"], "COMPLETED", "{job}");
    let told = logged(&stack.cloud.logs_dir(), &id, "memory of a child");
    let [told] = &told[..] else { panic!("{told:?}") };
    let mib = told["mib"].as_u64().unwrap();
    // TranscodeMemory, less what the worker itself needs. A process has the machine's.
    let in_container = std::env::var("SMMU_IMAGE_TAG").is_ok_and(|tag| !tag.is_empty());
    assert!(if in_container { mib == 4096 - 256 } else { mib > 256 }, "{told}");
}
