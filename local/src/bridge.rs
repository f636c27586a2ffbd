//! Lets containers reach the cloud, which listens only on loopback.
//!
//! Containers of the machine's own engine see this machine as the gateway of their network. A relay listens at the
//! gateway of the network [`NETWORK`] while the cloud runs. It is bound to the network's device, so only containers in
//! that network can reach it. A program that reaches the cloud has its owner's rights, because it can have the cloud
//! run a function. A worker's container is restricted as on Fargate, but it is not a sandbox for untrusted programs.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::docker::docker;
use crate::error::LocalError;

/// Connections that can wait to be accepted. A burst of workers opens a few tens.
const BACKLOG: u32 = 128;
/// Pause after a failed accept.
const RETRY_PAUSE: Duration = Duration::from_millis(10);
/// Name of the Docker network whose containers can reach local clouds.
pub(crate) const NETWORK: &str = "smmu-local";
/// Name of the network's device. Set at creation, so it need not be looked up.
const DEVICE: &str = "smmu-local0";
const FORMAT: &str = "{{(index .IPAM.Config 0).Gateway}}";

/// The network in the machine's container engine, and the cloud's port.
#[derive(Debug, Clone)]
pub(crate) struct Bridge {
    pub(crate) gateway: Ipv4Addr,
    port: u16,
}

impl Bridge {
    /// Finds the network, or creates it if it is missing. The network is never removed.
    pub(crate) fn find(port: u16) -> Result<Self, LocalError> {
        let inspect = ["network", "inspect", NETWORK, "--format", FORMAT];
        let name = format!("com.docker.network.bridge.name={DEVICE}");
        let make = ["network", "create", "--opt", &name, NETWORK];
        // If another cloud creates it at the same time, the second inspection finds it.
        let answer = docker(&inspect).or_else(|_| {
            let made = docker(&make);
            docker(&inspect).map_err(|error| made.err().unwrap_or(error))
        });
        let answer = answer.map_err(LocalError::Bridge)?;
        match answer.parse() {
            Ok(gateway) => Ok(Self { gateway, port }),
            Err(_) => Err(LocalError::Bridge(format!("the network {NETWORK} has no IPv4 gateway: {answer:?}"))),
        }
    }

    /// The cloud's endpoint for containers. A numeric address, because SDKs put the bucket in front of a host name.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}:{}", self.gateway, self.port)
    }

    /// Listens for connections from containers.
    pub(crate) fn listen(&self) -> io::Result<TcpListener> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind_device(Some(DEVICE.as_bytes()))?;
        socket.bind(SocketAddr::from((self.gateway, self.port)))?;
        socket.listen(BACKLOG)
    }

    /// Forwards every connection to the cloud, until the future is dropped.
    pub(crate) async fn relay(&self, listener: TcpListener) {
        loop {
            let Ok((mut inside, _)) = listener.accept().await else {
                // The connection was aborted, or too many files are open, which is temporary.
                tokio::time::sleep(RETRY_PAUSE).await;
                continue;
            };
            let port = self.port;
            tokio::spawn(async move {
                if let Ok(mut cloud) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
                    // Either side can close the connection at any time.
                    let _ = tokio::io::copy_bidirectional(&mut inside, &mut cloud).await;
                }
            });
        }
    }
}
