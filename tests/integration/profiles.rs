//! A profile chosen by name reaches the function and the workers, and is kept for further runs.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use smmu_tests::{Caller, by_itself, by_request, caller::init_request, samples};

/// The distinct long edges of a job's images.
fn edges(job: &Value) -> Vec<u64> {
    let outputs = job["outputs"].as_array().unwrap_or_else(|| panic!("{job}"));
    let mut edges: Vec<_> = outputs.iter().filter_map(|output| output["width"].as_u64()).collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

#[tokio::test]
async fn function_and_worker_use_the_chosen_profile() {
    // One stack renders images in the function, the other in the worker.
    for stack in [by_itself(), by_request()] {
        let user = Caller::user(stack, "ada").await;
        let file = samples::png(331, 200);
        let mut request_body = init_request(&file);
        request_body["profile"] = "tiny".into();
        request_body["language"] = "pt-BR".into();
        let upload = user.granted(request_body.clone()).await;
        let id = user.send(&upload, &file).await;
        let job = user.ended(&id).await;
        assert_eq!(edges(&job), [64], "{}: {job}", stack.stage);
        for path in [format!("/jobs/{id}"), format!("/media/{}", upload.media_id)] {
            let found = user.call(Method::GET, &path, None).await.json();
            assert_eq!((&found["profile"], &found["language"]), (&json!("tiny"), &json!("pt")), "{path}");
        }

        // A rerun keeps the choice unless it makes its own.
        let path = format!("/media/{}/jobs", upload.media_id);
        let again = user.call(Method::POST, &path, None).await.text_at("/jobId");
        assert_eq!(edges(&user.ended(&again).await), [64]);
        let usual = user.call(Method::POST, &path, Some(json!({"profile": "default"}))).await.text_at("/jobId");
        let job = user.ended(&usual).await;
        assert!(edges(&job).len() > 1 && job.get("profile").is_none() && job["language"] == "pt", "{job}");

        request_body["profile"] = "huge".into();
        let refused = user.call(Method::POST, "/media/upload/init", Some(request_body)).await;
        assert_eq!((refused.status, refused.text_at("/pointer")), (StatusCode::BAD_REQUEST, "/profile".to_owned()));
        assert_eq!(refused.text_at("/detail"), "must be one of: default, tiny");
    }
}
