//! Erasing everything of one user: recorded at once, done by whoever reads the purge queue, a page of media at a time.
//!
//! What the user had when they asked goes; what they upload later stays. Each media is deleted as if its owner had deleted
//! it alone, so whatever is interrupted is gone on with, and doing it twice is harmless.

use super::{Eraser, Purger};
use crate::{clock, error::CloudError, media::Erasure, queue::AccountMessage};
use smmu_core::{Listing, MediaId, MediaListing, MediaStatus, PageLimit, Timestamp, UserId, with_causes};
use std::time::{Duration, Instant};

/// Seconds after which an index has everything that was recorded before, and every request that was under way has ended.
pub(super) const SETTLE_SECONDS: i64 = 60;

/// How long one message is worked on. Half of the function's time: the rest is for what was begun. The next message goes on;
/// Lambda ends such a chain after 16 ("recursive loop detection"), and `reconcile` begins a new one.
const WORKED_ON: Duration = Duration::from_mins(1);

/// What came of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountPurge {
    /// So many media were deleted, and another message goes on.
    Continued(usize),
    /// Nothing was left. What was asked for is done, and its record removed.
    Done,
    /// It was done before.
    Missing,
}

impl Eraser {
    /// Has everything deleted that a user has now, and answers up to when that is. Asking again is harmless.
    ///
    /// Once it is recorded this succeeds even if the message cannot be sent: `reconcile` sends it later.
    pub async fn delete_account(&self, user: &UserId) -> Result<Timestamp, CloudError> {
        let erasure = Erasure { owner: user.clone(), up_to: clock::new_media_id(), asked_at: clock::now() };
        let account = self.media.record_erasure(&erasure).await?;
        tracing::info!(account, "account deletion recorded");
        let message = AccountMessage { account, after: None, found: false };
        if let Err(error) = self.queue.send_account(&message, 0).await {
            tracing::error!(
                account = message.account,
                error = with_causes(&error),
                "recorded, but the purge message was not sent"
            );
        }
        Ok(erasure.asked_at)
    }
}

impl Purger {
    /// Deletes media of an account that is to be erased, for about a minute.
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
            if after.is_none() || began.elapsed() >= WORKED_ON {
                break;
            }
        }
        let done = self.go_on(message, after, message.found || deleted > 0, &erasure).await?;
        Ok(done.unwrap_or(AccountPurge::Continued(deleted)))
    }

    /// Sends the message that goes on; or ends it, where a whole look at what the user has, late enough, has found nothing.
    async fn go_on(
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
