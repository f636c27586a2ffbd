//! The commands of `smmu-local`.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use smmu_local::{Address, Cloud, CloudOptions, LocalError};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::guide::{self, USER};
use crate::terminal::{note, output};

/// Interval between checks of the emulator.
const POLL: Duration = Duration::from_millis(500);

/// How long a command can take to end after Ctrl-C before it gets SIGTERM.
const STOP_GRACE: Duration = Duration::from_secs(3);

/// Starts the cloud, prints how to use it, and runs until it is stopped.
pub(crate) async fn up(options: CloudOptions, env_file: Option<PathBuf>) -> Result<ExitCode, LocalError> {
    let mut stop = Stop::listen()?;
    let (root, port) = (options.root.clone(), options.port);
    let Some(mut cloud) = stop.or(Cloud::start(options)).await.transpose()? else { return Ok(stopped()) };
    let address = cloud.address();
    let token = address.token(USER).await?;
    if let Some(path) = env_file {
        write_env_file(&path, &environment(address, &token)?)?;
        note(&format!("✓ settings written to {}", path.display()));
    }
    let program = std::env::current_exe().unwrap_or_else(|_| "smmu-local".into());
    output(&guide::guide(&program, &root, port, &address.api_url()?));
    output(&guide::page(address));
    output("Stopping it deletes everything in it: files, jobs, users and their tokens. It starts empty.");
    output(&format!("Logs are in {}. Ctrl-C stops everything.", cloud.logs_dir().display()));
    while stop.or(tokio::time::sleep(POLL)).await.is_some() {
        cloud.check()?;
    }
    stop_now(cloud);
    Ok(ExitCode::SUCCESS)
}

/// Uploads media to the cloud with the client. Returns the client's exit code.
pub(crate) async fn demo(options: CloudOptions, media: &Path, out: &Path) -> Result<ExitCode, LocalError> {
    let client = options.binaries.join("smmu");
    if !client.exists() {
        return Err(LocalError::BinaryMissing(client));
    }
    let [client, media, out] = [&client, media, out].map(|path| path.display().to_string());
    let command = [client, "upload".to_owned(), "--wait".to_owned(), "--out".to_owned(), out, "--".to_owned(), media];
    run_with(options, &command, |address| note(&guide::page(address))).await
}

/// Runs a command with access to the cloud. Returns the command's exit code.
pub(crate) async fn run(options: CloudOptions, command: &[String]) -> Result<ExitCode, LocalError> {
    run_with(options, command, |_| ()).await
}

/// Like [`run`]; calls `first` before the command starts.
async fn run_with(
    options: CloudOptions,
    command: &[String],
    first: impl FnOnce(&Address),
) -> Result<ExitCode, LocalError> {
    let mut stop = Stop::listen()?;
    let Some(cloud) = stop.or(Cloud::start(options)).await.transpose()? else { return Ok(stopped()) };
    let token = cloud.address().token(USER).await?;
    first(cloud.address());
    let (program, arguments) = command.split_first().expect("clap requires at least one");
    let mut child = Command::new(program)
        .args(arguments)
        .envs(environment(cloud.address(), &token)?)
        .spawn()
        .map_err(|source| LocalError::Io { attempt: "start", path: program.into(), source })?;
    let status = loop {
        match stop.or(child.wait()).await {
            Some(status) => break status,
            // Ctrl-C in a terminal also reaches the command, which may need time to end.
            None => match tokio::time::timeout(STOP_GRACE, child.wait()).await {
                Ok(status) => break status,
                Err(_) => terminate(&child),
            },
        }
    };
    let status = status.map_err(|source| LocalError::Io { attempt: "wait for", path: program.into(), source })?;
    if !status.success() {
        note(&format!("The logs are in {}.", cloud.logs_dir().display()));
    }
    stop_now(cloud);
    Ok(exit_code(status))
}

/// Prints an access token for a running cloud.
pub(crate) async fn token(root: &Path, port: u16, user: &str) -> Result<ExitCode, LocalError> {
    let address = Address::of_running(&CloudOptions::for_workspace(root).state_dir, port)?;
    output(&address.token(user).await?);
    Ok(ExitCode::SUCCESS)
}

fn stop_now(cloud: Cloud) {
    let begun = Instant::now();
    drop(cloud);
    note(&format!("✓ local cloud stopped {:.1} s", begun.elapsed().as_secs_f32()));
}

/// The conventional exit code after SIGINT.
fn stopped() -> ExitCode {
    ExitCode::from(130)
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

fn terminate(child: &tokio::process::Child) {
    if let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
        // The process may have ended already.
        let _ = kill_process(pid, Signal::TERM);
    }
}

fn environment(address: &Address, token: &str) -> Result<Vec<(String, String)>, LocalError> {
    let own = [("SMMU_API".to_owned(), address.api_url()?), ("SMMU_TOKEN".to_owned(), token.to_owned())];
    Ok(own.into_iter().chain(address.environment()).collect())
}

/// Writes the file with mode 0600, because it contains a token.
fn write_env_file(path: &Path, environment: &[(String, String)]) -> Result<(), LocalError> {
    let lines: Vec<_> = environment.iter().map(|(name, value)| format!("export {name}='{value}'\n")).collect();
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(lines.concat().as_bytes())).map_err(|source| LocalError::Io {
        attempt: "write",
        path: path.to_owned(),
        source,
    })
}

/// Listens for Ctrl-C and SIGTERM, so that everything is stopped in order.
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    fn listen() -> Result<Self, LocalError> {
        let listen_for = |kind, name: &str| {
            signal(kind).map_err(|source| LocalError::Io { attempt: "listen for", path: name.into(), source })
        };
        Ok(Self {
            interrupt: listen_for(SignalKind::interrupt(), "SIGINT")?,
            terminate: listen_for(SignalKind::terminate(), "SIGTERM")?,
        })
    }

    /// The result of `work`, or `None` if a signal came first.
    async fn or<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            result = work => Some(result),
            _ = self.interrupt.recv() => None,
            _ = self.terminate.recv() => None,
        }
    }
}
