//! Erases a user's account: recorded at once, carried out by the reader of the purge queue, one page of media at a
//! time.
//!
//! Deletes what the user had at the time of the request; later uploads stay. Each media is deleted as by an ordinary
//! deletion, so interrupted work is resumed, and repeating it is harmless.

use super::{Eraser, Purger};
use crate::{clock, error::CloudError, media::Erasure, queue::AccountMessage};
use smmu_core::{Listing, MediaId, MediaListing, MediaStatus, PageLimit, Timestamp, UserId, with_causes};
use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

/// Seconds after which an index has caught up and every earlier request has ended.
pub(super) const SETTLE_SECONDS: i64 = 60;

/// How long one message is processed: half of the function's timeout, so that the last deletion can finish. The next
/// message continues. Lambda ends such a chain after 16 ("recursive loop detection"); `reconcile` then starts a new
/// one.
const PROCESSING_TIME: Duration = Duration::from_mins(1);

/// Outcome of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountPurge {
    /// This many media were deleted, and another message continues.
    Continued(usize),
    /// Nothing was left. The erasure is done and its record removed.
    Done,
    /// The erasure has no record any more: it was done before.
    Missing,
}

impl Eraser {
    /// Schedules the deletion of everything that a user has now. Returns the time of the request; later uploads stay.
    /// Idempotent.
    ///
    /// Once the erasure is recorded, this succeeds even if the message cannot be sent: `reconcile` sends it later.
    pub async fn delete_account(&self, user: &UserId) -> Result<Timestamp, CloudError> {
        let erasure = Erasure { owner: user.clone(), up_to: clock::new_media_id(), asked_at: clock::now() };
        // First: the deletions send no webhooks.
        let Ok(()) = self
            .media
            .change_webhooks(user, |endpoints| {
                endpoints.clear();
                Ok::<_, Infallible>(())
            })
            .await?;
        let account = self.media.record_erasure(&erasure).await?;
        tracing::info!(account, "account deletion recorded");
        let message = AccountMessage { account, after: None, found: false };
        if let Err(error) = self.queue.send_account(&message, 0).await {
            tracing::error!(
                account = message.account,
                error = with_causes(&error),
                "failed to send the purge message; reconcile will send it"
            );
        }
        Ok(erasure.asked_at)
    }
}

impl Purger {
    /// Deletes media of an account for about a minute.
    pub async fn purge_account(&self, message: &AccountMessage) -> Result<AccountPurge, CloudError> {
        let Some(erasure) = self.media.erasure(&message.account).await? else { return Ok(AccountPurge::Missing) };
        let began = Instant::now();
        let (mut after, mut deleted) = (message.after.clone(), 0);
        loop {
            let page =
                self.media.of_user(&erasure.owner, &older_than(after.as_ref().unwrap_or(&erasure.up_to))).await?;
            for summary in &page.entries {
                // The index may be behind the table.
                let Some(media) = self.media.get(&summary.media_id).await? else { continue };
                deleted += usize::from(self.eraser.delete(media).await?);
            }
            after = page.next;
            if after.is_none() || began.elapsed() >= PROCESSING_TIME {
                break;
            }
        }
        let done = self.continue_or_finish(message, after, message.found || deleted > 0, &erasure).await?;
        Ok(done.unwrap_or(AccountPurge::Continued(deleted)))
    }

    /// Sends the next message, or finishes if a full pass after [`SETTLE_SECONDS`] has found nothing.
    async fn continue_or_finish(
        &self,
        message: &AccountMessage,
        after: Option<MediaId>,
        found: bool,
        erasure: &Erasure,
    ) -> Result<Option<AccountPurge>, CloudError> {
        let settled = erasure.asked_at.plus_seconds(self.settle_seconds) <= clock::now();
        let account = message.account.clone();
        let (next, delay_s) = match after {
            Some(after) => (AccountMessage { account, after: Some(after), found }, 0),
            None if settled && !found => {
                self.jobs.forget_turns(&erasure.owner).await?;
                self.media.remove_erasure(&message.account, erasure).await?;
                return Ok(Some(AccountPurge::Done));
            }
            None => (AccountMessage { account, after: None, found: false }, self.settle_seconds),
        };
        self.eraser.queue.send_account(&next, delay_s).await?;
        Ok(None)
    }
}

fn older_than(id: &MediaId) -> MediaListing {
    let limit = PageLimit::new(PageLimit::MAX).unwrap_or_default();
    Listing { status: None::<MediaStatus>, kind: None, limit, after: Some(id.clone()) }
}
