//! WebSocket that receives job events. It uses the HTTP client of all other requests, so proxies, root
//! certificates and timeouts are the same.

use crate::{api::Api, error::Error, http::describe};
use futures_util::{SinkExt, StreamExt};
use reqwest::{
    StatusCode, Upgraded,
    header::{CONNECTION, UPGRADE},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use smmu_core::{JobId, Status, Timestamp};
use tokio::time::timeout;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::{client::generate_key, derive_accept_key},
        protocol::Role,
    },
};

/// An event from a socket. Unknown kinds are passed on.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// `job`, `deleted`, or a kind of a newer API.
    #[serde(rename = "type")]
    pub kind: String,
    /// The job.
    pub job_id: JobId,
    /// Counts the job's changes; none if the event was made from a polled job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Status of the job; none for a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Time of the change; none for a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// All other fields.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// An open socket.
pub struct Socket(WebSocketStream<Upgraded>);

/// Reason why no socket could be opened.
#[derive(Debug)]
pub enum NoSocket {
    /// The deployment has no sockets.
    Off(Error),
    /// A later try can succeed.
    Passing(String),
    /// No try will succeed, for example because the token is not accepted.
    Refused(Error),
}

impl Socket {
    /// Opens a socket with a new ticket. Error messages never contain the ticket.
    pub async fn open(api: &Api) -> Result<Self, NoSocket> {
        let url = api.socket_url().await.map_err(|error| match &error {
            Error::Refused(refused) if refused.status == 404 => NoSocket::Off(error),
            // Too many are open.
            Error::Refused(refused) if refused.status == 409 => NoSocket::Passing(error.to_string()),
            Error::Trouble(_) => NoSocket::Passing(error.to_string()),
            Error::Usage(_)
            | Error::Unreadable { .. }
            | Error::Refused(_)
            | Error::Unverified { .. }
            | Error::Unwritable { .. } => NoSocket::Refused(error),
        })?;
        let passing = |what: &str| NoSocket::Passing(what.to_owned());
        // ws is http, and wss https, until the connection is a socket (RFC 6455, section 4.1).
        let url =
            url.strip_prefix("ws").ok_or_else(|| passing("the API returned an address that is not a WebSocket URL"))?;
        let key = generate_key();
        let request = api.http.client().get(format!("http{url}")).header(CONNECTION, "Upgrade");
        let request = request.header(UPGRADE, "websocket").header("sec-websocket-version", "13");
        let sent = timeout(api.http.patience().answer, request.header("sec-websocket-key", &key).send()).await;
        let response = sent.map_err(|_| passing("the socket did not open in time"))?;
        let response = response.map_err(|error| passing(&describe(error)))?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(passing(&format!("the socket was refused with status {}", response.status().as_u16())));
        }
        let accepted = response.headers().get("sec-websocket-accept").map(|accept| accept.as_bytes().to_vec());
        if accepted.as_deref() != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            return Err(passing("the server does not speak WebSocket"));
        }
        let upgraded = response.upgrade().await.map_err(|error| passing(&describe(error)))?;
        Ok(Self(WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await))
    }

    /// Returns the next event, or `None` once the socket is closed. Ignores other messages.
    pub async fn event(&mut self) -> Option<Event> {
        loop {
            let Message::Text(text) = self.0.next().await?.ok()? else { continue };
            if let Ok(event) = serde_json::from_str(&text) {
                return Some(event);
            }
        }
    }

    /// Sends a ping: API Gateway closes a socket after ten idle minutes.
    pub async fn ping(&mut self) {
        // The next read detects a closed socket.
        let _closed = self.0.send(Message::text(r#"{"type":"ping"}"#)).await;
    }
}
