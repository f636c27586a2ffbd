//! Batches of queue messages. Only failed messages are delivered again.

use crate::invocation::Failure;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsMessage};
use serde::de::DeserializeOwned;

/// Handles messages one by one, in order, and returns those that must stay in the queue. Each failure is logged with
/// the message `complaint`.
pub async fn handle_each<M: DeserializeOwned>(
    messages: Vec<SqsMessage>,
    complaint: &'static str,
    handle: impl AsyncFn(M) -> Result<(), Failure>,
) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for SqsMessage { message_id, body, .. } in messages {
        let handled = match serde_json::from_str(body.as_deref().unwrap_or_default()) {
            Ok(message) => handle(message).await,
            Err(error) => Err(Failure::Fault(format!("not a message of this queue: {error}"))),
        };
        if let Err(failure) = handled {
            tracing::error!(message_id, %failure, "{complaint}");
            // An empty id makes Lambda deliver the whole batch again (Lambda's guide, "Handling errors for an SQS event
            // source").
            response.add_failure(message_id.unwrap_or_default());
        }
    }
    response
}

/// How often a message has been received, from 1.
#[must_use]
pub fn receive_count(message: &SqsMessage) -> u32 {
    let count = message.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::handle_each;
    use crate::invocation::Failure;
    use aws_lambda_events::sqs::SqsMessage;

    #[tokio::test]
    async fn only_failed_messages_are_delivered_again() {
        let message = |id: &str, body: &str| {
            let mut message = SqsMessage::default();
            (message.message_id, message.body) = (Some(id.to_owned()), Some(body.to_owned()));
            message
        };
        let messages =
            vec![message("good", "1"), message("bad", "2"), message("unreadable", "{"), message("last", "3")];
        let odd = async |number: u8| if number % 2 == 1 { Ok(()) } else { Err(Failure::unexpected("even")) };
        let response = handle_each(messages, "left in the queue", odd).await;
        let failed: Vec<_> = response.batch_item_failures.iter().map(|one| one.item_identifier.as_str()).collect();
        assert_eq!(failed, ["bad", "unreadable"]);
    }
}
