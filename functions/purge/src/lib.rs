//! Removes the files and records of deleted media, one media per message of the purge queue, and deletes the media of
//! accounts.

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent};
use smmu_cloud::{
    AccountPurge, Environment, Failure, Function, MediaMessage, Purge, PurgeMessage, Purger, StartError,
    batch::handle_each,
};

pub struct Context {
    purger: Purger,
}

impl Function for Context {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;
    type Error = Failure;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        Ok(Self { purger: Purger::new(sdk, environment)? })
    }

    async fn connect(&self) {
        self.purger.connect().await;
    }

    /// Handles the messages and returns those that must be retried.
    async fn handle(&self, event: SqsEvent) -> Result<SqsBatchResponse, Failure> {
        let purge = async |message| purge(message, self).await;
        Ok(handle_each(event.records, "not purged, will retry", purge).await)
    }
}

async fn purge(message: PurgeMessage, context: &Context) -> Result<(), Failure> {
    match message {
        PurgeMessage::Media(MediaMessage { media_id }) => match context.purger.purge(&media_id).await? {
            Purge::Purged(objects) => tracing::info!(%media_id, objects, "media purged"),
            Purge::Forgotten(objects) => tracing::info!(%media_id, objects, "media forgotten"),
            Purge::Missing => tracing::info!(%media_id, "duplicate message"),
            Purge::Live => tracing::error!(%media_id, "the media is not marked as deleted; nothing removed"),
        },
        PurgeMessage::Account(message) => match context.purger.purge_account(&message).await? {
            AccountPurge::Continued(media) => {
                tracing::info!(account = message.account, media, "media of an account deleted");
            }
            AccountPurge::Done => tracing::info!(account = message.account, "account deleted"),
            AccountPurge::Missing => tracing::info!(account = message.account, "duplicate message"),
        },
    }
    Ok(())
}
