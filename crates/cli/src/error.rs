//! What can go wrong, and the exit code that says who acts.

use serde::Serialize;
use smmu_core::Status;
use std::{fmt, io, path::PathBuf, process::ExitCode};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every job completed, or was submitted where nobody waited.
    Done,
    /// A job failed or was cancelled.
    JobFailed,
    /// The command line is wrong, or a source file cannot be read.
    Usage,
    /// The API or the store refused a request for good.
    Refused,
    /// Network or service trouble that outlasted the retries.
    Trouble,
    /// An output could not be verified or written.
    NotSaved,
    /// Ctrl-C.
    Interrupted,
}

impl Exit {
    /// The number that scripts see.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::JobFailed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Trouble => 4,
            Self::NotSaved => 5,
            // 128 and the number of SIGINT, as shells have it.
            Self::Interrupted => 130,
        }
    }

    /// The one exit of two files. What the user must change comes before what passes by itself, so
    /// that a script which sees [`Exit::Trouble`] knows that running again can make all good.
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

    /// What the status of a job means for the program that asked for it.
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

/// Why a file's journey ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line cannot be followed.
    #[error("{0}")]
    Usage(String),
    /// A source file cannot be read.
    #[error("cannot read {}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The API or the store refused a request.
    #[error("refused: {0}")]
    Refused(Refused),
    /// A request did not get through, again and again.
    #[error("{0}")]
    Trouble(String),
    /// An output is not what the job says it is.
    #[error("output {name}: {what}")]
    Unverified {
        /// The output, as the job names it.
        name: String,
        /// What does not fit.
        what: String,
    },
    /// An output or a result cannot be written.
    #[error("cannot write {place}: {cause}")]
    Unwritable {
        /// Where to.
        place: String,
        /// What the system said.
        cause: io::Error,
    },
}

/// A refusal, as RFC 9457 problem details or as S3's XML tell it.
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
    /// What to do about it.
    pub remedy: Option<String>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (HTTP {}): {}", self.code, self.status, self.detail)?;
        self.pointer.iter().try_for_each(|pointer| write!(f, " [{pointer}]"))?;
        self.remedy.iter().try_for_each(|remedy| write!(f, ". {remedy}"))
    }
}

/// An [`Error`] as `--json` shows it.
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
    /// A command line that cannot be followed.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::Usage(what.into())
    }

    /// An issuer's refusal of a session, which a new one ends.
    #[must_use]
    pub fn until_login(self) -> Self {
        let remedy = "Run `smmu login` again.".to_owned();
        self.map_refused(|refused| Refused { remedy: Some(remedy), ..refused })
    }

    /// The same error; a refusal changed.
    #[must_use]
    pub fn map_refused(self, change: impl FnOnce(Refused) -> Refused) -> Self {
        if let Self::Refused(refused) = self { Self::Refused(change(refused)) } else { self }
    }

    /// How the program ends because of it.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Unreadable { .. } => Exit::Usage,
            Self::Refused(_) => Exit::Refused,
            Self::Trouble(_) => Exit::Trouble,
            Self::Unverified { .. } | Self::Unwritable { .. } => Exit::NotSaved,
        }
    }

    /// The error as a JSON document tells it.
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
    fn trouble_is_told_only_where_nothing_else_is_wrong() {
        let worst = |exits: &[Exit]| exits.iter().copied().fold(Exit::Done, Exit::and);
        assert_eq!(worst(&[]), Exit::Done);
        assert_eq!(worst(&[Exit::Done, Exit::Trouble, Exit::Done]), Exit::Trouble);
        assert_eq!(worst(&[Exit::Trouble, Exit::NotSaved]), Exit::NotSaved);
        assert_eq!(worst(&[Exit::JobFailed, Exit::NotSaved, Exit::Trouble]), Exit::JobFailed);
        assert_eq!(worst(&[Exit::JobFailed, Exit::Refused]), Exit::Refused);
        assert_eq!(worst(&[Exit::Usage, Exit::Refused]), Exit::Usage);
    }
}
