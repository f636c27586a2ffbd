//! What handlers work with.

use crate::auth::Verifier;
use smmu_cloud::{Artifacts, Canceller, Eraser, Submitter};
use smmu_core::{Quotas, UploadPolicy};

/// What the function needs, made once.
pub struct Context {
    pub(crate) stage: String,
    pub(crate) verifier: Verifier,
    pub(crate) policy: UploadPolicy,
    pub(crate) quotas: Quotas,
    pub(crate) transcription: bool,
    pub(crate) download_seconds: u32,
    pub(crate) submitter: Submitter,
    pub(crate) artifacts: Artifacts,
    pub(crate) canceller: Canceller,
    pub(crate) eraser: Eraser,
}
