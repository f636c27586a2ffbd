//! The transcode worker: `smmu-transcode job` as an ECS task, `smmu-transcode file` on a plain file.

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
    after_help = "Exit codes: 0 done, 2 usage, 3 input refused (one line of JSON on stderr), 4 a fault worth retrying."
)]
struct Arguments {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Works on the job in `SMMU_EXECUTION_INPUT`.
    Job,
    /// Says what a job would lack here, if anything: 0 when it lacks nothing, 2 otherwise.
    Check,
    /// Works on a file, without a cloud.
    File {
        /// The file.
        input: PathBuf,
        /// An empty or new folder for the outputs and their manifest.json.
        outdir: PathBuf,
        /// What to make, in JSON; see docs/PROFILE.md.
        #[arg(long, value_name = "FILE")]
        profile: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().mode {
        Mode::Job => job::run(),
        Mode::Check => job::check(),
        Mode::File { input, outdir, profile } => match smmu_cloud::worker::cancelled_by_signal() {
            Ok(cancelled) => file::run(&input, &outdir, profile.as_deref(), &cancelled),
            Err(error) => file_mode::try_again(&format!("no signal can be heard: {error}")),
        },
    }
}
