//! The command line.

use crate::error::Error;
use clap::{Args, Parser, Subcommand, ValueEnum};
use reqwest::Url;
use serde::Serialize;
use smmu_core::{JobId, Labels, MediaId};
use std::{collections::BTreeMap, convert::Infallible, fmt, path::PathBuf, str::FromStr};

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
        /// Send each file in parts, as those of 64 MiB or more are anyway; run again, it sends what is missing
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
    /// Show whether the API answers; needs no token
    Health {
        /// Print the answer as JSON
        #[arg(long)]
        json: bool,
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
    },
    /// Delete all your uploads, jobs and outputs; this cannot be undone
    Delete {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What to make, where that is not the service's usual.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct ChoiceArgs {
    /// Name of one of the service's profiles
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,

    /// Language that is spoken, such as en or pt-BR; otherwise it is detected
    #[arg(long, value_name = "TAG")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// A step that can be run on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AloneStep {
    /// Speech into text.
    Transcribe,
}

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Listed {
    /// Jobs.
    Jobs,
    /// Uploads.
    Media,
}

/// Which entries of a list to show.
#[derive(Debug, Args)]
pub struct Filter {
    /// Only those with this status, such as RUNNING or `AWAITING_UPLOAD`
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,

    /// Only those of this kind: image, video or audio
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,

    /// At most this many
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,

    /// All of them
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,

    /// Only those older than this id
    #[arg(long, value_name = "ID")]
    pub after: Option<AnyId>,
}

/// The id of a job or of a media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyId {
    /// A job.
    Job(JobId),
    /// A media.
    Media(MediaId),
}

impl FromStr for AnyId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let job = text.parse().map(Self::Job).ok();
        job.or_else(|| text.parse().map(Self::Media).ok()).ok_or("neither a job id (job_…) nor a media id (med_…)")
    }
}

impl fmt::Display for AnyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(id) => id.fmt(f),
            Self::Media(id) => id.fmt(f),
        }
    }
}

/// What to note on uploads; it comes back with the job.
#[derive(Args)]
pub struct Notes {
    /// Your own id of the upload; for a single FILE
    #[arg(long, value_name = "ID")]
    pub external_id: Option<String>,

    /// What else to note on each upload; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub metadata: Vec<(String, String)>,
}

impl Notes {
    /// What to note on each of so many files.
    pub fn labels(&self, files: usize) -> Result<Labels, Error> {
        if self.external_id.is_some() && files != 1 {
            return Err(Error::usage(format!("--external-id is for one file, and there are {files}")));
        }
        let metadata: BTreeMap<_, _> = self.metadata.iter().cloned().collect();
        if metadata.len() < self.metadata.len() {
            return Err(Error::usage("--metadata has a name twice"));
        }
        Labels::new(self.external_id.clone(), metadata).map_err(|error| Error::usage(error.to_string()))
    }
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is expected")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// What to do with a job that was found or made.
#[derive(Args)]
pub struct Follow {
    /// Wait until the job has ended
    #[arg(long)]
    pub wait: bool,

    /// Put the outputs of each completed job into DIR/STEM/; implies --wait
    ///
    /// STEM is the name of the file without its extension, or the id of a job. Each job gets a new
    /// folder: where one of that name is there, -2, -3 and so on is added.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Print one JSON document per job and line, as jobs end, and nothing else
    ///
    /// It is the API's job without its signed URLs, with `file`; where outputs were fetched, with
    /// the `path` of each; where something went wrong on the way, with a `problem` {code, detail,
    /// retryable}. A file without a job has `file` and `problem` alone.
    #[arg(long)]
    pub json: bool,
}

impl Follow {
    /// Whether to wait for the end of a job.
    #[must_use]
    pub fn to_the_end(&self) -> bool {
        self.wait || self.out.is_some()
    }
}

/// A bearer token. Never shown, not even by a debugger's `{:?}`.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The token itself, for the `Authorization` header alone.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    // Judged later: clap would show what it could not parse.
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.trim().to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Cli {
    /// The API's address, which every command needs.
    pub fn api(&self) -> Result<Url, Error> {
        self.api.clone().ok_or_else(|| Error::usage("the API's address is missing: give --api URL or set SMMU_API"))
    }

    /// The token, which every command but `health` needs. An empty one counts as none.
    pub fn token(&self) -> Result<&Token, Error> {
        self.token
            .as_ref()
            .filter(|token| !token.0.is_empty())
            .ok_or_else(|| Error::usage("a token is missing: set SMMU_TOKEN or give --token JWT"))
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
