//! A profile that a client chooses by name reaches whoever makes the outputs, and stays what it was.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use smmu_tests::{Caller, by_itself, by_request, caller::init_request, samples};

/// The long edges of the pictures that a job made, each once.
fn edges(job: &Value) -> Vec<u64> {
    let outputs = job["outputs"].as_array().unwrap_or_else(|| panic!("{job}"));
    let mut edges: Vec<_> = outputs.iter().filter_map(|output| output["width"].as_u64()).collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

#[tokio::test]
async fn a_chosen_profile_is_what_the_function_and_the_worker_make() {
    // On one stack the function renders images, on the other one the worker.
    for stack in [by_itself(), by_request()] {
        let user = Caller::user(stack, "ada").await;
        let file = samples::png(331, 200);
        let mut wish = init_request(&file);
        wish["profile"] = "tiny".into();
        wish["language"] = "pt-BR".into();
        let upload = user.granted(wish.clone()).await;
        let id = user.send(&upload, &file).await;
        let job = user.ended(&id).await;
        assert_eq!(edges(&job), [64], "{}: {job}", stack.stage);
        for path in [format!("/jobs/{id}"), format!("/media/{}", upload.media_id)] {
            let found = user.call(Method::GET, &path, None).await.json();
            assert_eq!((&found["profile"], &found["language"]), (&json!("tiny"), &json!("pt")), "{path}");
        }

        // Another run keeps the choice, unless it has one of its own.
        let path = format!("/media/{}/jobs", upload.media_id);
        let again = user.call(Method::POST, &path, None).await.text_at("/jobId");
        assert_eq!(edges(&user.ended(&again).await), [64]);
        let usual = user.call(Method::POST, &path, Some(json!({"profile": "default"}))).await.text_at("/jobId");
        let job = user.ended(&usual).await;
        assert!(edges(&job).len() > 1 && job.get("profile").is_none() && job["language"] == "pt", "{job}");

        wish["profile"] = "huge".into();
        let refused = user.call(Method::POST, "/media/upload/init", Some(wish)).await;
        assert_eq!((refused.status, refused.text_at("/pointer")), (StatusCode::BAD_REQUEST, "/profile".to_owned()));
        assert_eq!(refused.text_at("/detail"), "must be one of: default, tiny");
    }
}
