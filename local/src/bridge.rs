//! The way of containers to the cloud, which listens on loopback alone.
//!
//! Containers of the machine's own engine see this machine as the gateway of the engine's bridge. A relay listens there
//! while the cloud runs, bound to the bridge's device: nobody but a container of this machine can reach it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::error::LocalError;

/// Connections that may wait to be accepted; a burst of workers makes some tens.
const BACKLOG: u32 = 128;
/// How long after a failure the next connection is accepted.
const AGAIN: Duration = Duration::from_millis(10);
const FORMAT: &str = r#"{{(index .IPAM.Config 0).Gateway}} {{index .Options "com.docker.network.bridge.name"}}"#;

/// The bridge of the machine's container engine, and a port of the cloud.
#[derive(Debug, Clone)]
pub(crate) struct Bridge {
    pub(crate) gateway: Ipv4Addr,
    device: String,
    port: u16,
}

impl Bridge {
    /// The engine's default bridge, towards `port`.
    pub(crate) fn find(port: u16) -> Result<Self, LocalError> {
        let asked = Command::new("docker").args(["network", "inspect", "bridge", "--format", FORMAT]).output();
        let answer = asked.map_err(|error| LocalError::Bridge(format!("docker does not start: {error}")))?;
        if !answer.status.success() {
            return Err(LocalError::Bridge(String::from_utf8_lossy(&answer.stderr).trim().to_owned()));
        }
        let text = String::from_utf8_lossy(&answer.stdout);
        let found = text.trim().split_once(' ').and_then(|(gateway, device)| Some((gateway.parse().ok()?, device)));
        match found {
            Some((gateway, device)) if !device.is_empty() => Ok(Self { gateway, device: device.to_owned(), port }),
            _ => Err(LocalError::Bridge(format!("the engine's bridge has no address of version 4: {text:?}"))),
        }
    }

    /// The cloud's endpoint, as containers see it. By number: of a name, SDKs would make one for each bucket.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}:{}", self.gateway, self.port)
    }

    /// Listens where containers knock.
    pub(crate) fn listen(&self) -> io::Result<TcpListener> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind_device(Some(self.device.as_bytes()))?;
        socket.bind(SocketAddr::from((self.gateway, self.port)))?;
        socket.listen(BACKLOG)
    }

    /// Hands every connection on to the cloud, until it is dropped.
    pub(crate) async fn relay(&self, listener: TcpListener) {
        loop {
            let Ok((mut inside, _)) = listener.accept().await else {
                // That connection is gone, or too many files are open, some of which will be closed.
                tokio::time::sleep(AGAIN).await;
                continue;
            };
            let port = self.port;
            tokio::spawn(async move {
                if let Ok(mut cloud) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                    // Either side may hang up whenever it likes.
                    let _ = tokio::io::copy_bidirectional(&mut inside, &mut cloud).await;
                }
            });
        }
    }
}
