//! The way of containers to the cloud, which listens on loopback alone.
//!
//! Containers of the machine's own engine see this machine as the gateway of their network. Ours has a name, [`NETWORK`], and
//! a relay listens at its gateway while the cloud runs, bound to the network's device: nobody but a container that was put
//! into that network can reach it. Whoever reaches the cloud can do what its owner can, by having it run a function; a
//! worker's container is as on Fargate, and no place for a program that one does not trust.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::docker::docker;
use crate::error::LocalError;

/// Connections that may wait to be accepted; a burst of workers makes some tens.
const BACKLOG: u32 = 128;
/// How long after a failure the next connection is accepted.
const AGAIN: Duration = Duration::from_millis(10);
/// The network of containers that reach a local cloud.
pub(crate) const NETWORK: &str = "smmu-local";
/// Its device, which is told rather than looked up.
const DEVICE: &str = "smmu-local0";
const FORMAT: &str = "{{(index .IPAM.Config 0).Gateway}}";

/// The network in the machine's container engine, and a port of the cloud.
#[derive(Debug, Clone)]
pub(crate) struct Bridge {
    pub(crate) gateway: Ipv4Addr,
    port: u16,
}

impl Bridge {
    /// The way to `port`. The network is made where it is missing, and stays.
    pub(crate) fn find(port: u16) -> Result<Self, LocalError> {
        let inspect = ["network", "inspect", NETWORK, "--format", FORMAT];
        let name = format!("com.docker.network.bridge.name={DEVICE}");
        let make = ["network", "create", "--opt", &name, NETWORK];
        // Should another cloud make it at the same time, it is there all the same.
        let answer = docker(&inspect).or_else(|_| {
            let made = docker(&make);
            docker(&inspect).map_err(|error| made.err().unwrap_or(error))
        });
        let answer = answer.map_err(LocalError::Bridge)?;
        match answer.parse() {
            Ok(gateway) => Ok(Self { gateway, port }),
            Err(_) => Err(LocalError::Bridge(format!("the network {NETWORK} has no address of version 4: {answer:?}"))),
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
        socket.bind_device(Some(DEVICE.as_bytes()))?;
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
