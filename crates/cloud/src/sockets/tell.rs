//! Pushes events to sockets: best effort, within a time limit, and never a reason to fail.

use super::{Socket, Sockets, found_open};
use crate::{clock, error::CloudError};
use aws_sdk_apigatewaymanagement::primitives::Blob;
use futures_util::{StreamExt, stream};
use smmu_core::{PushEvent, Pushed, UserId, push::HANDSHAKE_SECONDS};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, timeout, timeout_at};

/// Number of users whose sockets are read concurrently, and of sockets that are posted to concurrently.
const AT_ONCE: usize = 16;

/// Time limit of one event.
const EVENT: Duration = Duration::from_secs(4);

/// Time limit of a batch. Events that are not delivered by then are dropped: clients also poll their jobs from time to
/// time.
const BATCH: Duration = Duration::from_secs(5);

/// Result of pushing to one socket.
struct Told {
    delivered: usize,
    failed: usize,
    gone: bool,
    slowest_ms: Option<u64>,
    why: Option<CloudError>,
}

impl Sockets {
    /// Pushes events to each user's sockets. Failures are counted, and one of them is logged.
    pub async fn tell(&self, events: &BTreeMap<UserId, Vec<PushEvent>>) -> Pushed {
        let until = Instant::now() + BATCH;
        let looked_up = stream::iter(events).map(async |(user, events)| {
            let found = timeout_at(until, self.of_user(user)).await;
            (events, found.unwrap_or_else(|late| Err(CloudError::interrupted("dynamodb:Query sockets", late))))
        });
        let looked_up: Vec<_> = looked_up.buffer_unordered(AT_ONCE).collect().await;
        let (mut pushed, mut why, mut open) = (Pushed::default(), None, Vec::new());
        for (events, found) in looked_up {
            match found {
                Ok(sockets) => open.extend(sockets.into_iter().map(|socket| (socket, events))),
                Err(error) => {
                    pushed.failed += events.len();
                    why = Some(error);
                }
            }
        }
        let told = stream::iter(&open).map(async |(socket, events)| self.tell_one(socket, events, until).await);
        let mut told = told.buffer_unordered(AT_ONCE);
        while let Some(Told { delivered, failed, gone, slowest_ms, why: reason }) = told.next().await {
            pushed.delivered += delivered;
            pushed.slowest_ms = pushed.slowest_ms.max(slowest_ms);
            pushed.failed += failed;
            pushed.gone += usize::from(gone);
            why = reason.or(why);
        }
        if let Some(error) = why {
            tracing::warn!(
                error = smmu_core::with_causes(&error),
                failed = pushed.failed,
                delivered = pushed.delivered,
                "events were not pushed; clients find out when they poll"
            );
        }
        pushed
    }

    /// Pushes events to one socket, in order. Stops at the first failure, because events must not arrive out of order.
    async fn tell_one(&self, socket: &Socket, events: &[PushEvent], until: Instant) -> Told {
        let mut told = Told { delivered: 0, failed: 0, gone: false, slowest_ms: None, why: None };
        for event in events {
            match timeout_at(until, timeout(EVENT, self.post(socket, event))).await {
                Ok(Ok(Ok(true))) => {
                    told.delivered += 1;
                    told.slowest_ms = told.slowest_ms.max(event.changed_at().map(|at| clock::now().ms_since(at)));
                }
                Ok(Ok(Ok(false))) => {
                    told.gone = true;
                    told.why = self.found_closed(socket, until).await.err();
                    return told;
                }
                Ok(Ok(Err(error))) => return Told { failed: events.len() - told.delivered, why: Some(error), ..told },
                Ok(Err(late)) | Err(late) => {
                    let why = Some(CloudError::interrupted("execute-api:ManageConnections", late));
                    return Told { failed: events.len() - told.delivered, why, ..told };
                }
            }
        }
        told
    }

    /// Posts an event. Returns `false` if the socket is not open.
    async fn post(&self, socket: &Socket, event: &PushEvent) -> Result<bool, CloudError> {
        const OPERATION: &str = "execute-api:ManageConnections";
        let text = serde_json::to_vec(event).map_err(|error| CloudError::unreadable(OPERATION, error))?;
        let post = self.connections.post_to_connection().connection_id(&socket.connection).data(Blob::new(text));
        found_open(OPERATION, post.send().await)
    }

    /// Removes the record of a socket that is not open, unless its handshake may not be over: a socket is recorded
    /// before it is open.
    async fn found_closed(&self, socket: &Socket, until: Instant) -> Result<(), CloudError> {
        if clock::now() < socket.since.plus_seconds(HANDSHAKE_SECONDS) {
            return Ok(());
        }
        let forgotten = timeout_at(until, self.forget(&socket.owner, &socket.connection)).await;
        forgotten.unwrap_or_else(|late| Err(CloudError::interrupted("dynamodb:DeleteItem socket", late)))
    }
}
