//! Creates the jobs of a media.

use super::{Media, StoredObject};
use crate::{
    ids::JobId,
    job::{Addition, Job, JobState, QueueStep},
    profile::Choice,
    time::Timestamp,
};
use std::collections::BTreeMap;

impl Job {
    /// The first job of a media, once its object was found.
    #[must_use]
    pub fn queued(media: &Media, object: &StoredObject, at: Timestamp) -> Self {
        Self {
            id: JobId::of(&media.id),
            media_id: media.id.clone(),
            user_id: media.user.clone(),
            input_key: media.key(),
            input_version_id: object.version_id.clone(),
            labels: media.labels.clone(),
            choice: media.choice.clone(),
            addition: None,
            kind: None,
            state: JobState::Queued { step: QueueStep::Unsent },
            hold: None,
            created_at: at,
            updated_at: at,
            deleted_at: None,
            trail: None,
            spent: BTreeMap::new(),
            revision: 0,
        }
    }

    /// A later job of a media that was submitted before.
    #[must_use]
    pub(crate) fn again(
        media: &Media,
        id: JobId,
        version_id: &str,
        choice: Choice,
        addition: Option<Addition>,
        at: Timestamp,
    ) -> Self {
        let object = StoredObject { version_id: version_id.to_owned(), bytes: media.grant.bytes, checksum: None };
        Self { id, choice, addition, ..Self::queued(media, &object, at) }
    }
}
