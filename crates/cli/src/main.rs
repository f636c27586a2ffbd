//! `smmu`, the client of Smart Media Uploader. The library has the logic.

use clap::Parser;
use smmu_cli::{Cli, Exit, Show, run};
use std::{io, process::ExitCode};

fn main() -> ExitCode {
    // Usage errors end here, with code 2.
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("smmu: cannot start: {error}");
            return Exit::Trouble.into();
        }
    };
    let exit = runtime.block_on(async {
        let show = Show::on_stderr();
        let mut stdout = io::stdout();
        tokio::select! {
            exit = run(cli, &show, &mut stdout) => exit,
            Ok(()) = tokio::signal::ctrl_c() => {
                show.note("interrupted; submitted jobs continue without this client");
                Exit::Interrupted
            }
        }
    });
    // Do not wait for a file that is still being hashed.
    runtime.shutdown_background();
    exit.into()
}
