//! The emulator as a child process: with a clean environment, in its own process group, and ended with its parent.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;

use crate::account::{ACCOUNT, REGION};
use crate::address::sdk_environment;
use crate::engine::{AS_ON_FARGATE, LABEL};
use crate::error::LocalError;
use crate::home::Home;
use crate::options::{CloudOptions, Image};

/// Far more than a start takes, for busy machines.
const READY_WITHIN: Duration = Duration::from_mins(1);
const STOP_GRACE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(50);
const TAIL_LINES: usize = 25;

/// The running emulator. Dropping this ends it, together with the Lambda processes that it started.
#[derive(Debug)]
pub(crate) struct Emulator {
    child: Child,
    log: PathBuf,
    /// The emulator ends when this pipe closes. The kernel closes it when this process ends, for any reason.
    _leash: Option<ChildStdin>,
}

impl Emulator {
    /// Starts the emulator on `port` and waits until it responds.
    pub(crate) async fn start(options: &CloudOptions, home: &Home, port: u16) -> Result<Self, LocalError> {
        let python = options.venv.join("bin/python");
        if !python.exists() {
            return Err(LocalError::VenvMissing(options.venv.clone()));
        }
        let log_path = home.logs().join("emulator.log");
        let log = File::create(&log_path).map_err(LocalError::io("make", &log_path))?;
        let errors = log.try_clone().map_err(LocalError::io("use", &log_path))?;
        let mut child = Command::new(&python)
            .arg(&options.launcher)
            .env_clear()
            .envs(environment(options, home, port))
            .current_dir(home.tmp())
            .stdin(Stdio::piped())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(LocalError::io("start", python))?;
        let leash = child.stdin.take();
        let mut emulator = Self { child, log: log_path, _leash: leash };
        emulator.ready(port).await?;
        Ok(emulator)
    }

    async fn ready(&mut self, port: u16) -> Result<(), LocalError> {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client without TLS settings can be built");
        let url = format!("http://127.0.0.1:{port}/_ministack/ready");
        let deadline = Instant::now() + READY_WITHIN;
        while Instant::now() < deadline {
            self.running()?;
            if client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        Err(LocalError::EmulatorSilent {
            seconds: READY_WITHIN.as_secs(),
            tail: tail(&self.log),
            log: self.log.clone(),
        })
    }

    /// Fails if the emulator has ended.
    pub(crate) fn running(&mut self) -> Result<(), LocalError> {
        match self.child.try_wait().map_err(LocalError::io("watch", &self.log))? {
            None => Ok(()),
            Some(status) => Err(LocalError::EmulatorEnded { status, tail: tail(&self.log), log: self.log.clone() }),
        }
    }

    /// The process ID. Functions are children of this process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn wait(&mut self, at_most: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + at_most;
        loop {
            match self.child.try_wait() {
                Ok(None) if Instant::now() < deadline => std::thread::sleep(POLL),
                result => return result.ok().flatten(),
            }
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else { return };
        // Only while the child is not reaped; after that, its process group id can belong to another process.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process_group(group, Signal::TERM);
            self.wait(STOP_GRACE);
        }
        // Lambda processes that ignored SIGTERM keep the group alive and its id reserved.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

/// The emulator's environment. It must not contain more, because the emulator passes all of it to Lambda functions.
fn environment(options: &CloudOptions, home: &Home, port: u16) -> Vec<(String, String)> {
    // SMMU_CALLS: a file to which the launcher writes the allowed calls of roles.
    let inherited = ["PATH", "LANG", "SMMU_CALLS"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)));
    let images = serde_json::to_string(&function_images(options, home)).expect("strings become JSON");
    let own = [
        // Not the user's home, so that their configuration does not reach functions.
        ("HOME", home.tmp().display().to_string()),
        ("TMPDIR", home.tmp().display().to_string()),
        ("PYTHONUNBUFFERED", "1".to_owned()),
        ("BIND_HOST", "127.0.0.1".to_owned()),
        ("GATEWAY_PORT", port.to_string()),
        ("IOT_MTLS_ENABLED", "0".to_owned()),
        ("SFTP_ENABLED", "0".to_owned()),
        // Enforce roles, resource policies and session tokens, as in an AWS account.
        ("AUTH", "true".to_owned()),
        ("LAMBDA_EXECUTOR", "local".to_owned()),
        ("DOCKER_HOST", format!("unix://{}", home.socket().display())),
        ("MINISTACK_REGION", REGION.to_owned()),
        ("MINISTACK_ACCOUNT_ID", ACCOUNT.to_owned()),
        ("SMMU_IMAGES", images),
    ];
    let quotas = [
        ("SMMU_FARGATE_VCPU", options.fargate_vcpu),
        ("SMMU_RUN_TASK_RATE", options.run_task_rate),
        ("SMMU_EXPRESS_SECONDS", options.express_seconds),
    ];
    let quotas = quotas.into_iter().filter_map(|(name, quota)| Some((name.to_owned(), quota?.to_string())));
    let faults = options
        .faults
        .iter()
        .map(|faults| ("SMMU_FAULTS".to_owned(), serde_json::to_string(faults).expect("numbers become JSON")));
    inherited
        .chain(own.map(|(name, value)| (name.to_owned(), value)))
        .chain(quotas)
        .chain(faults)
        .chain(sdk_environment(&format!("http://127.0.0.1:{port}")))
        .collect()
}

/// What runs in the place of the image of a function, by repository.
fn function_images(options: &CloudOptions, home: &Home) -> BTreeMap<String, serde_json::Value> {
    let of = |(name, image): (&String, &Image)| {
        let stand_in = match image {
            Image::Program(entry_point) => {
                json!({"command": entry_point, "environment": options.program_environment, "container": false})
            }
            Image::Container(image) => {
                let label = format!("--label={LABEL}={}", home.lock().display());
                // The runtime API and the emulator are on loopback, so the container shares this machine's network.
                let command =
                    [&["docker", "run"], &AS_ON_FARGATE[..], &["--network=host", &label, "ENVIRONMENT", image]];
                // Not the stand-in, which the emulator uses.
                let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
                json!({"command": command.concat(), "environment": {"DOCKER_HOST": host}, "container": true})
            }
        };
        (name.clone(), stand_in)
    };
    options.images.iter().map(of).collect()
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut lines = VecDeque::with_capacity(TAIL_LINES);
    for line in text.lines() {
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
    Vec::from(lines).join("\n")
}
