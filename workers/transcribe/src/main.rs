//! The transcribe worker: `smmu-transcribe job` as an ECS task, `smmu-transcribe file` on a plain file.
//!
//! No recogniser is linked yet: every input is refused by name, the same way in both modes.

use clap::{Parser, Subcommand};
use smmu_cloud::{MakeError, Workbench, worker};
use smmu_core::{ErrorCode, Refusal, Stage};
use std::{io::Write, path::PathBuf, process::ExitCode};

/// Turns speech into text.
#[derive(Parser)]
#[command(version, after_help = "Exit codes: 0 done, 2 usage, 3 input refused, 4 a fault worth retrying.")]
struct Arguments {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Works on the job in `SMMU_EXECUTION_INPUT`.
    Job,
    /// Works on a file, without a cloud.
    File {
        /// The file.
        input: PathBuf,
        /// An empty or new folder for the outputs.
        outdir: PathBuf,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().mode {
        Mode::Job => {
            worker::run_job(Stage::Transcribe, async |_, _| Ok(|_: Workbench<'_>| Err(MakeError::Refused(refusal()))))
        }
        Mode::File { input, .. } if !input.is_file() => {
            tell(&format!("{} is no file", input.display()));
            ExitCode::from(2)
        }
        Mode::File { .. } => {
            let line = serde_json::to_string(&refusal()).expect("a refusal is plain strings");
            tell(&line);
            ExitCode::from(3)
        }
    }
}

/// Without stderr there is nobody to tell; the exit code still says it.
fn tell(message: &str) {
    let _unheard = writeln!(std::io::stderr(), "{message}");
}

fn refusal() -> Refusal {
    Refusal::new(ErrorCode::UnsupportedMedia, "speech is not transcribed yet")
}
