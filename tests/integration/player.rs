//! A real player in a real browser plays a video's outputs, through the API with token and CORS, and by `CloudFront`.

use image::RgbImage;
use serde_json::{Value, json};
use smmu_tests::{Caller, Stack, samples, with_transcription};
use std::{
    ffi::OsStr,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};
use tokio::process::Command;

const SENTENCE: &str = "Nobody has to read this sentence, since everybody can hear it.";
/// Time limit for the browser, generous for slow machines.
const PATIENCE: Duration = Duration::from_mins(3);

/// Runs a script of tests/player in the browser, on a page whose origin the stack allows, or on another.
async fn browser(stack: &Stack, user: &str, script: &str, arguments: &[&OsStr], allowed: bool) -> Output {
    let variables = [("SMMU_API", stack.cloud.address().api_url().unwrap()), ("SMMU_TOKEN", stack.token(user).await)];
    browser_with(stack, &variables, script, arguments, allowed).await
}

/// Like [`browser`], with these environment variables and no other token.
async fn browser_with(
    stack: &Stack,
    variables: &[(&str, String)],
    script: &str,
    arguments: &[&OsStr],
    allowed: bool,
) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = std::env::var_os("SMMU_PLAYER").map_or_else(|| folder.join("../.local/player"), PathBuf::from);
    let missing = "run `tools/setup.sh test`, which installs Chromium, Node.js and the modules of tests/player";
    assert!(modules.join("node_modules").exists(), "{} is missing: {missing}", modules.display());
    let mut node = Command::new("node");
    node.arg(folder.join("player").join(script)).args(arguments).current_dir(modules).kill_on_drop(true);
    node.env_remove("SMMU_TOKEN").envs(variables.iter().map(|(name, value)| (name, value)));
    node.stdin(if allowed { Stdio::from(OwnedFd::from(stack.page.try_clone().unwrap())) } else { Stdio::null() });
    let run = tokio::time::timeout(PATIENCE, node.output()).await.expect("the browser ends in time");
    run.unwrap_or_else(|error| panic!("node: {error}: {missing}"))
}

/// Parses the JSON that a script printed.
fn seen(ran: &Output) -> Value {
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

/// Uploads content from a page; returns what the page observed and the media's id.
async fn uploaded(stack: &Stack, user: &str, content: &[u8], content_type: &str, allowed: bool) -> (Value, String) {
    let upload = Caller::user(stack, user).await.init(content, content_type).await;
    let folder = tempfile::tempdir().unwrap();
    let [file, grant] = ["file", "grant.json"].map(|name| folder.path().join(name));
    std::fs::write(&file, content).unwrap();
    std::fs::write(&grant, json!({ "mediaId": upload.media_id, "upload": upload.request }).to_string()).unwrap();
    let ran = browser(stack, user, "upload.mjs", &[file.as_ref(), grant.as_ref()], allowed).await;
    (seen(&ran), upload.media_id)
}

/// Returns whether the middle of a row has about this colour: encoding is lossy.
fn is_about(picture: &RgbImage, row: u32, wanted: [u8; 3]) -> bool {
    let found = picture.get_pixel(picture.width() / 2, row);
    found.0.iter().zip(wanted).all(|(found, wanted)| found.abs_diff(wanted) < 40)
}

#[tokio::test]
async fn a_page_uploads_a_video_and_plays_every_rung_upright_with_captions() {
    let stack = with_transcription();
    let user = Caller::user(stack, "ada").await;
    let clip = samples::spoken_portrait_clip(480, 854, SENTENCE);
    let (learned, media) = uploaded(stack, "ada", &clip, "video/quicktime", true).await;
    assert_eq!([&learned["init"]["status"], &learned["put"]["status"]], [201, 200], "{learned}");
    assert!(learned["put"]["etag"].is_string(), "the bucket exposes it: {learned}");
    assert_eq!(learned["complete"]["status"], 202, "{learned}");
    let id = media.replace("med_", "job_");
    let job = user.ended(&id).await;
    assert_eq!(job["status"], "COMPLETED", "{job}");

    let api = stack.cloud.address().api_url().unwrap();
    let playlist = format!("{api}/jobs/{id}/playback/master.m3u8");
    let screenshot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("player.png");
    let arguments = [OsStr::new(&playlist), screenshot.as_os_str()];
    let presigned = seen(&browser(stack, "ada", "play.mjs", &arguments, true).await);
    assert_played(&presigned, &screenshot);
    assert!(presigned["requestsWithToken"].as_u64().unwrap() >= 4, "the master and three media playlists: {presigned}");

    // The same page from an origin that is not allowed.
    let ran = browser(stack, "ada", "play.mjs", &arguments, false).await;
    assert_refused(&ran);

    // By CloudFront, with only the URL.
    let address = playback_url(&job, "master.m3u8");
    let arguments = [OsStr::new(address), screenshot.as_os_str()];
    let cdn = [("SMMU_CDN", stack.cloud.address().endpoint().to_owned())];
    std::fs::remove_file(&screenshot).unwrap();
    let by_cdn = seen(&browser_with(stack, &cdn, "play.mjs", &arguments, true).await);
    assert_played(&by_cdn, &screenshot);
    assert_eq!([&by_cdn["requestsWithToken"], &by_cdn["elsewhere"]], [&json!(0), &json!([])], "{by_cdn}");
    assert_refused(&browser_with(stack, &cdn, "play.mjs", &arguments, false).await);
}

/// The `playbackUrl` of a job's output.
fn playback_url<'a>(job: &'a Value, name: &str) -> &'a str {
    let output = job["outputs"].as_array().unwrap().iter().find(|output| output["name"] == name);
    output
        .and_then(|output| output["playbackUrl"].as_str())
        .unwrap_or_else(|| panic!("no playback URL of {name}: {job}"))
}

/// Asserts that a page could not open the playlist.
fn assert_refused(ran: &Output) {
    let complaints = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.status.success() && complaints.contains("manifestLoadError"), "{complaints}");
}

/// Asserts that every rung was played to its end, upright and with captions.
fn assert_played(seen: &Value, screenshot: &Path) {
    let picture = image::open(screenshot).unwrap().into_rgb8();
    let sizes: Vec<_> =
        seen["shown"].as_array().unwrap().iter().map(|size| [&size["width"], &size["height"]]).collect();
    assert_eq!(sizes, [[360, 640], [480, 854]], "{seen}");
    assert_eq!(seen["hasAudio"], true, "{seen}");
    assert_eq!(seen["captions"], json!([{ "name": "English", "lang": "en" }]), "{seen}");
    let cues: Vec<_> = seen["cues"].as_array().unwrap().iter().map(|cue| cue["text"].as_str().unwrap()).collect();
    assert!(cues.join(" ").to_lowercase().contains("sentence"), "{cues:?}");
    assert!((seen["firstSegment"].as_f64().unwrap() - 2.0).abs() < 0.1, "{seen}");
    assert!((seen["endedAt"].as_f64().unwrap() - 7.0).abs() < 0.2, "{seen}");
    assert!(picture.height() > picture.width(), "it is upright");
    assert!(is_about(&picture, picture.height() / 20, samples::ORANGE), "orange is at the top");
    // Below its edge and above the captions.
    assert!(is_about(&picture, picture.height() * 91 / 100, samples::BLUE), "blue is at the bottom");
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_uploads_nothing() {
    let stack = with_transcription();
    let (learned, media) = uploaded(stack, "ada", &samples::png(33, 22), "image/png", false).await;
    for request in ["init", "put", "complete"] {
        assert_eq!(learned[request]["refused"], "Failed to fetch", "{request}: {learned}");
    }
    let completed = Caller::user(stack, "ada").await.complete(&media).await;
    assert!(completed.status.is_client_error(), "nothing was uploaded: {}", completed.text);
}
