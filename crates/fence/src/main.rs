//! `smmu-fence`: restricts itself, and then executes the program that reads an untrusted file.
//!
//! It needs no privileges, so it works in Fargate and in Lambda as well as on a laptop. Each part restricts the current
//! process; exec keeps all restrictions, and the program cannot lift any of them.

mod files;
mod limits;
mod system_calls;

use clap::{Args, Parser, Subcommand};
use limits::Limits;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use std::{
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// Runs a program that can access nothing on this machine but its own folder.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: the program's own; 125 if the fence cannot be set up; 127 if the program cannot start."
)]
struct Arguments {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Prints one line of JSON: which restrictions work here. Exits with 0 if system calls can be filtered, else 125.
    Check,
    /// Restricts this process and executes a program.
    Run(Run),
}

#[derive(Args)]
struct Run {
    /// Folder that the program can read and write.
    #[arg(long, value_name = "DIR")]
    room: PathBuf,
    /// File that the program can read; repeatable.
    #[arg(long, value_name = "FILE")]
    read: Vec<PathBuf>,
    #[command(flatten)]
    limits: Limits,
    /// Continue if system calls cannot be filtered.
    #[arg(long)]
    best_effort: bool,
    /// Path of the program, and its arguments.
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    command: Vec<PathBuf>,
}

/// Failure of this program itself, as in `env` and `timeout`.
const NO_FENCE: u8 = 125;
/// The program could not be started.
const NO_PROGRAM: u8 = 127;

/// The first descriptor after the three standard streams.
const FIRST_OTHER_DESCRIPTOR: i32 = 3;

fn main() -> ExitCode {
    // Until the filter is active, a process that can write to this one could make it use its remaining rights.
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        report(&format!("failed to protect this process from others: {error}"));
        return ExitCode::from(NO_FENCE);
    }
    match Arguments::parse().mode {
        Mode::Check => check(),
        Mode::Run(run) => {
            let (code, reason) = run.become_program();
            report(&reason);
            ExitCode::from(code)
        }
    }
}

/// Restricts this process, without any additional paths, and prints the result.
fn check() -> ExitCode {
    let files = files::restrict(&files::Access::default());
    let filtered = system_calls::restrict();
    let landlock = files.as_ref().map_or("failed", |enforcement| enforcement.name());
    // Standard output can be closed.
    let _ = writeln!(io::stdout(), "{}", serde_json::json!({ "seccomp": filtered.is_ok(), "landlock": landlock }));
    match files.and(filtered) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            report(&reason);
            ExitCode::from(NO_FENCE)
        }
    }
}

impl Run {
    /// Returns only on failure, with the exit code and the reason.
    fn become_program(self) -> (u8, String) {
        let [program, arguments @ ..] = self.command.as_slice() else { unreachable!("clap requires it") };
        if let Err(reason) = self.fence(program) {
            return (NO_FENCE, reason);
        }
        let error = Command::new(program).args(arguments).exec();
        (NO_PROGRAM, format!("failed to start {}: {error}", program.display()))
    }

    /// Restricts this process. The filter comes last, because it blocks the calls that set up the other restrictions.
    fn fence(&self, program: &Path) -> Result<(), String> {
        self.limits.apply()?;
        // Descriptors that our parent forgot to close.
        close_fds::set_fds_cloexec(FIRST_OTHER_DESCRIPTOR, &[]);
        let access = files::Access { room: Some(&self.room), read: &self.read, program: Some(program) };
        files::restrict(&access)?;
        match system_calls::restrict() {
            Err(_) if self.best_effort => Ok(()),
            done => done,
        }
    }
}

/// Prints an error with our own name, by which the worker knows that the program never ran.
fn report(reason: &str) {
    let _ = writeln!(io::stderr(), "smmu-fence: {reason}");
}
