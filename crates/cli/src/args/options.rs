//! Groups of options, and their value types.

use crate::error::Error;
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use smmu_core::{JobId, Labels, MediaId};
use std::{collections::BTreeMap, convert::Infallible, fmt, path::PathBuf, str::FromStr};

/// Options that differ from the service's defaults.
#[derive(Debug, Clone, Default, Args, Serialize)]
pub struct ChoiceArgs {
    /// Name of a profile that the service offers
    #[arg(long, value_name = "NAME")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,

    /// Spoken language, such as en or pt-BR; detected if omitted
    #[arg(long, value_name = "TAG")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// A step that can be run on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AloneStep {
    /// Transcribes speech.
    Transcribe,
}

/// Kinds of entries that can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Listed {
    /// Jobs.
    Jobs,
    /// Uploads.
    Media,
}

/// Filter of a list.
#[derive(Debug, Args)]
pub struct Filter {
    /// Only entries with this status, such as RUNNING or `AWAITING_UPLOAD`
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,

    /// Only entries of this kind: image, video or audio
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,

    /// Most entries to show
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,

    /// Show all entries
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,

    /// Only entries older than this id
    #[arg(long, value_name = "ID")]
    pub after: Option<AnyId>,
}

/// A job id or a media id.
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

/// Labels of uploads, which are returned with the jobs.
#[derive(Args)]
pub struct Notes {
    /// Id of the upload in your own records; only for a single FILE
    #[arg(long, value_name = "ID")]
    pub external_id: Option<String>,

    /// Label of each upload; can be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub metadata: Vec<(String, String)>,
}

impl Notes {
    /// The labels for this number of files.
    pub fn labels(&self, files: usize) -> Result<Labels, Error> {
        if self.external_id.is_some() && files != 1 {
            return Err(Error::usage(format!("--external-id needs exactly one file; {files} were given")));
        }
        let metadata: BTreeMap<_, _> = self.metadata.iter().cloned().collect();
        if metadata.len() < self.metadata.len() {
            return Err(Error::usage("--metadata contains a name twice"));
        }
        Labels::new(self.external_id.clone(), metadata).map_err(|error| Error::usage(error.to_string()))
    }
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Options for following a job.
#[derive(Args)]
pub struct Follow {
    /// Wait until the job has ended
    #[arg(long)]
    pub wait: bool,

    /// Save the outputs of each completed job in DIR/STEM/; implies --wait
    ///
    /// STEM is the file's name without its extension, or the job id. Each job gets a new folder: if one with that name
    /// exists, -2, -3 and so on is appended.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Print one JSON document per job and line, as jobs end, and nothing else
    ///
    /// The document is the API's job without signed URLs, plus `file`; outputs that were downloaded have a `path`. If
    /// an error occurred, it has a `problem` {code, detail, retryable}. For a file without a job, it has only `file`
    /// and `problem`.
    #[arg(long)]
    pub json: bool,
}

impl Follow {
    /// Returns whether to wait until the job has ended.
    #[must_use]
    pub fn to_the_end(&self) -> bool {
        self.wait || self.out.is_some()
    }
}

/// Options for signing in.
#[derive(Args)]
pub struct LoginArgs {
    /// User of the pool; asked for if omitted
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,

    /// Read the password from standard input, followed by one line for each further question
    #[arg(long)]
    pub password_stdin: bool,

    /// Issuer of the API's tokens; from the API if omitted
    #[arg(long, value_name = "URL", env = "SMMU_ISSUER", hide_env_values = true)]
    pub issuer: Option<String>,

    /// Client id at the issuer; from the API if omitted
    #[arg(long, value_name = "ID", env = "SMMU_CLIENT_ID", hide_env_values = true)]
    pub client_id: Option<String>,

    /// Scopes to request in a browser
    #[arg(long, value_name = "SCOPES", default_value = "openid offline_access")]
    pub scope: String,

    /// Audience to request in a browser, if the issuer needs one
    #[arg(long, value_name = "ID")]
    pub audience: Option<String>,

    /// Print a JSON document and nothing else
    #[arg(long)]
    pub json: bool,

    /// Endpoint of a stand-in for Cognito; the variable is that of the AWS SDKs.
    #[arg(long, hide = true, env = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER")]
    pub cognito_endpoint: Option<String>,

    /// Endpoint of a stand-in for AWS; the variable is that of the AWS SDKs.
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
    /// The token, only for the `Authorization` header.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    // Parsing never fails and the token is checked later, since clap would print an invalid value.
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
