//! The web page in a real browser, on the deployed stack: the journeys of web/tests/page.mjs.

use serde_json::json;
use smmu_tests::{Stack, samples, with_transcription};
use std::{fs, path::Path, time::Duration};
use tokio::process::Command;

/// Time limit for all journeys, generous for slow machines.
const PATIENCE: Duration = Duration::from_mins(15);

/// Settings of the journeys: two users, files, and who serves the outputs.
async fn settings(stack: &Stack, folder: &Path) -> serde_json::Value {
    let file = |name: &str, content: Vec<u8>| {
        fs::write(folder.join(name), content).unwrap();
        folder.join(name)
    };
    // Asking for a token gives the user the password.
    stack.token("page-reader").await;
    json!({
        "owner": stack.token("page-owner").await,
        "other": stack.token("page-other").await,
        "photo": file("photo.jpg", samples::jpeg(2400, 1600)),
        "video": file("video.mov", samples::spoken_portrait_clip(720, 1280, samples::SENTENCES)),
        "audio": file("recording.wav", samples::spoken(samples::SENTENCES)),
        "word": "summer",
        "signIn": { "user": "page-reader", "password": stack.cloud.address().password() },
        "cdn": { "domain": stack.output("CdnDomainName"), "endpoint": stack.cloud.address().endpoint() },
    })
}

#[tokio::test]
async fn people_upload_watch_and_find_their_media_on_the_page() {
    let stack = with_transcription();
    let url = stack.cloud.address().page_url().expect("the page is built: run `tools/web.sh build`, which needs npm");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    fs::write(&config, settings(stack, folder.path()).await.to_string()).unwrap();
    let screenshots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
    let mut node = Command::new("node");
    node.args(["tests/page.mjs", &url]).arg(&config).arg(&screenshots).current_dir(web).kill_on_drop(true);
    let run = tokio::time::timeout(PATIENCE, node.output()).await.expect("the journeys end in time").unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    println!("{said}screenshots: {}", screenshots.display());
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
}
