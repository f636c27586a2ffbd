//! Groups of options, and the values that they take.

use crate::error::Error;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use smmu_core::{JobId, Labels, MediaId};
use std::{collections::BTreeMap, convert::Infallible, fmt, path::PathBuf, str::FromStr};

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

/// How to sign in.
#[derive(Args)]
pub struct LoginArgs {
    /// User of the pool; asked for where it is missing
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,

    /// Read the password from standard input, and a line each for what else is asked
    #[arg(long)]
    pub password_stdin: bool,

    /// Who signs the API's tokens; the API itself is asked otherwise
    #[arg(long, value_name = "URL", env = "SMMU_ISSUER", hide_env_values = true)]
    pub issuer: Option<String>,

    /// The issuer's client to sign in by; the API is asked otherwise
    #[arg(long, value_name = "ID", env = "SMMU_CLIENT_ID", hide_env_values = true)]
    pub client_id: Option<String>,

    /// What to ask the issuer for, in a browser
    #[arg(long, value_name = "SCOPES", default_value = "openid offline_access")]
    pub scope: String,

    /// For which API, where the issuer wants to be told in a browser
    #[arg(long, value_name = "ID")]
    pub audience: Option<String>,

    /// Print a JSON document and nothing else
    #[arg(long)]
    pub json: bool,

    /// Where a stand-in for Cognito is, as AWS's SDKs are told.
    #[arg(long, hide = true, env = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER")]
    pub cognito_endpoint: Option<String>,

    /// Where a stand-in for AWS is, as AWS's SDKs are told.
    #[arg(long, hide = true, env = "AWS_ENDPOINT_URL")]
    pub aws_endpoint: Option<String>,
}

/// A bearer token. Never shown, not even by a debugger's `{:?}`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl From<String> for Token {
    fn from(text: String) -> Self {
        Self(text)
    }
}

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
