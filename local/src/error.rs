//! Errors of the one-machine cloud. Every message says what to do.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use smmu_core::with_causes;

/// An error of the one-machine cloud.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// Another program listens on the port.
    #[error("port {port} is in use{}. End that program, or choose another port: PORT=4600 make up",
        owner.as_ref().map(|owner| format!(" by {owner}")).unwrap_or_default())]
    PortInUse {
        /// The requested port.
        port: u16,
        /// The program that listens, if it can be determined.
        owner: Option<String>,
    },
    /// All ports in the range are taken.
    #[error("no free port between {first} and {last}; end some programs, or set a port with --port")]
    NoFreePort {
        /// The lowest port tried.
        first: u16,
        /// The highest port tried.
        last: u16,
    },
    /// Another one-machine cloud runs on this port.
    #[error(
        "another local cloud (process {pid}) uses port {port}; stop it with Ctrl-C, or choose another port: PORT=4600 make up"
    )]
    AlreadyRunning {
        /// The requested port.
        port: u16,
        /// Process id of the other cloud.
        pid: String,
    },
    /// No cloud runs on the port.
    #[error("no local cloud runs on port {port}: start one with `make up`")]
    NotRunning {
        /// The requested port.
        port: u16,
    },
    /// The Python environment with the emulator is missing.
    #[error("no Python environment at {0}: run `make setup`, or set SMMU_VENV to yours")]
    VenvMissing(PathBuf),
    /// A program of this workspace has not been built.
    #[error("{0} has not been built: run `make build`")]
    BinaryMissing(PathBuf),
    /// A worker cannot run any job because something is missing.
    #[error(
        "the {worker} cannot run: {lacking}. `make up` and `make demo` install and configure what is missing; \
         --parameter Transcription=disabled turns speech recognition off"
    )]
    WorkerLacks {
        /// Name of the worker, as in its image repository.
        worker: String,
        /// The worker's own message.
        lacking: String,
    },
    /// An image of this workspace has not been built.
    #[error("the container engine has no image {0}: run `make images`")]
    ImageMissing(String),
    /// The machine's own container engine cannot be used.
    #[error("containers cannot reach the cloud: {0}. Start a Docker engine on this machine")]
    Bridge(String),
    /// The program that deploys failed.
    #[error("{} failed ({status}). The end of its log, {}:\n{tail}", program.display(), log.display())]
    DeployFailed {
        /// The program.
        program: PathBuf,
        /// Exit status.
        status: ExitStatus,
        /// File with its output.
        log: PathBuf,
        /// The last lines of its output.
        tail: String,
    },
    /// The emulator ended.
    #[error("the emulator ended ({status}). The end of its log, {}:\n{tail}\nIf a module is missing, run `make setup`.", log.display())]
    EmulatorEnded {
        /// Exit status.
        status: ExitStatus,
        /// The emulator's log file.
        log: PathBuf,
        /// The last lines of its log.
        tail: String,
    },
    /// The emulator did not become ready.
    #[error("the emulator did not answer within {seconds} s. The end of its log, {}:\n{tail}\nTry again on a machine that is less busy.", log.display())]
    EmulatorSilent {
        /// How long it was given to start.
        seconds: u64,
        /// The emulator's log file.
        log: PathBuf,
        /// The last lines of its log.
        tail: String,
    },
    /// The stand-in for the container engine did not start.
    #[error("the stand-in for the container engine did not start")]
    Engine(#[source] io::Error),
    /// The template cannot be deployed.
    #[error("{}: {problem}", path.display())]
    Template {
        /// Path of the template.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The web page cannot be published.
    #[error("{}: {problem}", path.display())]
    Page {
        /// Path of the file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// CloudFormation failed to create the stack.
    #[error("the stack ended as {status}; correct the template. Failed resources, oldest first:\n{}", reasons.join("\n"))]
    StackFailed {
        /// The stack's status.
        status: String,
        /// The failed resources with their reasons, oldest first.
        reasons: Vec<String>,
    },
    /// The stack lacks a required output.
    #[error("the stack has no output {0}; add it to the template")]
    OutputMissing(&'static str),
    /// A call to the emulator failed.
    #[error("{call} failed: {cause}")]
    Call {
        /// AWS's name of the operation.
        call: &'static str,
        /// The service's answer, or what happened to the call.
        cause: String,
    },
    /// The file system or the operating system refused.
    #[error("cannot {attempt} {}", path.display())]
    Io {
        /// The attempted action, as a verb.
        attempt: &'static str,
        /// The file, or another name of the target.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
}

impl LocalError {
    /// Adds the action and path to an I/O error.
    pub(crate) fn io(attempt: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { attempt, path, source }
    }

    /// Adds the operation's name to an SDK error.
    pub(crate) fn call<E, R>(call: &'static str) -> impl FnOnce(SdkError<E, R>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
        R: std::fmt::Debug + 'static,
    {
        move |error| {
            let cause = match (error.code(), error.message()) {
                (Some(code), Some(message)) => format!("{code}: {message}"),
                // Not a response of the service; the causes say what happened to the call.
                _ => with_causes(&error),
            };
            Self::Call { call, cause }
        }
    }
}
