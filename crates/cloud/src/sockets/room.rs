//! Room for another socket of a user who has reached the limit.
//!
//! API Gateway reports a closed connection on a best-effort basis ("Manage connected users and client apps"), so a
//! record can outlive its socket by up to two hours. At the limit the oldest connections are looked up, and records of
//! those that are gone are removed.

use super::{Socket, Sockets, found_open};
use crate::error::CloudError;
use futures_util::future::join_all;
use smmu_core::{
    Timestamp,
    push::{HANDSHAKE_SECONDS, MAX_SOCKETS},
    with_causes,
};
use std::time::Duration;
use tokio::time::timeout;

/// Number of connections that are looked up, concurrently.
const CHECKED: usize = 5;

/// Time limit of a look-up. A handshake waits for it.
const CHECK: Duration = Duration::from_secs(2);

impl Sockets {
    /// Returns whether a user can open another socket.
    pub(super) async fn has_room(&self, owner: &str, now: Timestamp) -> Result<bool, CloudError> {
        let sockets = self.of_owner(owner, now).await?;
        let recorded = sockets.len();
        if recorded < MAX_SOCKETS {
            return Ok(true);
        }
        let oldest = oldest_established(sockets, now);
        let mut checks = Vec::new();
        for socket in &oldest {
            checks.push(self.forget_if_gone(socket));
        }
        let forgotten = join_all(checks).await.into_iter().filter(|gone| *gone).count();
        Ok(recorded - forgotten < MAX_SOCKETS)
    }

    /// Removes the record of a socket that is not open. Returns `false` if it is open, or if that is unknown.
    async fn forget_if_gone(&self, socket: &Socket) -> bool {
        let open = timeout(CHECK, self.is_open(socket)).await;
        let open = open.unwrap_or_else(|late| Err(CloudError::interrupted("execute-api:ManageConnections", late)));
        let forgotten = match open {
            Ok(true) => return false,
            Ok(false) => self.forget(&socket.owner, &socket.connection).await,
            Err(error) => Err(error),
        };
        match &forgotten {
            Ok(()) => tracing::info!(connection = socket.connection, "removed the record of a closed socket"),
            Err(error) => {
                tracing::warn!(error = with_causes(error), "failed to check a socket; it counts as open");
            }
        }
        forgotten.is_ok()
    }

    /// Returns whether API Gateway has the connection.
    async fn is_open(&self, socket: &Socket) -> Result<bool, CloudError> {
        let found = self.connections.get_connection().connection_id(&socket.connection).send().await;
        found_open("execute-api:ManageConnections", found)
    }
}

/// The oldest sockets, without those whose handshake may not be over: API Gateway does not have those yet.
fn oldest_established(mut sockets: Vec<Socket>, now: Timestamp) -> Vec<Socket> {
    sockets.retain(|socket| socket.since.plus_seconds(HANDSHAKE_SECONDS) <= now);
    sockets.sort_by_key(|socket| socket.since);
    sockets.truncate(CHECKED);
    sockets
}

#[cfg(test)]
mod tests {
    use super::{super::Socket, oldest_established};
    use smmu_core::Timestamp;

    #[test]
    fn the_five_oldest_established_sockets_are_checked() {
        let at = |second: i64| Timestamp::from_unix_ms(second * 1000).unwrap();
        let socket = |second: i64| Socket { owner: "ada".into(), connection: second.to_string(), since: at(second) };
        let checked = |seconds: &[i64]| {
            let sockets = seconds.iter().copied().map(socket).collect();
            let oldest = oldest_established(sockets, at(100));
            oldest.into_iter().map(|socket| socket.connection).collect::<Vec<_>>()
        };
        assert_eq!(checked(&[41, 40, 99, 3]), ["3", "40"], "a handshake has a minute");
        assert_eq!(checked(&[9, 8, 7, 6, 5, 4]), ["4", "5", "6", "7", "8"]);
    }
}
