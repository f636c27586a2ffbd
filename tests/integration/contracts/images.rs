//! Functions with an image run as processes, without Docker.

use std::path::Path;

use reqwest::Client;
use serde_json::Value;

use super::cloud::contracts;

#[tokio::test]
async fn a_function_with_an_image_runs_its_command_in_a_warm_environment_with_a_folder_of_its_own() {
    let contracts = contracts().await;
    let url = format!("{}/room", contracts.cloud.address().api_url().expect("an API"));
    let client = Client::builder().no_proxy().build().expect("a client");
    let mut answers: Vec<Value> = Vec::new();
    for _ in 0..2 {
        answers.push(client.get(&url).send().await.expect("answers").json().await.expect("JSON"));
    }
    let [first, second] = &answers[..] else { panic!("two answers") };
    assert_eq!(first["said"], "it's an argument");
    assert_eq!(first, second, "the same process in the same folder");
    let room = Path::new(first["room"].as_str().expect("a path"));
    assert!(room.starts_with(contracts.cloud.run_dir()) && room.is_dir(), "{room:?}");
}
