//! The upload snippets in docs/API.md work unchanged: each sends a file and starts its job.

use smmu_tests::{Caller, by_request, samples};
use std::{fs, process::Stdio};
use tokio::process::Command;

const PAGE: &str = include_str!("../../docs/API.md");

/// The snippet of a language in the section about the upload.
fn snippet(language: &str) -> &'static str {
    let (_, section) = PAGE.split_once("\n## The upload\n").expect("the page has the section");
    let (_, rest) = section.split_once(&format!("```{language}\n")).expect("the section has the language");
    rest.split_once("```").expect("the snippet ends").0
}

#[tokio::test]
async fn the_snippets_of_the_api_page_upload_a_file() {
    let user = Caller::user(by_request(), "snippets").await;
    for (language, program, before) in [
        ("sh", &["bash", "-euo", "pipefail", "-c"][..], String::new()),
        (
            "js",
            &["node", "--input-type=module", "-e"],
            "import { readFileSync } from 'node:fs';
             const { upload } = JSON.parse(readFileSync('grant.json'));
             const file = new Blob([readFileSync('photo.jpg')]);\n"
                .to_owned(),
        ),
        ("python", &["python3", "-c"], "import json\nupload = json.load(open('grant.json'))['upload']\n".to_owned()),
    ] {
        let desk = tempfile::tempdir().unwrap();
        let file = samples::png(30, u32::try_from(program.len()).unwrap() + 30);
        let upload = user.init(&file, "image/png").await;
        fs::write(desk.path().join("photo.jpg"), &file).unwrap();
        fs::write(desk.path().join("grant.json"), serde_json::json!({ "upload": upload.request }).to_string()).unwrap();
        let script = before + snippet(language);
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg(script).current_dir(desk.path()).stdin(Stdio::null());
        let ended = command.env("no_proxy", "127.0.0.1,localhost").output().await.unwrap();
        assert!(ended.status.success(), "{language}: {}", String::from_utf8_lossy(&ended.stderr));
        let completed = user.complete(&upload.media_id).await;
        assert_eq!(completed.status, 202, "{language}: {}", completed.text);
    }
    for untried in ["swift", "kotlin", "java"] {
        assert!(snippet(untried).contains("upload.url"), "{untried}");
    }
}
