//! What can go wrong with the one-machine cloud. Every message says what to do.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

/// Why the one-machine cloud could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// Somebody else listens on the port.
    #[error("port {port} is in use{}. End that program, or choose another port: PORT=4600 make up",
        owner.as_ref().map(|owner| format!(" by {owner}")).unwrap_or_default())]
    PortInUse {
        /// The port that was asked for.
        port: u16,
        /// The program that holds it, where the system tells us.
        owner: Option<String>,
    },
    /// Every port that was tried was taken.
    #[error("no free port between {first} and {last}; end some programs, or name a port with --port")]
    NoFreePort {
        /// The lowest port tried.
        first: u16,
        /// The highest port tried.
        last: u16,
    },
    /// Another one-machine cloud runs on this port.
    #[error(
        "another local cloud (process {pid}) has the port {port}; stop it with Ctrl-C, or choose another: PORT=4600 make up"
    )]
    AlreadyRunning {
        /// The port that was asked for.
        port: u16,
        /// The process that runs the other cloud.
        pid: String,
    },
    /// No cloud runs that could be asked for a token.
    #[error("no local cloud runs on port {port}: start one with `make up`")]
    NotRunning {
        /// The port that was asked for.
        port: u16,
    },
    /// The Python environment with the emulator is missing.
    #[error("there is no Python environment at {0}: run `make setup`, or set SMMU_VENV to yours")]
    VenvMissing(PathBuf),
    /// A program of this workspace has not been built.
    #[error("{0} has not been built: run `make build`")]
    BinaryMissing(PathBuf),
    /// A worker could not work on any job here.
    #[error(
        "the {worker} cannot work here: {lacking}. `make up` and `make demo` install what is missing and name it to the worker; \
         --parameter Transcription=disabled does without speech"
    )]
    WorkerLacks {
        /// The worker, as its repository is called.
        worker: String,
        /// What it said.
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
        /// How it ended.
        status: ExitStatus,
        /// What it printed.
        log: PathBuf,
        /// The last lines of that.
        tail: String,
    },
    /// The emulator ended.
    #[error("the emulator ended ({status}). The end of its log, {}:\n{tail}\nIf a module is missing, run `make setup`.", log.display())]
    EmulatorEnded {
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The last lines of its log.
        tail: String,
    },
    /// The emulator did not become ready.
    #[error("the emulator did not answer within {seconds} s. The end of its log, {}:\n{tail}\nTry again on a machine that is less busy.", log.display())]
    EmulatorSilent {
        /// How long we waited.
        seconds: u64,
        /// Its log.
        log: PathBuf,
        /// The last lines of its log.
        tail: String,
    },
    /// The stand-in for the container engine did not start.
    #[error("the stand-in for the container engine did not start")]
    Engine(#[source] io::Error),
    /// The template cannot be deployed as it stands.
    #[error("{}: {fault}", path.display())]
    Template {
        /// The template.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// CloudFormation gave up on the stack.
    #[error("the stack ended as {status}; correct the template. What failed first:\n{}", reasons.join("\n"))]
    StackFailed {
        /// The stack's status.
        status: String,
        /// The failed resources with their reasons, oldest first.
        reasons: Vec<String>,
    },
    /// The stack lacks an output that this needs.
    #[error("the stack has no output {0}; its template must have it")]
    OutputMissing(&'static str),
    /// A call to the emulator failed.
    #[error("{call} failed: {cause}")]
    Call {
        /// The operation, as AWS names it.
        call: &'static str,
        /// What was answered.
        cause: String,
    },
    /// The file system or the operating system refused.
    #[error("cannot {attempt} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl LocalError {
    /// Gives a failed operation on `path` its name.
    pub(crate) fn io(attempt: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { attempt, path, source }
    }

    /// Gives a failed call of an AWS operation its name.
    pub(crate) fn call<E, R>(call: &'static str) -> impl FnOnce(SdkError<E, R>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
        R: std::fmt::Debug + 'static,
    {
        move |error| {
            let cause = match (error.code(), error.message()) {
                (Some(code), Some(message)) => format!("{code}: {message}"),
                // Not an answer of the service; the chain of causes tells what happened to the call.
                _ => DisplayErrorContext(&error).to_string(),
            };
            Self::Call { call, cause }
        }
    }
}
