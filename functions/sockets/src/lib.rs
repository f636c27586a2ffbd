//! Handles the routes of the WebSocket API. A ticket of `POST /sockets` opens a socket. Messages from clients are
//! ignored, but keep the socket open ("idle connection timeout", ten minutes).

use aws_config::SdkConfig;
use serde::{Deserialize, Serialize};
use smmu_cloud::{Environment, Failure, Function, Sockets, StartError, sockets::Opening};
use smmu_core::with_causes;

pub struct Context {
    sockets: Sockets,
}

/// Event of a socket ("Integration requests in a WebSocket API"), without the fields that are not needed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SocketEvent {
    request_context: RequestContext,
    query_string_parameters: Option<Query>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    event_type: EventType,
    connection_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum EventType {
    Connect,
    Message,
    Disconnect,
}

#[derive(Deserialize)]
struct Query {
    ticket: Option<String>,
}

/// Answer to API Gateway. For `$connect`, a status other than 2xx refuses the handshake with that status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// HTTP status.
    pub status_code: u16,
}

const DONE: Reply = Reply { status_code: 200 };
const REFUSED: Reply = Reply { status_code: 401 };
const TOO_MANY: Reply = Reply { status_code: 429 };

impl Function for Context {
    type Event = SocketEvent;
    type Answer = Reply;
    type Error = Failure;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        let sockets = Sockets::new(sdk, environment)?.ok_or("environment variable SMMU_SOCKETS_URL is not set")?;
        Ok(Self { sockets })
    }

    async fn handle(&self, event: SocketEvent) -> Result<Reply, Failure> {
        let RequestContext { event_type, connection_id } = event.request_context;
        match event_type {
            EventType::Connect => {
                let ticket = event.query_string_parameters.and_then(|query| query.ticket);
                self.connect(ticket.as_deref(), &connection_id).await
            }
            EventType::Message => Ok(DONE),
            EventType::Disconnect => {
                self.disconnect(&connection_id).await;
                Ok(DONE)
            }
        }
    }
}

impl Context {
    async fn connect(&self, ticket: Option<&str>, connection: &str) -> Result<Reply, Failure> {
        let Some(ticket) = ticket else {
            tracing::info!("socket refused: no ticket");
            return Ok(REFUSED);
        };
        Ok(match self.sockets.open(ticket, connection).await? {
            Opening::Opened => {
                tracing::info!(connection, "socket opened");
                DONE
            }
            Opening::Refused => {
                tracing::info!("socket refused: the ticket is unknown, used or expired");
                REFUSED
            }
            Opening::TooMany => {
                tracing::info!("socket refused: the user has the maximum number of open sockets");
                TOO_MANY
            }
        })
    }

    /// API Gateway does not retry. A record that remains is removed by the next push to its socket, when its user needs
    /// room for another socket, or when it expires.
    async fn disconnect(&self, connection: &str) {
        match self.sockets.closed(connection).await {
            Ok(()) => tracing::info!(connection, "socket closed"),
            Err(error) => {
                tracing::warn!(
                    error = with_causes(&error),
                    connection,
                    "failed to remove the record of a closed socket; it expires"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Reply, SocketEvent};
    use serde::Deserialize;

    #[test]
    fn an_event_without_a_query_is_read_and_one_of_another_kind_is_not() {
        let read = |event: &str| SocketEvent::deserialize(&mut serde_json::Deserializer::from_str(event));
        let message = r#"{"requestContext": {"eventType": "MESSAGE", "connectionId": "c="}, "body": "{}"}"#;
        assert!(read(message).unwrap().query_string_parameters.is_none());
        let none =
            r#"{"requestContext": {"eventType": "CONNECT", "connectionId": "c="}, "queryStringParameters": null}"#;
        assert!(read(none).unwrap().query_string_parameters.is_none());
        assert!(read(r#"{"requestContext": {"http": {"method": "GET"}}}"#).is_err());
        assert_eq!(serde_json::to_string(&Reply { status_code: 200 }).unwrap(), r#"{"statusCode":200}"#);
    }
}
