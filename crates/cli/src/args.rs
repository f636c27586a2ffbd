//! The command line.

mod options;

pub use options::{AloneStep, AnyId, ChoiceArgs, Filter, Follow, Listed, LoginArgs, Notes, Token};

use crate::error::Error;
use clap::{Parser, Subcommand};
use clap_complete::Shell;
use reqwest::Url;
use smmu_core::{JobId, WebhookId};
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes:
    0  every job completed (without --wait: every job was submitted and none has failed)
    1  a job FAILED, or was CANCELLED other than by `smmu cancel`
    2  the command line is wrong, or a FILE cannot be read
    3  the API or the store refused a request; the code is shown
    4  the network or a service still failed after all retries: run again later
    5  an output could not be verified or written, or results could not be printed
  130  interrupted (Ctrl-C); submitted jobs continue
If several apply, the first of 2, 3, 1, 5, 4 is used: 4 means that no other error occurred.";

/// Uploads media, follows their jobs and downloads the outputs.
#[derive(Parser)]
#[command(name = "smmu", version, about, after_help = EXIT_CODES)]
pub struct Cli {
    /// Address of the API, including its path prefix
    #[arg(long, global = true, value_name = "URL", env = "SMMU_API", hide_env_values = true, value_parser = api_url)]
    pub api: Option<Url>,

    /// Bearer token; other users of this machine can see arguments, so prefer the variable
    #[arg(long, global = true, value_name = "JWT", env = "SMMU_TOKEN", hide_env_values = true)]
    pub token: Option<Token>,

    /// Command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// Commands.
#[derive(Subcommand)]
pub enum Command {
    /// Upload files and submit a job for each
    #[command(after_help = EXIT_CODES)]
    Upload {
        /// Files; a folder stands for the visible files directly in it, sorted by name
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Send every file in parts, not only large ones; running again sends only the missing parts
        #[arg(long)]
        parts: bool,
        #[command(flatten)]
        /// Labels of the uploads.
        notes: Notes,
        #[command(flatten)]
        /// Profile and options.
        choice: ChoiceArgs,
        /// Do not send files that you have uploaded before; follow their jobs instead
        #[arg(long)]
        dedup: bool,
        #[command(flatten)]
        /// Options for following the jobs.
        follow: Follow,
    },
    /// Show a job
    #[command(after_help = EXIT_CODES)]
    Job {
        /// Job id, as shown by `upload`
        #[arg(value_name = "ID")]
        id: JobId,
        #[command(flatten)]
        /// Options for following the job.
        follow: Follow,
    },
    /// Print a line for every change of jobs until they have ended
    #[command(after_help = EXIT_CODES)]
    Watch {
        /// Job ids, as shown by `upload`; without ids, watches all your jobs until interrupted
        #[arg(value_name = "ID")]
        ids: Vec<JobId>,
        /// Print one JSON document per change and line, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// List your jobs or media, newest first
    #[command(after_help = EXIT_CODES)]
    List {
        /// Kind of entries
        #[arg(value_enum, default_value = "jobs")]
        what: Listed,
        /// Filter of the entries.
        #[command(flatten)]
        filter: Filter,
        /// Print one JSON document per entry and line, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Show a job or a media
    #[command(after_help = EXIT_CODES)]
    Show {
        /// Job or media id, as shown by `upload` or `list`
        #[arg(value_name = "ID")]
        id: AnyId,
        /// Print the API's document as JSON, without signed URLs, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Run a media again; existing outputs stay readable until the new job has completed
    #[command(after_help = EXIT_CODES)]
    Rerun {
        /// Media id, or the id of one of its jobs
        #[arg(value_name = "ID")]
        id: AnyId,
        #[command(flatten)]
        /// Profile and options.
        choice: ChoiceArgs,
        /// Run only this step and add its outputs to the existing ones
        #[arg(long, value_name = "STEP", value_enum)]
        step: Option<AloneStep>,
        #[command(flatten)]
        /// Options for following the job.
        follow: Follow,
    },
    /// Cancel jobs; outputs that are ready stay readable
    #[command(after_help = EXIT_CODES)]
    Cancel {
        /// Job ids, as shown by `upload` or `list`
        #[arg(required = true, value_name = "ID")]
        ids: Vec<JobId>,
        /// Print one JSON document per job and line, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Delete uploads with their jobs and all outputs; this cannot be undone
    #[command(after_help = EXIT_CODES)]
    Delete {
        /// Media ids, or ids of their jobs
        #[arg(required = true, value_name = "ID")]
        ids: Vec<AnyId>,
        /// Print one JSON document per media and line, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Export or delete everything that you have
    #[command(after_help = EXIT_CODES)]
    Account {
        /// Command to run
        #[command(subcommand)]
        what: AccountCommand,
    },
    /// Manage webhooks, which notify a URL of yours when your jobs end
    #[command(after_help = EXIT_CODES)]
    Webhooks {
        /// Command to run
        #[command(subcommand)]
        what: WebhookCommand,
    },
    /// Sign in to the API, for this and later commands
    ///
    /// For a Cognito user pool, the password is asked for, but never sent. For any other issuer, you sign in in a
    /// browser. The tokens are stored in a file that only you can read, and renewed automatically. `SMMU_TOKEN` takes
    /// precedence.
    #[command(after_help = EXIT_CODES)]
    Login(LoginArgs),
    /// Sign out: delete the tokens from this machine and revoke them at the issuer
    #[command(after_help = EXIT_CODES)]
    Logout {
        /// Print a JSON document and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Check that the API responds; needs no token
    Health {
        /// Print the response as JSON
        #[arg(long)]
        json: bool,
    },
    /// For operators: validate a stack's profiles before a deployment; needs neither API nor token
    CheckProfiles {
        /// The stack's parameter Profile
        #[arg(long, value_name = "JSON", default_value = "{}")]
        profile: String,
        /// The stack's parameter Profiles
        #[arg(long, value_name = "JSON", default_value = "{}")]
        profiles: String,
        /// Print the names that clients can choose as JSON, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Print a completion script for a shell, for example: smmu completions bash >
    /// ~/.local/share/bash-completion/completions/smmu
    Completions {
        /// Shell
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// Commands of `smmu webhooks`.
#[derive(Subcommand)]
pub enum WebhookCommand {
    /// Create a webhook and print its signing secret, which is shown only once
    Add {
        /// Public https URL
        #[arg(value_name = "URL")]
        url: String,
        /// Description of the webhook
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// Print the API's document as JSON, secret included, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// List your webhooks and their last errors
    List {
        /// Print one JSON document per webhook and line, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Delete a webhook; nothing more is sent to it
    Delete {
        /// Webhook id, as shown by `list`
        #[arg(value_name = "ID")]
        id: WebhookId,
        /// Print a JSON document and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Rotate the secret of a webhook; the previous one also signs for a day
    Rotate {
        /// Webhook id, as shown by `list`
        #[arg(value_name = "ID")]
        id: WebhookId,
        /// Print the API's document as JSON, secret included, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Send the message about a job to a webhook again
    Replay {
        /// Webhook id, as shown by `list`
        #[arg(value_name = "ID")]
        id: WebhookId,
        /// Job id; the job must have ended
        #[arg(value_name = "JOB")]
        job: JobId,
        /// Print the API's response as JSON, and nothing else
        #[arg(long)]
        json: bool,
    },
}

/// Commands of `smmu account`.
#[derive(Subcommand)]
pub enum AccountCommand {
    /// Export your media and jobs, with links to all outputs, to a new JSON file
    Export {
        /// The file; anyone who has it can open its signed links until they expire
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print a summary as a JSON document, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Delete all your uploads, jobs and outputs; this cannot be undone
    Delete {
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
        /// Print the API's response as JSON, and nothing else
        #[arg(long)]
        json: bool,
    },
}

impl Cli {
    /// The API's address. Every command that calls the API needs it.
    pub fn api(&self) -> Result<Url, Error> {
        self.api.clone().ok_or_else(|| Error::usage("the API's address is missing: give --api URL or set SMMU_API"))
    }

    /// The token from the command line or the environment. An empty one counts as none.
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref().filter(|token| !token.secret().is_empty())
    }
}

fn api_url(text: &str) -> Result<Url, &'static str> {
    const EXPECTED: &str = "expected an http or https URL without user, query or fragment";
    let url = Url::parse(text.trim()).map_err(|_| EXPECTED)?;
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if plain && url.password().is_none() && matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(EXPECTED) }
}

#[cfg(test)]
mod tests {
    use super::{Cli, Command, api_url};
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn out_implies_waiting() {
        let cli = Cli::try_parse_from(["smmu", "upload", "a.jpg", "--out", "x"]).unwrap();
        let Command::Upload { follow, .. } = cli.command else { panic!("another command") };
        assert!(follow.to_the_end() && !follow.wait);
    }

    #[test]
    fn an_invalid_id_is_a_usage_error() {
        for command in ["job", "show"] {
            let refused = Cli::try_parse_from(["smmu", command, "../health"]).err().unwrap();
            assert_eq!(refused.exit_code(), 2, "{command}");
        }
    }

    #[test]
    fn an_api_address_is_http_and_carries_no_secret() {
        for good in ["http://127.0.0.1:4566/stage/v1", "https://a.example", "http://x.execute-api.localhost:4566/"] {
            assert!(api_url(good).is_ok(), "{good}");
        }
        for bad in ["", "a.example", "ftp://a.example", "http://u:p@a.example", "http://a.example/?x", "http://a/#x"] {
            assert!(api_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_does_not_show_in_debug_output() {
        let cli = Cli::try_parse_from(["smmu", "--token", "s3cr3t", "health"]).unwrap();
        assert!(!format!("{:?}", cli.token).contains("s3cr3t"));
    }
}
