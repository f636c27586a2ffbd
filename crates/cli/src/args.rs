//! The command line.

mod options;

pub use options::{AloneStep, AnyId, ChoiceArgs, Filter, Follow, Listed, LoginArgs, Notes, Token};

use crate::error::Error;
use clap::{Parser, Subcommand};
use clap_complete::Shell;
use reqwest::Url;
use smmu_core::JobId;
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes:
    0  every job completed (without --wait: every job was submitted and none has failed)
    1  a job FAILED or was CANCELLED (by somebody else than `smmu cancel`)
    2  the command line is wrong, or a FILE cannot be read
    3  the API or the store refused a request; the code is shown
    4  network or service trouble that outlasted the retries: worth running again
    5  an output could not be verified or written, or results could not be printed
  130  interrupted (Ctrl-C); jobs that were submitted go on
Where several apply, the first of 2, 3, 1, 5, 4: a 4 means that nothing else is wrong.";

/// Uploads media, follows their jobs and fetches what came of them.
#[derive(Parser)]
#[command(name = "smmu", version, about, after_help = EXIT_CODES)]
pub struct Cli {
    /// Address of the API, path prefix included
    #[arg(long, global = true, value_name = "URL", env = "SMMU_API", hide_env_values = true, value_parser = api_url)]
    pub api: Option<Url>,

    /// Bearer token; other users of this machine can see arguments, so better set the variable
    #[arg(long, global = true, value_name = "JWT", env = "SMMU_TOKEN", hide_env_values = true)]
    pub token: Option<Token>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Upload files and submit a job for each
    #[command(after_help = EXIT_CODES)]
    Upload {
        /// Files; of a folder, every file directly in it that is not hidden, by name
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Send each file in parts, as large ones are anyway; run again, it sends what is missing
        #[arg(long)]
        parts: bool,
        #[command(flatten)]
        /// What to note on the uploads.
        notes: Notes,
        #[command(flatten)]
        /// What to make.
        choice: ChoiceArgs,
        /// Do not send what you have sent before: follow its job instead
        #[arg(long)]
        dedup: bool,
        #[command(flatten)]
        /// What to do with the jobs.
        follow: Follow,
    },
    /// Show a job
    #[command(after_help = EXIT_CODES)]
    Job {
        /// The job, as `upload` showed it
        #[arg(value_name = "ID")]
        id: JobId,
        #[command(flatten)]
        /// What to do with the job.
        follow: Follow,
    },
    /// List your jobs or media, newest first
    #[command(after_help = EXIT_CODES)]
    List {
        /// What to list
        #[arg(value_enum, default_value = "jobs")]
        what: Listed,
        /// Which of them.
        #[command(flatten)]
        filter: Filter,
        /// Print one JSON document per entry and line, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Show a job or a media
    #[command(after_help = EXIT_CODES)]
    Show {
        /// The job or the media, as `upload` or `list` showed it
        #[arg(value_name = "ID")]
        id: AnyId,
        /// Print the API's document as JSON, without signed URLs, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Run a media again; what is there stays readable until the new job has completed
    #[command(after_help = EXIT_CODES)]
    Rerun {
        /// The media, or one of its jobs
        #[arg(value_name = "ID")]
        id: AnyId,
        #[command(flatten)]
        /// What to make.
        choice: ChoiceArgs,
        /// Run this step alone and add its outputs to what is there
        #[arg(long, value_name = "STEP", value_enum)]
        step: Option<AloneStep>,
        #[command(flatten)]
        /// What to do with the job.
        follow: Follow,
    },
    /// Cancel jobs; what was ready stays readable
    #[command(after_help = EXIT_CODES)]
    Cancel {
        /// The jobs, as `upload` or `list` showed them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<JobId>,
        /// Print one JSON document per job and line, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Delete uploads with their jobs and everything that was made of them; this cannot be undone
    #[command(after_help = EXIT_CODES)]
    Delete {
        /// The media, or their jobs
        #[arg(required = true, value_name = "ID")]
        ids: Vec<AnyId>,
        /// Print one JSON document per media and line, and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Take along or delete everything that you have
    #[command(after_help = EXIT_CODES)]
    Account {
        /// Which of both
        #[command(subcommand)]
        what: AccountCommand,
    },
    /// Sign in to the API, for this and later commands
    ///
    /// With a Cognito user pool you are asked for your password, which is not sent; with any other issuer you sign in in a
    /// browser. The tokens are kept in a file that only you can read, and renewed by themselves. `SMMU_TOKEN` comes first.
    #[command(after_help = EXIT_CODES)]
    Login(LoginArgs),
    /// Sign out: remove the tokens from this machine and have the issuer forget them
    #[command(after_help = EXIT_CODES)]
    Logout {
        /// Print a JSON document and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Show whether the API answers; needs no token
    Health {
        /// Print the answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// For operators: judge a stack's profiles before they are deployed; needs neither API nor token
    CheckProfiles {
        /// The profile of every upload, as the stack's parameter Profile
        #[arg(long, value_name = "JSON", default_value = "{}")]
        profile: String,
        /// Those that clients choose from, as the stack's parameter Profiles
        #[arg(long, value_name = "JSON", default_value = "{}")]
        profiles: String,
        /// Print the names that clients can choose as JSON and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Print what makes a shell complete this command, such as: smmu completions bash > ~/.local/share/bash-completion/completions/smmu
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// What to do with everything that a user has.
#[derive(Subcommand)]
pub enum AccountCommand {
    /// Write your media and jobs with links to all outputs, as JSON, into a new file
    Export {
        /// The file; its links are signed, so whoever has it can follow them for a while
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Print what was written as a JSON document and nothing else
        #[arg(long)]
        json: bool,
    },
    /// Delete all your uploads, jobs and outputs; this cannot be undone
    Delete {
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Print the API's answer as JSON and nothing else
        #[arg(long)]
        json: bool,
    },
}

impl Cli {
    /// The API's address, which every command needs.
    pub fn api(&self) -> Result<Url, Error> {
        self.api.clone().ok_or_else(|| Error::usage("the API's address is missing: give --api URL or set SMMU_API"))
    }

    /// The token that was handed in. An empty one counts as none.
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref().filter(|token| !token.secret().is_empty())
    }
}

fn api_url(text: &str) -> Result<Url, &'static str> {
    const EXPECTED: &str = "an http or https URL without user, query or fragment is expected";
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
