//! Errors of this crate: the file is refused, or something else failed and a retry can succeed.

use smmu_core::{ErrorCode, Refusal, make::MakeError, with_causes};
use std::{io, path::PathBuf};

/// Why no outputs were made.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The file is refused; a retry would fail the same way.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something other than the file failed; a retry can succeed.
    #[error(transparent)]
    Transient(#[from] Transient),
}

impl MediaError {
    /// Returns the refusal that fails the job. A timeout counts as one, because a retry would get no more time.
    ///
    /// # Errors
    ///
    /// Every other transient error, which can be retried.
    pub fn verdict(self) -> Result<Refusal, Transient> {
        match self {
            Self::Refused(refusal) => Ok(refusal),
            Self::Transient(Transient::TimedOut { .. }) => Ok(Refusal::timed_out()),
            Self::Transient(transient) => Err(transient),
        }
    }
}

impl From<MediaError> for MakeError {
    fn from(error: MediaError) -> Self {
        match error.verdict() {
            Ok(refusal) => Self::Refused(refusal),
            Err(transient) if transient.is_full_disk() => Self::DiskFull(with_causes(&transient)),
            Err(transient) => Self::Transient(with_causes(&transient)),
        }
    }
}

/// A failure that the file did not cause. Another attempt can succeed, possibly only on another machine.
#[derive(Debug, thiserror::Error)]
pub enum Transient {
    /// The source could not be read.
    #[error("the source could not be read")]
    Read(#[source] io::Error),
    /// An artifact could not be written.
    #[error("{} could not be written", .path.display())]
    Write {
        /// Path of the artifact.
        path: PathBuf,
        /// The I/O error.
        #[source]
        source: io::Error,
    },
    /// A decoded picture could not be encoded, most likely because memory ran out.
    #[error("{codec} encoding failed: {reason}")]
    Encode {
        /// Name of the codec.
        codec: &'static str,
        /// The encoder's message.
        reason: String,
    },
    /// A picture could not be resized: a bug in this crate.
    #[error("resizing failed: {0}")]
    Resize(String),
    /// A required program is not installed on this machine.
    #[error("{program} is not installed; Debian has it in the package {package}")]
    MissingProgram {
        /// Name of the program.
        program: &'static str,
        /// The Debian package that contains it.
        package: &'static str,
    },
    /// The fence that restricts a program to its file does not work on this machine.
    #[error("ffmpeg cannot run behind the fence on this machine: {0}")]
    Fence(String),
    /// A program is installed but could not be started or waited for.
    #[error("ffmpeg could not be started")]
    Start(#[source] io::Error),
    /// A program took longer than any file of this duration needs.
    #[error("{program} exceeded its time limit")]
    TimedOut {
        /// Name of the program.
        program: &'static str,
    },
    /// A program was killed from outside, most likely because memory ran out.
    #[error("{program} was killed by signal {signal}")]
    Killed {
        /// Name of the program.
        program: &'static str,
        /// Signal number.
        signal: i32,
    },
    /// A program was asked to stop from outside, or used up its CPU time.
    #[error("{program} was asked to stop")]
    Stopped {
        /// Name of the program.
        program: &'static str,
    },
    /// The disk is full.
    #[error("{program} failed: no space left on the disk")]
    NoSpace {
        /// Name of the program.
        program: &'static str,
    },
    /// A program succeeded but its output is not what we requested: a bug in this crate.
    #[error("unexpected output from ffmpeg: {0}")]
    Output(String),
    /// The speech engine failed, most likely because memory ran out.
    #[error("speech recognition failed: {0}")]
    Recognise(String),
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl Transient {
    /// Returns whether the disk is full.
    fn is_full_disk(&self) -> bool {
        match self {
            Self::NoSpace { .. } => true,
            Self::Write { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            _ => false,
        }
    }

    /// Error from an encoder.
    #[expect(clippy::needless_pass_by_value, reason = "it is made for map_err")]
    pub(crate) fn encode(codec: &'static str, reason: impl ToString) -> Self {
        Self::Encode { codec, reason: reason.to_string() }
    }

    /// Error from the resizer.
    #[expect(clippy::needless_pass_by_value, reason = "it is made for map_err")]
    pub(crate) fn resize(reason: impl ToString) -> Self {
        Self::Resize(reason.to_string())
    }
}

/// Refusal of a damaged file of the named format.
pub(crate) fn corrupt(format: &str, reason: impl std::fmt::Display) -> MediaError {
    Refusal::new(ErrorCode::CorruptMedia, format!("the {format} file is damaged: {reason}")).into()
}

/// Refusal of a file that seems intact but whose kind is not decoded here.
pub(crate) fn unsupported(message: impl Into<String>) -> MediaError {
    Refusal::new(ErrorCode::UnsupportedMedia, message).into()
}

/// Classifies a read error from a decoder that reads from the file directly. An early end means a damaged file.
pub(crate) fn reading(format: &str, error: io::Error) -> MediaError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => corrupt(format, "it ends too early"),
        // Decoders wrap their own errors in these kinds; the file system never returns them for a regular file.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => corrupt(format, error),
        _ => Transient::Read(error).into(),
    }
}
