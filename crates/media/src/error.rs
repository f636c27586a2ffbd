//! Why nothing was rendered, in two kinds: the file is refused, or something around it went wrong.

use smmu_core::{ErrorCode, Refusal};
use std::{io, path::PathBuf};

/// Why nothing was rendered.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The verdict on the file. The same file gets it again.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something around the file went wrong. Another try can succeed.
    #[error(transparent)]
    Transient(#[from] Transient),
}

impl MediaError {
    /// What a job ends with, or what is worth another try. Whoever has had all the time that such a file can
    /// need has no use for as much again.
    ///
    /// # Errors
    ///
    /// What another try may not meet.
    pub fn verdict(self) -> Result<Refusal, Transient> {
        match self {
            Self::Refused(refusal) => Ok(refusal),
            Self::Transient(Transient::TimedOut { .. }) => {
                Ok(Refusal::new(ErrorCode::TimedOut, "processing exceeded its time limit"))
            }
            Self::Transient(fault) => Err(fault),
        }
    }
}

/// What went wrong around the file; another try can succeed.
#[derive(Debug, thiserror::Error)]
pub enum Transient {
    /// The source could not be read.
    #[error("the source could not be read")]
    Read(#[source] io::Error),
    /// An artifact could not be written.
    #[error("{} could not be written", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A picture that was decoded could not be encoded; for want of memory, most likely.
    #[error("{codec} encoding failed: {reason}")]
    Encode {
        /// The codec.
        codec: &'static str,
        /// In the encoder's words.
        reason: String,
    },
    /// A picture could not be resized; a mistake in this crate.
    #[error("resizing failed: {0}")]
    Resize(String),
    /// A program that is needed is not on this machine.
    #[error("{program} is not installed; Debian has it in the package {package}")]
    MissingProgram {
        /// The program.
        program: &'static str,
        /// Debian's package of it.
        package: &'static str,
    },
    /// What keeps a program from everything but its file does not hold on this machine.
    #[error("ffmpeg cannot be fenced in here: {0}")]
    Fence(String),
    /// A program is there and could not be started or waited for.
    #[error("ffmpeg could not be started")]
    Start(#[source] io::Error),
    /// A program took longer than a file of this duration can need.
    #[error("{program} ran out of its time")]
    TimedOut {
        /// The program.
        program: &'static str,
    },
    /// A program was killed from outside, for want of memory most likely.
    #[error("{program} was killed by signal {signal}")]
    Killed {
        /// The program.
        program: &'static str,
        /// Number of the signal.
        signal: i32,
    },
    /// A program was asked to stop by someone else, or had used up its CPU time.
    #[error("{program} was asked to stop")]
    Stopped {
        /// The program.
        program: &'static str,
    },
    /// The disk is full.
    #[error("{program} found no space left on the disk")]
    NoSpace {
        /// The program.
        program: &'static str,
    },
    /// A program did well and its output is not what was asked for; a mistake in this crate.
    #[error("ffmpeg's output is not as expected: {0}")]
    Output(String),
    /// The speech engine failed; for want of memory, most likely.
    #[error("speech could not be recognised: {0}")]
    Recognise(String),
    /// Everything was told to stop.
    #[error("it was cancelled")]
    Cancelled,
}

impl Transient {
    /// An encoder's failure.
    #[expect(clippy::needless_pass_by_value, reason = "it is made for map_err")]
    pub(crate) fn encode(codec: &'static str, reason: impl ToString) -> Self {
        Self::Encode { codec, reason: reason.to_string() }
    }

    /// The resizer's failure.
    #[expect(clippy::needless_pass_by_value, reason = "it is made for map_err")]
    pub(crate) fn resize(reason: impl ToString) -> Self {
        Self::Resize(reason.to_string())
    }
}

/// The file is of the named format, and broken.
pub(crate) fn corrupt(format: &str, reason: impl std::fmt::Display) -> MediaError {
    Refusal::new(ErrorCode::CorruptMedia, format!("the {format} file is damaged: {reason}")).into()
}

/// The file is sound, as far as can be seen, but of a kind that is not decoded here.
pub(crate) fn unsupported(message: impl Into<String>) -> MediaError {
    Refusal::new(ErrorCode::UnsupportedMedia, message).into()
}

/// A read error of a decoder that reads from the file itself: an early end is the file's fault.
pub(crate) fn reading(format: &str, error: io::Error) -> MediaError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => corrupt(format, "it ends too early"),
        // Decoders wrap their own complaints in these; the file system never says them of a regular file.
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => corrupt(format, error),
        _ => Transient::Read(error).into(),
    }
}
