//! A user's own things, by their ids. What is not there, or somebody else's, is not found.

use crate::{context::Context, respond};
use smmu_core::{Job, JobId, Media, MediaId, Problem, ProblemCode, UserId};

/// A user's own job.
pub(crate) async fn job(id: &str, user: &UserId, context: &Context) -> Result<Job, Problem> {
    // An id that cannot exist is answered as one that does not.
    let id: JobId = id.parse().map_err(|_| Problem::new(ProblemCode::NotFound))?;
    let found = context.submitter.jobs.get(&id).await.map_err(|error| respond::cloud_problem(&error))?;
    owned(found.filter(|job| job.deleted_at.is_none()), |job| &job.user_id, user)
}

/// A user's own media.
pub(crate) async fn media(id: &str, user: &UserId, context: &Context) -> Result<Media, Problem> {
    let found = context.submitter.media.get(&media_id(id)?).await.map_err(|error| respond::cloud_problem(&error))?;
    owned(found.filter(|media| media.state.deleted_at().is_none()), |media| &media.user, user)
}

/// An id that cannot exist is answered as one that does not.
pub(crate) fn media_id(id: &str) -> Result<MediaId, Problem> {
    id.parse().map_err(|_| Problem::new(ProblemCode::NotFound))
}

/// What belongs to somebody else is answered exactly as what does not exist.
pub(crate) fn owned<T>(found: Option<T>, owner: impl Fn(&T) -> &UserId, user: &UserId) -> Result<T, Problem> {
    found.filter(|thing| owner(thing) == user).ok_or(Problem::new(ProblemCode::NotFound))
}
