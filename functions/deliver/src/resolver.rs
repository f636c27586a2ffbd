//! Resolves names, and refuses those with an address outside the public internet.
//!
//! A name is resolved once per request, and the connection uses an address of that answer. So a changing DNS record
//! cannot bypass the check (DNS rebinding).

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use smmu_core::webhook::Reach;
use std::{io, net::SocketAddr, sync::Arc};

/// The future of the addresses of a name.
pub(crate) type Lookup = std::pin::Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// A name resolved to a forbidden address.
#[derive(Debug, thiserror::Error)]
#[error("the name resolves to an address outside the public internet")]
pub(crate) struct AddressRefused;

/// A resolver that checks its answers.
pub(crate) struct Guarded {
    reach: Reach,
    ask: Arc<dyn Fn(String) -> Lookup + Send + Sync>,
}

impl Guarded {
    /// Uses the system's resolver.
    pub(crate) fn new(reach: Reach) -> Self {
        // Port 0 is replaced with that of the request.
        Self::asking(reach, |name| Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) }))
    }

    /// Uses another resolver.
    pub(crate) fn asking(reach: Reach, ask: impl Fn(String) -> Lookup + Send + Sync + 'static) -> Self {
        Self { reach, ask: Arc::new(ask) }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, ask) = (self.reach, Arc::clone(&self.ask));
        Box::pin(async move {
            let addresses = ask(name.as_str().to_owned()).await?;
            // One forbidden address refuses the whole answer: a legitimate name has none.
            if addresses.iter().all(|address| reach.allows(address.ip())) {
                Ok(Box::new(addresses.into_iter()) as Addrs)
            } else {
                Err(AddressRefused.into())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{AddressRefused, Guarded};
    use reqwest::dns::Resolve;
    use smmu_core::webhook::Reach;
    use std::net::SocketAddr;

    async fn resolved(answer: &[&str]) -> Result<Vec<SocketAddr>, bool> {
        let answer: Vec<SocketAddr> = answer.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
        let guarded = Guarded::asking(Reach::Public, move |_| {
            let answer = answer.clone();
            Box::pin(async move { Ok(answer) })
        });
        let found = guarded.resolve("hooks.example.com".parse().unwrap()).await;
        found.map(Iterator::collect).map_err(|error| error.is::<AddressRefused>())
    }

    #[tokio::test]
    async fn one_private_address_refuses_the_whole_answer() {
        assert_eq!(resolved(&["8.8.8.8", "2606:4700::1111"]).await.map(|all| all.len()), Ok(2));
        for mixed in [&["8.8.8.8", "10.0.0.1"][..], &["::ffff:169.254.169.254", "8.8.8.8"], &["127.0.0.1"]] {
            assert_eq!(resolved(mixed).await, Err(true), "{mixed:?}");
        }
    }
}
