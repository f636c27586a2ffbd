//! docs/openapi.json matches the deployed API, as checked by two programs that know only the document: schemathesis,
//! which calls every operation with valid and invalid requests and follows links, and a TypeScript client with
//! generated types.

use serde_json::{Value, json};
use smmu_tests::{Caller, Stack, by_itself, samples};
use std::{
    ffi::OsStr,
    io::Write,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::process::Command;

/// Time limit for either program on a slow machine.
const PATIENCE: Duration = Duration::from_mins(5);
const MISSING: &str = "run `tools/setup.sh test`, which installs it";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A folder with tools installed outside the checkout.
fn installed(variable: &str, otherwise: &str) -> PathBuf {
    let folder = std::env::var_os(variable).map_or_else(|| root().join(otherwise), PathBuf::from);
    assert!(folder.exists(), "{} is missing: {MISSING}", folder.display());
    folder
}

/// Runs a program to its end. Returns whether it succeeded, and its output.
async fn run(command: &mut Command) -> (bool, String, String) {
    let ran = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await.expect("it ends in time");
    let ran = ran.unwrap_or_else(|error| panic!("{command:?}: {error}: {MISSING}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ran.status.success(), text(&ran.stdout), text(&ran.stderr))
}

async fn with_access(command: &mut Command, stack: &Stack, user: &str) {
    command.env("SMMU_API", stack.cloud.address().api_url().unwrap()).env("SMMU_TOKEN", stack.token(user).await);
}

/// Runs schemathesis as a user with an image and a video, with this many examples per operation or chain.
async fn assert_every_request_matches(phases: &str, examples: &str, further: &[(&str, &str)]) {
    let stack = by_itself();
    let user = Caller::user(stack, "schemathesis").await;
    // Lists and links need existing media.
    for (file, content_type) in [(samples::png(20, 23), "image/png"), (samples::silent_clip(), "video/mp4")] {
        user.ended(&user.submit(&file, content_type).await).await;
    }
    let folder = root().join("openapi/schemathesis");
    let work = tempfile::tempdir().unwrap();
    let mut command = Command::new(installed("SMMU_SCHEMATHESIS", ".local/schemathesis").join("bin/schemathesis"));
    command.arg("--config-file").arg(folder.join("schemathesis.toml"));
    command.arg("run").arg(root().join("docs/openapi.json"));
    command.arg("--url").arg(stack.cloud.address().api_url().unwrap());
    command.arg("--header").arg(format!("Authorization: Bearer {}", stack.token("schemathesis").await));
    // A fixed seed, so every run sends the same requests.
    command.args(["--seed", "1", "--generation-database", "none", "--no-color"]);
    command.args(["--phases", phases, "--max-examples", examples]).envs(further.iter().copied());
    command.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", &folder).env("PYTHONDONTWRITEBYTECODE", "1");
    let (content, told, complaints) = run(command.current_dir(work.path())).await;
    assert!(content, "{told}\n{complaints}");
    let count = told.lines().find(|line| line.contains(" generated, ")).expect("it prints the number of cases");
    // Written directly to standard error, which the test runner does not capture.
    std::io::stderr().write_all(format!("schemathesis, {phases}:{count}\n").as_bytes()).unwrap();
}

#[tokio::test]
async fn every_request_matches_the_document() {
    assert_every_request_matches("examples,coverage,fuzzing", "15", &[]).await;
}

#[tokio::test]
async fn every_chain_of_links_matches_the_document() {
    assert_every_request_matches("stateful", "25", &[("SMMU_LINKS_ALONE", "1")]).await;
}

#[tokio::test]
async fn a_client_generated_from_the_document_compiles_and_uploads() {
    let stack = by_itself();
    let modules = installed("SMMU_CLIENT", ".local/client").join("node_modules");
    let work = tempfile::tempdir().unwrap();
    symlink(&modules, work.path().join("node_modules")).unwrap();
    for name in ["package.json", "tsconfig.json", "client.ts"] {
        std::fs::copy(root().join("openapi/client").join(name), work.path().join(name)).unwrap();
    }
    std::fs::write(work.path().join("photo.png"), samples::png(33, 22)).unwrap();
    let step = async |program: &OsStr, arguments: &[&OsStr]| {
        let mut command = Command::new(program);
        with_access(&mut command, stack, "tessa").await;
        let (content, told, complaints) = run(command.args(arguments).current_dir(work.path())).await;
        assert!(content, "{program:?}: {told}\n{complaints}");
        told
    };
    let tool = |name: &str| modules.join(".bin").join(name);
    let document = root().join("docs/openapi.json").canonicalize().unwrap();
    step(tool("openapi-typescript").as_os_str(), &[document.as_os_str(), "-o".as_ref(), "api.d.ts".as_ref()]).await;
    step(tool("tsc").as_os_str(), &["-p".as_ref(), ".".as_ref()]).await;
    let told = step("node".as_ref(), &["out/client.js".as_ref(), "photo.png".as_ref()]).await;
    let seen: Value = serde_json::from_str(&told).unwrap();
    let expected = json!({
        "status": "COMPLETED", "externalId": "typescript", "width": 33, "asPromised": true, "listed": true,
        "missing": "not_found",
    });
    assert_eq!(seen, expected);
}
