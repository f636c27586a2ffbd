//! Events and errors that pipelines report while they make outputs.

use crate::{artifact::Artifact, av::AvFacts, error::Refusal, kind::MediaKind};

/// Progress reported while outputs are made.
#[derive(Debug, Clone, PartialEq)]
pub enum MakeEvent {
    /// The source was measured, with this result.
    Probed(MediaKind, Box<AvFacts>),
    /// Percent done.
    Progress(u8),
    /// This file in the output folder is complete and will not change.
    Ready(Artifact),
    /// The content of an incomplete file; a longer version replaces it, and finally a complete one of the same name.
    Partial(Artifact, Vec<u8>),
    /// State from which another attempt could resume; replaces the previous one.
    Checkpoint(Vec<u8>),
}

/// Reason why no outputs were made.
#[derive(Debug, thiserror::Error)]
pub enum MakeError {
    /// The file is refused; another attempt would refuse it too.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something other than the file failed, such as a full disk or a killed child process. Another attempt can
    /// succeed.
    #[error("{0}")]
    Transient(String),
    /// The disk of this machine is full. Another attempt can succeed on a machine with a larger one.
    #[error("{0}")]
    DiskFull(String),
}
