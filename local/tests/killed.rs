//! After `kill -9` of `smmu-local`, no process is left running, and the next start works.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A workspace with the template of the contract tests, in which every program is the same shell script.
fn workspace() -> TempDir {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let repository = here.parent().expect("in the workspace");
    let root = tempfile::tempdir().expect("a folder");
    let path = |name: &str| root.path().join(name);
    for file in fs::read_dir(repository.join("tests/integration/contracts")).expect("a folder") {
        let (file, name) = file.map(|file| (file.path(), file.file_name())).expect("reads");
        // The template, and every state machine that it names.
        if file.extension().is_some_and(|extension| extension == "yaml" || extension == "json") {
            fs::copy(file, root.path().join(name)).expect("copies");
        }
    }
    symlink(repository.join("local"), path("local")).expect("links");
    fs::create_dir_all(path("target/debug")).expect("makes");
    for program in ["function", "smmu-transcode", "smmu-transcribe"] {
        let program = path("target/debug").join(program);
        fs::write(&program, "#!/bin/sh\n[ \"$1\" = check ] || exec sleep 60\n").expect("writes");
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("makes it executable");
    }
    root
}

/// Starts `smmu-local up` and waits until it has printed the API's address. Returns the process and the port.
fn up(root: &Path, port: &str) -> (Child, u16) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("in the workspace");
    let venv = std::env::var_os("SMMU_VENV").map_or_else(|| repository.join(".local/venv"), Into::into);
    let mut cloud = Command::new(env!("CARGO_BIN_EXE_smmu-local"))
        .args(["up", "--port", port])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", root.join("target"))
        .env("SMMU_VENV", repository.join(venv))
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut said = BufReader::new(cloud.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let address = said.find_map(|line| Some(line.strip_prefix("The API is at http://127.0.0.1:")?.to_owned()));
    let address = address.expect("it prints the API's address; if not, its error is above");
    let (port, _) = address.split_once('/').expect("a port and a path");
    (cloud, port.parse().expect("a port"))
}

/// Starts a worker through the engine of the cloud on `port`. Returns its process id.
async fn worker(root: &Path, port: u16) -> u64 {
    let sockets = root.join(format!(".local/cloud-{port}/sockets"));
    let engine = Client::builder().unix_socket(sockets.join("engine.sock")).build().expect("a client");
    let url = |path: &str| format!("http://engine/v1.44/containers/{path}");
    let config = json!({"Image": "smmu-dev-transcode-worker:latest"});
    engine.post(url("create?name=long")).json(&config).send().await.expect("creates");
    engine.post(url("long/start")).send().await.expect("starts");
    let found: Value = engine.get(url("long/json")).send().await.expect("answers").json().await.expect("JSON");
    let pid = found["State"]["Pid"].as_u64().filter(|pid| *pid != 0).expect("it runs");
    // In its first milliseconds, the process has not yet requested the parent death signal.
    eventually("the worker's program runs", || command(pid).starts_with("sleep"));
    pid
}

fn command(pid: u64) -> String {
    let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&arguments).into_owned()
}

/// Returns whether a process is running and not a zombie.
fn runs(pid: u64) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 5 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test]
async fn a_killed_cloud_leaves_no_processes_and_the_next_starts_on_its_port() {
    let root = workspace();
    let (mut cloud, port) = up(root.path(), "auto");
    let worker = worker(root.path(), port).await;
    let sockets = fs::read_link(root.path().join(format!(".local/cloud-{port}/sockets"))).expect("a link");
    assert!(runs(worker) && sockets.exists());

    cloud.kill().expect("kills");
    cloud.wait().expect("has ended");
    eventually("the worker ends", || !runs(worker));
    eventually("the emulator ends", || TcpListener::bind(("127.0.0.1", port)).is_ok());

    let (mut next, same) = up(root.path(), &port.to_string());
    assert_eq!(same, port);
    assert!(!sockets.exists(), "the remains are removed");
    let pid = i32::try_from(next.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("interrupts");
    assert!(next.wait().expect("ends").success());
    assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "no process listens any more");
}
