//! The transcribe worker: `smmu-transcribe job` as an ECS task, `smmu-transcribe file` on a plain file.

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
        /// The folder with the model, as tools/speech-models.sh makes them.
        #[arg(long, value_name = "DIR", env = model::FOLDER)]
        model: PathBuf,
        /// How to transcribe, in JSON; see docs/PROFILE.md.
        #[arg(long, value_name = "FILE")]
        profile: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Err(error) = environment::settle() {
        file_mode::tell(&format!("speech is recognised more slowly: {error}"));
    }
    match arguments.mode {
        Mode::Job => job::run(),
        Mode::Check => job::check(),
        Mode::File { input, outdir, model, profile } => match worker::cancelled_by_signal() {
            Ok(cancelled) => {
                let profile = profile.as_deref();
                file::run(&Wanted { input: &input, outdir: &outdir, model: &model, profile }, &cancelled)
            }
            Err(error) => file_mode::try_again(&format!("no signal can be heard: {error}")),
        },
    }
}
