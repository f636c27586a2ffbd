//! `smmu-local`: the one-machine cloud on the command line.

mod command;
mod guide;
mod terminal;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use smmu_local::{CloudOptions, LocalError, Port};

use terminal::show_step;

/// Runs Smart Media Uploader on this machine: no AWS account, no Docker, no network.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the cloud, print how to use it, and run until Ctrl-C.
    Up {
        /// Port of the API and of every AWS service, or `auto`.
        #[arg(long, default_value = "4566")]
        port: Port,
        /// Write the address, a token and the SDK's settings to this file, to be sourced in a shell.
        #[arg(long, value_name = "PATH")]
        env_file: Option<PathBuf>,
        #[command(flatten)]
        stack: Stack,
    },
    /// Start the cloud, upload media, download the outputs, and stop the cloud.
    Demo {
        /// A file, or a folder of files.
        #[arg(long, value_name = "PATH")]
        media: PathBuf,
        /// Folder for the outputs.
        #[arg(long, value_name = "DIR", default_value = "out")]
        out: PathBuf,
        #[command(flatten)]
        stack: Stack,
    },
    /// Start the cloud, run a command with `SMMU_API`, `SMMU_TOKEN` and the AWS variables set, and stop the cloud.
    Run {
        #[command(flatten)]
        stack: Stack,
        /// The command and its arguments.
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Print an access token for the cloud that `up` runs.
    Token {
        /// User that the token is for; created if necessary.
        #[arg(long, default_value = guide::USER)]
        user: String,
        /// Port of the running cloud.
        #[arg(long, default_value_t = 4566)]
        port: u16,
    },
}

/// Options of the deployment.
#[derive(Debug, Args)]
struct Stack {
    /// A parameter of template.yaml; can be repeated.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Stack {
    fn options(self, port: Port) -> Result<CloudOptions, LocalError> {
        Ok(CloudOptions {
            parameters: BTreeMap::from_iter(self.parameters),
            port,
            on_step: show_step,
            ..CloudOptions::for_workspace(root()?)
        })
    }
}

/// The workspace: the nearest parent folder with the template, starting from the current folder.
fn root() -> Result<PathBuf, LocalError> {
    let here =
        std::env::current_dir().map_err(|source| LocalError::Io { attempt: "find", path: ".".into(), source })?;
    let found = here.ancestors().find(|folder| folder.join("template.yaml").exists());
    found.map(PathBuf::from).ok_or_else(|| LocalError::Template {
        path: here.join("template.yaml"),
        problem: "no such file; run this inside the workspace".to_owned(),
    })
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return terminal::failed(&error),
    };
    let result = runtime.block_on(async {
        match cli.command {
            Command::Up { port, env_file, stack } => command::up(stack.options(port)?, env_file).await,
            // These need no fixed port, so they take a free one and never collide with a running cloud.
            Command::Demo { media, out, stack } => command::demo(stack.options(Port::Auto)?, &media, &out).await,
            Command::Run { stack, command } => command::run(stack.options(Port::Auto)?, &command).await,
            Command::Token { user, port } => command::token(&root()?, port, &user).await,
        }
    });
    result.unwrap_or_else(|error| terminal::failed(&error))
}
