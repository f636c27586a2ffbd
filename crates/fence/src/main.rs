//! `smmu-fence`: restricts itself and becomes the program that reads a stranger's file.
//!
//! It needs no privilege, so that it holds in Fargate and in Lambda as on a laptop. Each part restricts this very
//! process; exec keeps all of it, and the program cannot take any of it back.

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

/// Starts a program that sees its room and nothing else of this machine.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit codes: those of the program; 125 if the fence cannot be set up, 127 if the program cannot be started."
)]
struct Arguments {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Says in one line of JSON what holds here: 0 if system calls can be filtered, 125 otherwise.
    Check,
    /// Becomes a program.
    Run(Run),
}

#[derive(Args)]
struct Run {
    /// The folder that the program may read and write.
    #[arg(long, value_name = "DIR")]
    room: PathBuf,
    /// A file that it may read.
    #[arg(long, value_name = "FILE")]
    read: Vec<PathBuf>,
    #[command(flatten)]
    limits: Limits,
    /// Go on where system calls cannot be filtered.
    #[arg(long)]
    best_effort: bool,
    /// The program, by its path, and its arguments.
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    command: Vec<PathBuf>,
}

/// As of `env` and `timeout`: what went wrong is this program's own affair.
const NO_FENCE: u8 = 125;
const NO_PROGRAM: u8 = 127;

/// The first descriptor that is not one of the three streams.
const FIRST_OF_OTHERS: i32 = 3;

fn main() -> ExitCode {
    // Until the filter holds, whoever could write to this process would have what it still has.
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        complain(&format!("failed to close this process to others: {error}"));
        return ExitCode::from(NO_FENCE);
    }
    match Arguments::parse().mode {
        Mode::Check => check(),
        Mode::Run(run) => {
            let (code, complaint) = run.become_program();
            complain(&complaint);
            ExitCode::from(code)
        }
    }
}

/// Fences this process in, with nothing to read, and says how that went.
fn check() -> ExitCode {
    let files = files::restrict(&files::Access::default());
    let filtered = system_calls::restrict();
    let landlock = files.as_ref().map_or("failed", |held| held.name());
    // Nobody may be there to read it.
    let _ = writeln!(io::stdout(), "{}", serde_json::json!({ "seccomp": filtered.is_ok(), "landlock": landlock }));
    match files.and(filtered) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            complain(&reason);
            ExitCode::from(NO_FENCE)
        }
    }
}

impl Run {
    /// Comes back only if it failed: with the exit code, and why.
    fn become_program(self) -> (u8, String) {
        let [program, arguments @ ..] = self.command.as_slice() else { unreachable!("clap requires it") };
        if let Err(reason) = self.fence(program) {
            return (NO_FENCE, reason);
        }
        let error = Command::new(program).args(arguments).exec();
        (NO_PROGRAM, format!("failed to start {}: {error}", program.display()))
    }

    /// The filter comes last: what sets up the rest is not among the calls that it lets through.
    fn fence(&self, program: &Path) -> Result<(), String> {
        self.limits.apply()?;
        // Whatever our own parent forgot to close.
        close_fds::set_fds_cloexec(FIRST_OF_OTHERS, &[]);
        let access = files::Access { room: Some(&self.room), read: &self.read, program: Some(program) };
        files::restrict(&access)?;
        match system_calls::restrict() {
            Err(_) if self.best_effort => Ok(()),
            done => done,
        }
    }
}

/// Under our own name, by which the worker knows that the program never ran.
fn complain(reason: &str) {
    let _ = writeln!(io::stderr(), "smmu-fence: {reason}");
}
