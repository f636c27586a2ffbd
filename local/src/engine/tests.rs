//! Tests the stand-in as a client of the Docker Engine API: over HTTP on the socket.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Engine, EngineConfig, Image};

struct Fixture {
    engine: Engine,
    client: Client,
    dir: TempDir,
}

/// A stand-in whose only image, `…-script-worker`, runs its command in a shell.
fn engine() -> Fixture {
    let dir = tempfile::tempdir().expect("a folder");
    let place = |name: &str| -> PathBuf {
        let path = dir.path().join(name);
        std::fs::create_dir(&path).expect("makes");
        path
    };
    let socket = dir.path().join("engine.sock");
    let config = EngineConfig {
        images: BTreeMap::from([(
            "script-worker".to_owned(),
            Image::Program(vec!["/bin/sh".to_owned(), "-c".to_owned()]),
        )]),
        environment: Vec::new(),
        program_environment: vec![("PATH".to_owned(), std::env::var("PATH").expect("a PATH"))],
        bridge: None,
        lock: dir.path().join("lock"),
        logs: place("logs"),
        tmp: place("tmp"),
    };
    let engine = Engine::start(socket.clone(), config).expect("starts");
    Fixture { engine, client: Client::builder().unix_socket(socket).build().expect("a client"), dir }
}

impl Fixture {
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = self.client.request(method, format!("http://engine{path}"));
        body.iter().fold(request, |request, body| request.json(body)).send().await.expect("answers")
    }

    async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await.json().await.expect("JSON")
    }

    /// Creates and starts a container that runs `script`.
    async fn run(&self, name: &str, script: &str) {
        let config = json!({"Image": "1.dkr.ecr.r.amazonaws.com/smmu-dev-script-worker:latest", "Cmd": [script],
            "Env": ["WHERE=http://host.docker.internal:1/"], "Labels": {"owner": name}, "HostConfig": {}});
        let created = self.call(Method::POST, &format!("/v1.44/containers/create?name={name}"), Some(config)).await;
        assert_eq!(created.status(), StatusCode::CREATED);
        let started = self.call(Method::POST, &format!("/v1.44/containers/{name}/start"), None).await;
        assert_eq!(started.status(), StatusCode::NO_CONTENT);
    }

    async fn exit_code(&self, name: &str) -> Value {
        let waited = self.call(Method::POST, &format!("/v1.44/containers/{name}/wait"), None).await;
        waited.json::<Value>().await.expect("JSON")["StatusCode"].clone()
    }

    /// The container's output, without the frames.
    async fn logs(&self, name: &str, query: &str) -> String {
        let answer = self.call(Method::GET, &format!("/v1.44/containers/{name}/logs?{query}"), None).await;
        let framed = answer.bytes().await.expect("a body");
        let mut rest = &framed[..];
        let mut text = Vec::new();
        while let [1, 0, 0, 0, a, b, c, d, payload @ ..] = rest {
            let (written, others) = payload.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
            text.extend_from_slice(written);
            rest = others;
        }
        assert!(rest.is_empty(), "only frames");
        String::from_utf8(text).expect("text")
    }
}

fn runs(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[tokio::test]
async fn the_exit_code_is_that_of_the_process_or_128_plus_the_signal() {
    let engine = engine();
    engine.run("three", "exit 3").await;
    engine.run("killed", "kill -KILL $$").await;
    assert_eq!(engine.exit_code("three").await, 3);
    assert_eq!(engine.exit_code("killed").await, 137);
    let state = engine.get("/v1.44/containers/three/json").await["State"].clone();
    assert_eq!((&state["Status"], &state["Running"], &state["ExitCode"]), (&json!("exited"), &json!(false), &json!(3)));
}

#[tokio::test]
async fn a_container_has_its_own_environment_and_a_temporary_private_folder() {
    let engine = engine();
    engine.run("env", "env | cut -d= -f1 | sort | tr '\\n' ' '; echo; pwd; echo $WHERE; touch left-over").await;
    engine.exit_code("env").await;
    let log = engine.logs("env", "").await;
    let private = engine.dir.path().join("tmp/env");
    // The shell itself sets PWD and OLDPWD.
    let expected = format!("PATH PWD TMPDIR WHERE \n{}\nhttp://127.0.0.1:1/\n", private.display());
    assert_eq!(log.replace("OLDPWD ", ""), expected);
    assert!(!private.exists());
}

#[tokio::test]
async fn stop_sends_sigterm_and_then_sigkill() {
    let engine = engine();
    engine.run("polite", "trap 'exit 4' TERM; while :; do sleep 0.1; done").await;
    engine.run("stubborn", "trap '' TERM; while :; do sleep 0.1; done").await;
    // Wait until the shells have set their traps; before that, the signal would end them.
    tokio::time::sleep(Duration::from_millis(500)).await;
    for name in ["polite", "stubborn"] {
        let stopped = engine.call(Method::POST, &format!("/v1.44/containers/{name}/stop?t=1"), None).await;
        assert_eq!(stopped.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(engine.exit_code("polite").await, 4);
    assert_eq!(engine.exit_code("stubborn").await, 137);
    let again = engine.call(Method::POST, "/v1.44/containers/polite/stop?t=1", None).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn logs_can_be_followed_to_the_end_or_cut_to_the_last_lines() {
    let engine = engine();
    engine.run("talker", "echo one; sleep 0.4; echo two >&2; echo three").await;
    assert_eq!(engine.logs("talker", "follow=1&stdout=1&stderr=1&tail=all").await, "one\ntwo\nthree\n");
    assert_eq!(engine.logs("talker", "follow=0&tail=2").await, "two\nthree\n");
}

#[tokio::test]
async fn lists_filter_by_state_and_label() {
    let engine = engine();
    engine.run("ended", ":").await;
    engine.exit_code("ended").await;
    engine.run("running", "sleep 60").await;
    let names = async |query: &str| -> Vec<String> {
        let found = engine.get(&format!("/v1.44/containers/json?{query}")).await;
        let name = |container: &Value| container["Names"][0].as_str().expect("a name").to_owned();
        let mut names: Vec<_> = found.as_array().expect("a list").iter().map(name).collect();
        names.sort();
        names
    };
    assert_eq!(names("all=0").await, ["/running"]);
    assert_eq!(names("all=1").await, ["/ended", "/running"]);
    assert_eq!(names(r#"all=1&filters={"label":["owner=ended"]}"#).await, ["/ended"]);
    assert_eq!(names(r#"all=1&filters={"label":["owner","absent"]}"#).await, [""; 0]);
}

#[tokio::test]
async fn a_running_container_is_removed_only_by_force() {
    let engine = engine();
    engine.run("busy", "sleep 60").await;
    let pid = engine.engine.workers()[0].pid;
    let refused = engine.call(Method::DELETE, "/v1.44/containers/busy", None).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT);
    assert!(runs(pid));
    let removed = engine.call(Method::DELETE, "/v1.44/containers/busy?force=True&v=True", None).await;
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    assert!(!runs(pid));
    let missing = engine.call(Method::GET, "/v1.44/containers/busy/json", None).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn unknown_images_paths_and_taken_names_are_rejected_with_a_message() {
    let engine = engine();
    let config = Some(json!({"Image": "postgres:16"}));
    let image = engine.call(Method::POST, "/v1.44/containers/create", config).await;
    assert_eq!(image.status(), StatusCode::NOT_FOUND);
    assert!(image.json::<Value>().await.expect("JSON")["message"].as_str().expect("words").contains("postgres:16"));
    let unknown = engine.call(Method::POST, "/v1.44/networks/create", None).await;
    assert_eq!(unknown.status(), StatusCode::NOT_IMPLEMENTED);
    engine.run("one", ":").await;
    let config = Some(json!({"Image": "x-script-worker", "Cmd": null}));
    let taken = engine.call(Method::POST, "/v1.44/containers/create?name=one", config).await;
    assert_eq!(taken.status(), StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_stopped_engine_leaves_no_process_even_if_sigterm_is_ignored() {
    let engine = engine();
    engine.run("stubborn", "trap '' TERM; sleep 60 & while :; do sleep 0.1; done").await;
    let workers = engine.engine.workers();
    let [worker] = workers.as_slice() else { panic!("one worker: {workers:?}") };
    assert!(runs(worker.pid) && worker.image.ends_with("script-worker:latest"));
    let begun = Instant::now();
    drop(engine.engine);
    assert!(!runs(worker.pid));
    assert!(begun.elapsed() < Duration::from_secs(5));
}
