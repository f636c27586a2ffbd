//! Looks up a user's own resources by ID. A missing resource and another user's are both `not_found`.

use crate::{context::Context, respond};
use smmu_core::{Job, JobId, Media, MediaId, Problem, ProblemCode, UserId};

/// A user's own job.
pub(crate) async fn job(id: &str, user: &UserId, context: &Context) -> Result<Job, Problem> {
    // An invalid ID is treated as a missing one.
    let id: JobId = id.parse().map_err(|_| Problem::new(ProblemCode::NotFound))?;
    let found = context.submitter.jobs.get(&id).await.map_err(|error| respond::cloud_problem(&error))?;
    owned(found.filter(|job| job.deleted_at.is_none()), |job| &job.user_id, user)
}

/// A user's own media.
pub(crate) async fn media(id: &str, user: &UserId, context: &Context) -> Result<Media, Problem> {
    let found = context.submitter.media.get(&media_id(id)?).await.map_err(|error| respond::cloud_problem(&error))?;
    owned(found.filter(|media| media.state.deleted_at().is_none()), |media| &media.user, user)
}

/// Parses a media ID. An invalid ID is treated as a missing one.
pub(crate) fn media_id(id: &str) -> Result<MediaId, Problem> {
    id.parse().map_err(|_| Problem::new(ProblemCode::NotFound))
}

/// Hides a resource of another user behind the same error as a missing one.
pub(crate) fn owned<T>(found: Option<T>, owner: impl Fn(&T) -> &UserId, user: &UserId) -> Result<T, Problem> {
    found.filter(|thing| owner(thing) == user).ok_or(Problem::new(ProblemCode::NotFound))
}
