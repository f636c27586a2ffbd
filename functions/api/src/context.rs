//! Shared state of the handlers.

use crate::auth::Verifier;
use smmu_cloud::{Artifacts, Canceller, Cdn, Eraser, Sockets, Submitter, WebhookQueue};
use smmu_core::{Deployment, Profile, Quotas, UploadPolicy, webhook::Reach};

/// State of the function, created once at start.
pub struct Context {
    pub(crate) stage: String,
    pub(crate) verifier: Verifier,
    pub(crate) policy: UploadPolicy,
    pub(crate) quotas: Quotas,
    /// Machines and prices for estimates.
    pub(crate) deployment: Deployment,
    pub(crate) profile: Profile,
    pub(crate) transcription: bool,
    pub(crate) download_seconds: u32,
    pub(crate) submitter: Submitter,
    pub(crate) artifacts: Artifacts,
    pub(crate) cdn: Option<Cdn>,
    pub(crate) canceller: Canceller,
    pub(crate) eraser: Eraser,
    pub(crate) webhooks: WebhookQueue,
    pub(crate) reach: Reach,
    /// `None` if push is switched off.
    pub(crate) sockets: Option<Sockets>,
}
