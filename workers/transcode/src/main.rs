//! The transcode worker: `smmu-transcode job` as an ECS task, `smmu-transcode function` as a Lambda function,
//! `smmu-transcode file` for a local file.

mod file;
mod job;
mod make;

use clap::{Parser, Subcommand};
use smmu_media::file_mode;
use std::{path::PathBuf, process::ExitCode};

/// Makes renditions.
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
        /// The image, video or audio file.
        input: PathBuf,
        /// An empty or new folder for the outputs and their manifest.json.
        outdir: PathBuf,
        /// Output profile, in JSON; see docs/PROFILE.md.
        #[arg(long, value_name = "FILE")]
        profile: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().mode {
        Mode::Job => job::run(),
        Mode::Function => smmu_cloud::worker::run_function(),
        Mode::Check => job::check(),
        Mode::File { input, outdir, profile } => match smmu_cloud::worker::cancelled_by_signal() {
            Ok(cancelled) => file::run(&input, &outdir, profile.as_deref(), &cancelled),
            Err(error) => file_mode::try_again(&format!("cannot listen for signals: {error}")),
        },
    }
}
