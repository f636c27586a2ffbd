//! The local cloud keeps nothing when it is restarted at the same address.

use reqwest::{Method, StatusCode};
use smmu_local::{Deployer, Port};
use smmu_tests::{Caller, Stack, samples};
use tokio::runtime::Runtime;

/// A stack whose files are in `state`, at `port`.
fn stack(state: &std::path::Path, port: Port) -> Stack {
    let parameters =
        [("UploadTrigger", "disabled"), ("Transcription", "disabled"), ("Push", "disabled"), ("Web", "disabled")];
    Stack::deploy_into("dev", &parameters, |options| {
        (options.state_dir, options.port, options.deployer) = (state.to_owned(), port, Deployer::Own);
    })
}

async fn listed(user: &Caller, path: &str) -> usize {
    let answer = user.call(Method::GET, path, None).await;
    answer.json()[&path[1..]].as_array().unwrap_or_else(|| panic!("{answer:?}")).len()
}

#[test]
fn jobs_files_and_tokens_of_a_run_before_do_not_exist_in_the_next() {
    let state = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let file = samples::png(51, 52);

    let first = stack(state.path(), Port::Auto);
    let port: u16 = first.cloud.address().endpoint().rsplit(':').next().unwrap().parse().unwrap();
    let earlier = runtime.block_on(Caller::user(&first, "ada"));
    let token = runtime.block_on(first.token("ada"));
    let job = runtime.block_on(earlier.submit(&file, "image/png"));
    let ended = runtime.block_on(earlier.ended(&job));
    assert_eq!(ended["status"], "COMPLETED", "{ended}");
    let url = ended["outputs"][0]["url"].as_str().unwrap().to_owned();
    let mark = first.cloud.logs_dir().join("mark");
    std::fs::write(&mark, "").unwrap();
    drop(first);

    let second = stack(state.path(), Port::Fixed(port));
    assert!(!mark.exists(), "the logs are those of the second run");
    runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let api = second.cloud.address().api_url().unwrap();
        let refused = http.get(format!("{api}/jobs/{job}")).bearer_auth(token).send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "the token belongs to the first run");
        let user = Caller::user(&second, "ada").await;
        assert_eq!(user.job(&job).await.status, StatusCode::NOT_FOUND);
        assert_eq!((listed(&user, "/jobs").await, listed(&user, "/media").await), (0, 0));
        let gone = http.get(url).send().await.unwrap();
        assert!(gone.status().is_client_error(), "{gone:?}");
        // The same file again: it is not taken for the earlier upload, and its job runs.
        let again = user.submit(&file, "image/png").await;
        assert_ne!(again, job);
        assert_eq!(user.ended(&again).await["status"], "COMPLETED");
        assert_eq!(listed(&user, "/jobs").await, 1);
    });
}
