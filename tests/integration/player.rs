//! A real player, in a real browser, plays what was made of a video: through the API, with its token and CORS.

use image::RgbImage;
use serde_json::{Value, json};
use smmu_tests::{Caller, Stack, samples, with_transcription};
use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::process::Command;

const SENTENCE: &str = "Nobody has to read this sentence, since everybody can hear it.";
/// How long the browser may take on a slow machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// Plays a playlist in the browser; what tests/player/play.mjs saw, and the screenshot that it took.
async fn played(stack: &Stack, user: &str, playlist: &str) -> (Value, RgbImage) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let modules = std::env::var_os("SMMU_PLAYER").map_or_else(|| folder.join("../.local/player"), PathBuf::from);
    let missing = "run `tools/setup.sh test`, which installs Chromium, Node.js and the modules of tests/player";
    assert!(modules.join("node_modules").exists(), "{} is not there: {missing}", modules.display());
    let screenshot = Path::new(env!("CARGO_TARGET_TMPDIR")).join("player.png");
    let mut node = Command::new("node");
    node.arg(folder.join("player/play.mjs")).arg(playlist).arg(&screenshot).current_dir(modules);
    node.env("SMMU_TOKEN", stack.token(user).await).kill_on_drop(true);
    node.stdin(Stdio::from(OwnedFd::from(stack.page.try_clone().unwrap())));
    let run = tokio::time::timeout(PATIENCE, node.output()).await.expect("the browser ends in time");
    let run = run.unwrap_or_else(|error| panic!("node: {error}: {missing}"));
    let complaints = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{complaints}");
    (serde_json::from_slice(&run.stdout).unwrap(), image::open(screenshot).unwrap().into_rgb8())
}

/// Whether the middle of a row of a picture has about this colour: colours lose something on their way.
fn is_about(picture: &RgbImage, row: u32, wanted: [u8; 3]) -> bool {
    let found = picture.get_pixel(picture.width() / 2, row);
    found.0.iter().zip(wanted).all(|(found, wanted)| found.abs_diff(wanted) < 40)
}

#[tokio::test]
async fn a_browser_plays_every_rung_of_a_video_upright_and_shows_its_captions() {
    let stack = with_transcription();
    let user = Caller::user(stack, "ada").await;
    let id = user.submit(&samples::spoken_portrait_clip(480, 854, SENTENCE), "video/quicktime").await;
    let job = user.ended(&id).await;
    assert_eq!(job["status"], "COMPLETED", "{job}");

    let api = stack.cloud.address().api_url().unwrap();
    let (seen, picture) = played(stack, "ada", &format!("{api}/jobs/{id}/playback/master.m3u8")).await;

    let sizes: Vec<_> =
        seen["shown"].as_array().unwrap().iter().map(|size| [&size["width"], &size["height"]]).collect();
    assert_eq!(sizes, [[360, 640], [480, 854]], "{seen}");
    assert_eq!(seen["hasAudio"], true, "{seen}");
    assert_eq!(seen["captions"], json!([{ "name": "English", "lang": "en" }]), "{seen}");
    let cues: Vec<_> = seen["cues"].as_array().unwrap().iter().map(|cue| cue["text"].as_str().unwrap()).collect();
    assert!(cues.join(" ").to_lowercase().contains("sentence"), "{cues:?}");
    assert!((seen["firstSegment"].as_f64().unwrap() - 6.0).abs() < 0.1, "{seen}");
    assert!((seen["endedAt"].as_f64().unwrap() - 7.0).abs() < 0.2, "{seen}");
    assert!(seen["requestsWithToken"].as_u64().unwrap() >= 4, "the master and three media playlists: {seen}");

    assert!(picture.height() > picture.width(), "it is upright");
    assert!(is_about(&picture, picture.height() / 20, samples::ORANGE), "orange is at the top");
    // Below its edge and above the captions.
    assert!(is_about(&picture, picture.height() * 91 / 100, samples::BLUE), "blue is at the bottom");
}
