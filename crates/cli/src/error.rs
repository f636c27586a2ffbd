//! Errors and exit codes. The exit code says who has to act.

use serde::Serialize;
use smmu_core::Status;
use std::{fmt, io, path::PathBuf, process::ExitCode};

/// Exit status of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every job completed, or was submitted without `--wait`.
    Done,
    /// A job failed or was cancelled.
    JobFailed,
    /// The command line is wrong, or a source file cannot be read.
    Usage,
    /// The API or the store refused a request; a retry would not help.
    Refused,
    /// Network or service failure after all retries.
    Trouble,
    /// An output could not be verified or written.
    NotSaved,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The numeric exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::JobFailed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Trouble => 4,
            Self::NotSaved => 5,
            // 128 plus the number of SIGINT, as in shells.
            Self::Interrupted => 130,
        }
    }

    /// The combined exit of two files. Errors that the user must fix outrank transient ones, so a script that sees
    /// [`Exit::Trouble`] knows that running again can succeed.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        const fn weight(exit: Exit) -> u8 {
            match exit {
                Exit::Done => 0,
                Exit::Trouble => 1,
                Exit::NotSaved => 2,
                Exit::JobFailed => 3,
                Exit::Refused => 4,
                Exit::Usage => 5,
                Exit::Interrupted => 6,
            }
        }
        if weight(other) > weight(self) { other } else { self }
    }

    /// The exit for a job with this status.
    #[must_use]
    pub const fn of(status: Status) -> Self {
        match status {
            Status::Queued | Status::Running | Status::Completed => Self::Done,
            Status::Failed | Status::Cancelled => Self::JobFailed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Invalid command line or setup.
    #[error("{0}")]
    Usage(String),
    /// A source file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        cause: io::Error,
    },
    /// The API or the store refused a request.
    #[error("refused: {0}")]
    Refused(Refused),
    /// A request failed after all retries.
    #[error("{0}")]
    Trouble(String),
    /// An output does not match its description in the job.
    #[error("output {name}: {what}")]
    Unverified {
        /// The output, as the job names it.
        name: String,
        /// The mismatch.
        what: String,
    },
    /// An output or a result cannot be written.
    #[error("cannot write {place}: {cause}")]
    Unwritable {
        /// The path or stream.
        place: String,
        /// Error of the operating system.
        cause: io::Error,
    },
}

/// A refusal, from RFC 9457 problem details or S3's XML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// HTTP status.
    pub status: u16,
    /// Stable code, for programs.
    pub code: String,
    /// For people.
    pub detail: String,
    /// The request field that is wrong, as a JSON pointer.
    pub pointer: Option<String>,
    /// Remedy for the user.
    pub remedy: Option<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (HTTP {}): {}", self.code, self.status, self.detail)?;
        self.pointer.iter().try_for_each(|pointer| write!(f, " [{pointer}]"))?;
        self.remedy.iter().try_for_each(|remedy| write!(f, ". {remedy}"))
    }
}

/// JSON form of an [`Error`], for `--json`.
#[derive(Debug, Serialize)]
pub struct ProblemView {
    code: String,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Error {
    /// An [`Error::Usage`].
    pub fn usage(what: impl Into<String>) -> Self {
        Self::Usage(what.into())
    }

    /// Adds the remedy to sign in again to an issuer's refusal of a session.
    #[must_use]
    pub fn until_login(self) -> Self {
        let remedy = "Run `smmu login` again.".to_owned();
        self.map_refused(|refused| Refused { remedy: Some(remedy), ..refused })
    }

    /// Applies `change` to a refusal; leaves other errors as they are.
    #[must_use]
    pub fn map_refused(self, change: impl FnOnce(Refused) -> Refused) -> Self {
        if let Self::Refused(refused) = self { Self::Refused(change(refused)) } else { self }
    }

    /// The exit status for this error.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Unreadable { .. } => Exit::Usage,
            Self::Refused(_) => Exit::Refused,
            Self::Trouble(_) => Exit::Trouble,
            Self::Unverified { .. } | Self::Unwritable { .. } => Exit::NotSaved,
        }
    }

    /// The JSON form.
    #[must_use]
    pub fn view(&self) -> ProblemView {
        let remedy = match self {
            Self::Refused(refused) => refused.remedy.clone(),
            Self::Usage(_)
            | Self::Unreadable { .. }
            | Self::Trouble(_)
            | Self::Unverified { .. }
            | Self::Unwritable { .. } => None,
        };
        let (code, detail, pointer, retryable) = match self {
            Self::Usage(_) => ("usage".to_owned(), self.to_string(), None, false),
            Self::Unreadable { .. } => ("file_unreadable".to_owned(), self.to_string(), None, false),
            Self::Refused(refused) => (refused.code.clone(), refused.detail.clone(), refused.pointer.clone(), false),
            Self::Trouble(_) => ("no_answer".to_owned(), self.to_string(), None, true),
            Self::Unverified { .. } => ("output_unverified".to_owned(), self.to_string(), None, true),
            Self::Unwritable { .. } => ("output_unwritable".to_owned(), self.to_string(), None, false),
        };
        ProblemView { code, detail, pointer, retryable, remedy }
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn trouble_is_reported_only_if_nothing_else_failed() {
        let worst = |exits: &[Exit]| exits.iter().copied().fold(Exit::Done, Exit::and);
        assert_eq!(worst(&[]), Exit::Done);
        assert_eq!(worst(&[Exit::Done, Exit::Trouble, Exit::Done]), Exit::Trouble);
        assert_eq!(worst(&[Exit::Trouble, Exit::NotSaved]), Exit::NotSaved);
        assert_eq!(worst(&[Exit::JobFailed, Exit::NotSaved, Exit::Trouble]), Exit::JobFailed);
        assert_eq!(worst(&[Exit::JobFailed, Exit::Refused]), Exit::Refused);
        assert_eq!(worst(&[Exit::Usage, Exit::Refused]), Exit::Usage);
    }
}
