//! The transcribe worker: `smmu-transcribe job` as an ECS task, `smmu-transcribe function` as a Lambda function,
//! `smmu-transcribe file` for a local file.

mod file;
mod job;
mod model;

use clap::{Parser, Subcommand};
use file::Wanted;
use smmu_cloud::worker;
use smmu_media::file_mode;
use smmu_speech::environment;
use std::{path::PathBuf, process::ExitCode};

/// Turns speech into text.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 done, 2 usage, 3 input refused (one line of JSON on stderr), 4 transient failure: try again."
)]
struct Arguments {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Processes the job in `SMMU_EXECUTION_INPUT`.
    Job,
    /// Serves a Lambda function, which runs each job as a process of its own.
    Function,
    /// Checks that jobs can run here. Exit code 2 and a message if something is missing.
    Check,
    /// Processes a local file, without the cloud.
    File {
        /// The video or audio file.
        input: PathBuf,
        /// An empty or new folder for the outputs and their manifest.json.
        outdir: PathBuf,
        /// Folder with the model, as created by tools/speech-models.sh.
        #[arg(long, value_name = "DIR", env = model::FOLDER)]
        model: PathBuf,
        /// Transcription profile, in JSON; see docs/PROFILE.md.
        #[arg(long, value_name = "FILE")]
        profile: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = environment::settle() {
        file_mode::tell(&format!("speech recognition will be slower: {error}"));
    }
    match arguments.mode {
        Mode::Job => job::run(),
        Mode::Function => worker::run_function(),
        Mode::Check => job::check(),
        Mode::File { input, outdir, model, profile } => match worker::cancelled_by_signal() {
            Ok(cancelled) => {
                let profile = profile.as_deref();
                file::run(&Wanted { input: &input, outdir: &outdir, model: &model, profile }, &cancelled)
            }
            Err(error) => file_mode::try_again(&format!("cannot listen for signals: {error}")),
        },
    }
}
