//! Removes what deleted media consist of, one for each message of the purge queue, and deletes the media of accounts.

use aws_config::SdkConfig;
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use smmu_cloud::{AccountPurge, Environment, Failure, Function, MediaMessage, Purge, PurgeMessage, Purger, StartError};

/// What the function needs, made once.
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

    /// Purges what can be purged and names the messages that must come again.
    async fn handle(&self, event: SqsEvent) -> Result<SqsBatchResponse, Failure> {
        let mut response = SqsBatchResponse::default();
        for message in event.records {
            if let Err(failure) = purge(&message, self).await {
                tracing::error!(message_id = message.message_id, %failure, "not purged, will retry");
                let mut failed = BatchItemFailure::default();
                failed.item_identifier = message.message_id.unwrap_or_default();
                response.batch_item_failures.push(failed);
            }
        }
        Ok(response)
    }
}

async fn purge(message: &SqsMessage, context: &Context) -> Result<(), Failure> {
    let body = message.body.as_deref().unwrap_or_default();
    match serde_json::from_str(body).map_err(|error| Failure::Fault(format!("not a purge message: {error}")))? {
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
