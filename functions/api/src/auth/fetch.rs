//! Fetches the keys of an issuer.

use super::{
    error::NoHttpClient,
    jwk::{InvalidKeySet, KeySet},
    jws::Algorithm,
    loopback::is_loopback,
};
use reqwest::{Client, StatusCode, Url, redirect};
use serde::Deserialize;
use std::{future::Future, pin::Pin, time::Duration};

/// Largest accepted document, in bytes. The largest known issuers have about 20 KiB of keys.
const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// For discovery and keys together, since a client waits for both.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(5);

/// A fetch in progress.
pub(super) type Fetching<'a> = Pin<Box<dyn Future<Output = Result<KeySet, FetchError>> + Send + 'a>>;

/// A source of the issuer's current keys. Tests have one without a network.
pub(super) trait KeySource: Send + Sync {
    /// Asks the issuer on every call.
    fn fetch(&self) -> Fetching<'_>;
}

/// A failed fetch of keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("the request failed")]
    Request(#[from] reqwest::Error),
    #[error("no answer in time")]
    Timeout,
    #[error("the answer has status {0}")]
    Status(StatusCode),
    #[error("the answer is larger than {MAX_DOCUMENT_BYTES} bytes")]
    TooLarge,
    #[error("the discovery document belongs to another issuer")]
    Discovery,
    #[error("the key URL in the discovery document is neither https nor on this machine")]
    InsecureLocation,
    #[error(transparent)]
    KeySet(#[from] InvalidKeySet),
}

/// The address of the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// URL of the key set.
    Keys(Url),
    /// The issuer's discovery document gives the URL (OIDC Discovery 1.0). It cannot be guessed: many issuers keep
    /// their keys on another host.
    Discovery { issuer: String },
}

/// Fetches the keys of an issuer over HTTP.
pub(super) struct IssuerKeys {
    client: Client,
    algorithm: Algorithm,
    location: Location,
    patience: Duration,
}

impl IssuerKeys {
    pub(super) fn new(algorithm: Algorithm, location: Location) -> Result<Self, NoHttpClient> {
        let builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirect would let any page on the issuer's host choose the keys that we trust.
            .redirect(redirect::Policy::none());
        // A proxy cannot reach this machine.
        let builder = if location.is_local() { builder.no_proxy() } else { builder };
        Ok(Self { client: builder.build()?, algorithm, location, patience: TOTAL_TIMEOUT })
    }

    async fn fetch_now(&self) -> Result<KeySet, FetchError> {
        let document = match &self.location {
            Location::Keys(url) => self.get(url.clone()).await?,
            Location::Discovery { issuer } => self.get(self.discover(issuer).await?).await?,
        };
        Ok(KeySet::parse(&document, self.algorithm)?)
    }

    /// OIDC Discovery 1.0, section 4: the document's URL is under the issuer, and it must name exactly the same issuer.
    async fn discover(&self, issuer: &str) -> Result<Url, FetchError> {
        #[derive(Deserialize)]
        struct Document {
            issuer: String,
            jwks_uri: String,
        }

        let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let document = self.get(Url::parse(&place).map_err(|_| FetchError::Discovery)?).await?;
        let document: Document = serde_json::from_slice(&document).map_err(|_| FetchError::Discovery)?;
        if document.issuer != issuer {
            return Err(FetchError::Discovery);
        }
        let place = Url::parse(&document.jwks_uri).map_err(|_| FetchError::Discovery)?;
        // An issuer on another machine must not make us call a service on this one.
        let local = self.location.is_local() && is_loopback(&place);
        match place.scheme() {
            "https" => Ok(place),
            "http" if local => Ok(place),
            _ => Err(FetchError::InsecureLocation),
        }
    }

    /// Reads a whole document, up to [`MAX_DOCUMENT_BYTES`].
    async fn get(&self, url: Url) -> Result<Vec<u8>, FetchError> {
        let mut response = self.client.get(url).send().await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if document.len() + chunk.len() > MAX_DOCUMENT_BYTES {
                return Err(FetchError::TooLarge);
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document)
    }
}

impl Location {
    fn is_local(&self) -> bool {
        match self {
            Self::Keys(url) => is_loopback(url),
            Self::Discovery { issuer } => Url::parse(issuer).is_ok_and(|url| is_loopback(&url)),
        }
    }
}

impl KeySource for IssuerKeys {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async {
            tokio::time::timeout(self.patience, self.fetch_now()).await.unwrap_or(Err(FetchError::Timeout))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{Signer, ok, serve},
        *,
    };
    use serde_json::{Value, json};
    use std::net::SocketAddr;
    use tokio::net::TcpListener;

    fn key_set() -> Value {
        json!({"keys": [Signer::rsa("a").jwk()]})
    }

    async fn fetch(location: Location) -> Result<KeySet, FetchError> {
        IssuerKeys::new(Algorithm::Rs256, location).unwrap().fetch().await
    }

    async fn fetch_keys(address: SocketAddr) -> Result<KeySet, FetchError> {
        fetch(Location::Keys(Url::parse(&format!("http://{address}/jwks")).unwrap())).await
    }

    async fn discover(issuer: String) -> Result<KeySet, FetchError> {
        fetch(Location::Discovery { issuer }).await
    }

    #[tokio::test]
    async fn a_published_key_set_is_fetched() {
        let address = serve(|_, path| (path == "/jwks").then(|| ok(&key_set()))).await;
        assert!(fetch_keys(address).await.unwrap().select(Some("a")).is_ok());
    }

    #[tokio::test]
    async fn the_discovery_document_gives_the_key_url() {
        let respond = |address: SocketAddr, path: &str| match path {
            "/tenant/.well-known/openid-configuration" => Some(ok(&json!({
                "issuer": format!("http://{address}/tenant/"), "jwks_uri": format!("http://{address}/elsewhere")
            }))),
            "/elsewhere" => Some(ok(&key_set())),
            _ => None,
        };
        let address = serve(respond).await;
        assert!(discover(format!("http://{address}/tenant/")).await.unwrap().select(Some("a")).is_ok());
        let renamed = discover(format!("http://{address}/tenant")).await;
        assert!(matches!(renamed, Err(FetchError::Discovery)), "{renamed:?}");
    }

    #[tokio::test]
    async fn a_discovered_key_url_is_https_or_on_this_machine() {
        for place in ["http://keys.example/jwks", "ftp://127.0.0.1/jwks", "file:///etc/jwks"] {
            let respond = move |address: SocketAddr, _: &str| {
                Some(ok(&json!({"issuer": format!("http://{address}"), "jwks_uri": place})))
            };
            let outcome = discover(format!("http://{}", serve(respond).await)).await;
            assert!(matches!(outcome, Err(FetchError::InsecureLocation)), "{place}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let respond = |_, path: &str| match path {
            "/jwks" => Some("HTTP/1.1 302 Found\r\nlocation: /moved\r\ncontent-length: 0\r\n\r\n".to_owned()),
            _ => Some(ok(&key_set())),
        };
        let outcome = fetch_keys(serve(respond).await).await;
        assert!(matches!(outcome, Err(FetchError::Status(StatusCode::FOUND))), "{outcome:?}");
    }

    #[tokio::test]
    async fn an_error_status_is_a_failure() {
        let respond = |_, _: &str| Some(ok(&key_set()).replace("200 OK", "500 Internal Server Error"));
        let outcome = fetch_keys(serve(respond).await).await;
        assert!(matches!(outcome, Err(FetchError::Status(StatusCode::INTERNAL_SERVER_ERROR))), "{outcome:?}");
        let outcome = fetch_keys(serve(|_, _| Some(ok(&json!({"keys": 1})))).await).await;
        assert!(matches!(outcome, Err(FetchError::KeySet(InvalidKeySet::Malformed))), "{outcome:?}");
        let outcome = fetch_keys(serve(|_, _| Some("connection: close, but no HTTP".to_owned())).await).await;
        assert!(matches!(outcome, Err(FetchError::Request(_))), "{outcome:?}");
    }

    #[tokio::test]
    async fn no_more_than_64_kib_is_read_whether_announced_or_not() {
        let padded = |bytes: usize| {
            let body = key_set().to_string();
            format!("{body}{}", " ".repeat(bytes - body.len()))
        };
        for (bytes, fits) in [(MAX_DOCUMENT_BYTES, true), (MAX_DOCUMENT_BYTES + 1, false), (4 << 20, false)] {
            for announced in [format!("content-length: {bytes}\r\n"), String::new()] {
                let respond = move |_, _: &str| {
                    Some(format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{announced}\r\n{}", padded(bytes)))
                };
                let outcome = fetch_keys(serve(respond).await).await;
                assert!(
                    if fits { outcome.is_ok() } else { matches!(outcome, Err(FetchError::TooLarge)) },
                    "{bytes}: {outcome:?}"
                );
            }
        }
    }

    #[tokio::test]
    async fn an_issuer_that_never_answers_or_never_ends_times_out() {
        let endless = || Some("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_owned());
        for address in [serve(|_, _| None).await, serve(move |_, _| endless()).await] {
            let location = Location::Keys(Url::parse(&format!("http://{address}/jwks")).unwrap());
            let keys = IssuerKeys::new(Algorithm::Rs256, location).unwrap();
            assert_eq!(keys.patience, Duration::from_secs(5));
            let outcome = IssuerKeys { patience: Duration::from_millis(200), ..keys }.fetch().await;
            assert!(matches!(outcome, Err(FetchError::Timeout)), "{outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_refused_connection_is_a_failure() {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert!(matches!(fetch_keys(address).await, Err(FetchError::Request(_))));
    }
}
