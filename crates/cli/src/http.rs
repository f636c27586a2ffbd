//! Sends requests and classifies the answers: success, final refusal, or worth a retry.

use crate::{
    error::{Error, Refused},
    retry::{Backoff, LONGEST_RETRY_AFTER, RetryError},
    show::{Show, printable},
};
use reqwest::{
    Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{HeaderMap, RETRY_AFTER},
    redirect,
};
use serde::{Deserialize, de::DeserializeOwned};
use smmu_core::with_causes;
use std::{iter, net::Ipv4Addr, net::SocketAddr, time::Duration};

/// Timeout for the body of an error response.
const EXPLANATION: Duration = Duration::from_secs(10);

/// Timeouts and retries.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// To connect.
    pub connect: Duration,
    /// For the whole response to a small request.
    pub answer: Duration,
    /// For a transfer without progress. The transfer as a whole has no limit.
    pub stall: Duration,
    /// Retries of transient failures.
    pub backoff: Backoff,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            // API Gateway times out after 30 s.
            answer: Duration::from_secs(35),
            stall: Duration::from_mins(1),
            backoff: Backoff::default(),
        }
    }
}

/// Sends requests and retries transient failures.
pub struct Http {
    client: Client,
    patience: Timeouts,
    notice: Box<dyn Fn(&str)>,
}

/// A complete response.
pub struct Answer {
    /// 2xx or 304.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// Content.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body, which is JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        // serde_json's messages can quote the content, including signed URLs: only show the position.
        serde_json::from_slice(&self.body).map_err(|error| {
            outside_contract(&format!("an unexpected body (line {}, column {})", error.line(), error.column()))
        })
    }
}

/// The error of an answer that the API's contract does not allow.
#[must_use]
pub fn outside_contract(what: &str) -> Error {
    Error::Trouble(format!("the API answered with {what}; check its address and the version of this client"))
}

impl Http {
    /// A sender for `api` and its store. `notice` is called before each retry.
    pub fn new(api: &Url, patience: Timeouts, notice: impl Fn(&str) + 'static) -> Result<Self, Error> {
        let client = match settings(api, &patience).build() {
            // A machine without CA certificates can still reach a local deployment over HTTP.
            Err(_) if api.scheme() == "http" => settings(api, &patience).tls_certs_only([]).build(),
            built => built,
        };
        let client = client.map_err(|error| Error::Trouble(describe(error)))?;
        Ok(Self { client, patience, notice: Box::new(notice) })
    }

    /// The underlying client, to build requests with.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The timeouts and retries.
    #[must_use]
    pub fn patience(&self) -> &Timeouts {
        &self.patience
    }

    /// Runs `attempt`, with retries as configured.
    pub async fn retry<T>(&self, attempt: impl AsyncFnMut() -> Result<T, RetryError>) -> Result<T, Error> {
        self.patience.backoff.retry(&*self.notice, attempt).await
    }

    /// Sends a small request and reads the whole response.
    pub async fn exchange(&self, request: impl Fn() -> RequestBuilder) -> Result<Answer, Error> {
        self.retry(async || self.send(request()).await).await
    }

    /// Like [`exchange`](Self::exchange), without retries: for requests that are not idempotent.
    pub async fn exchange_once(&self, request: RequestBuilder) -> Result<Answer, Error> {
        self.send(request).await.map_err(|error| match error {
            RetryError::Final(error) => error,
            RetryError::Passing { what, .. } => Error::Trouble(format!(
                "{what}; not retried, because the request may have succeeded: check before you repeat it"
            )),
        })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, RetryError> {
        let sent = request.timeout(self.patience.answer).send().await.map_err(retry_error)?;
        let response = accept(sent).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await.map_err(retry_error)?.to_vec();
        Ok(Answer { status, headers, body })
    }
}

fn settings(api: &Url, patience: &Timeouts) -> ClientBuilder {
    let builder = Client::builder()
        .user_agent(concat!("smmu/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(patience.connect)
        // Redirects are not followed: they could carry a token or a signature to a third party.
        .redirect(redirect::Policy::none())
        .dns_resolver(LocalhostResolver);
    if is_this_machine(api) { builder.no_proxy() } else { builder }
}

/// `Retry-After` in seconds, decimals allowed. The date form (RFC 9110, section 10.2.3) is ignored: clocks may differ,
/// and neither the API nor S3 sends it.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Classifies a request without a response.
#[must_use]
pub fn retry_error(error: reqwest::Error) -> RetryError {
    if error.is_builder() {
        RetryError::Final(Error::Trouble(describe(error)))
    } else {
        RetryError::passing(describe(error))
    }
}

/// Returns a successful response, and classifies any other.
pub async fn accept(response: Response) -> Result<Response, RetryError> {
    let status = response.status();
    if status.is_success() || status == StatusCode::NOT_MODIFIED {
        return Ok(response);
    }
    let wait = retry_after(response.headers());
    // If the body does not arrive, the status is still known.
    let body = tokio::time::timeout(EXPLANATION, response.bytes()).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    let refused = refusal(status, &body);
    // Do not wait for the next day: the message says when it begins.
    if refused.code == "quota_exceeded" && wait.is_some_and(|wait| wait > LONGEST_RETRY_AFTER) {
        return Err(RetryError::Final(Error::Refused(refused)));
    }
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() || is_transient(&refused.code) {
        return Err(RetryError::Passing { what: refused.to_string(), retry_after: wait });
    }
    Err(RetryError::Final(Error::Refused(refused)))
}

/// True for the two 4xx of S3 that its API reference ("List of error codes", "Conditional writes") says to retry: a
/// stalled upload, and a conditional upload that conflicts with another, such as our own earlier try. Also true for
/// Cognito's throttling error, which is a 400 instead of a 429.
fn is_transient(code: &str) -> bool {
    matches!(code, "RequestTimeout" | "ConditionalRequestConflict" | "TooManyRequestsException")
}

/// Fields of problem details (RFC 9457), of API Gateway's own `{"message"}`, and of Cognito's errors.
#[derive(Default, Deserialize)]
struct ProblemBody {
    code: Option<String>,
    title: Option<String>,
    detail: Option<String>,
    pointer: Option<String>,
    remedy: Option<String>,
    message: Option<String>,
    #[serde(rename = "__type")]
    error_type: Option<String>,
}

fn refusal(status: StatusCode, body: &[u8]) -> Refused {
    let problem: ProblemBody = serde_json::from_slice(body).unwrap_or_default();
    let text = String::from_utf8_lossy(body);
    let code = problem.code.or(problem.error_type).or_else(|| element(&text, "Code")).unwrap_or_else(|| match status {
        StatusCode::UNAUTHORIZED => "unauthorized".to_owned(),
        _ => format!("http_{}", status.as_u16()),
    });
    let said = problem.detail.or(problem.title).or(problem.message).or_else(|| element(&text, "Message"));
    let mut detail = said.unwrap_or_else(|| status.canonical_reason().unwrap_or("no explanation").to_owned());
    if status == StatusCode::UNAUTHORIZED {
        detail.push_str(" (the token is missing, expired or for another API)");
    }
    Refused {
        status: status.as_u16(),
        code: printable(&code, 64),
        detail: printable(&detail, 400),
        pointer: problem.pointer.map(|pointer| printable(&pointer, 80)),
        remedy: problem.remedy.map(|remedy| printable(&remedy, 200)),
    }
}

/// Text of the first element `name` in S3's XML. Only used for elements without children.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.to_owned())
}

/// The error with its causes and host, without path and query, since they can contain a signature.
pub(crate) fn describe(error: reqwest::Error) -> String {
    let host = error.url().and_then(Url::host_str).map(|host| format!("{host}: ")).unwrap_or_default();
    let error = error.without_url();
    format!("{host}{}", with_causes(&error))
}

/// True if the URL's host is this machine, by name or address.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    is_localhost(host) || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback()) || host == "[::1]"
}

/// True for names that always resolve to this machine (RFC 6761, section 6.3).
fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The system's resolver, with support for `*.localhost`, which many resolvers lack.
struct LocalhostResolver;

impl Resolve for LocalhostResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            if is_localhost(name.as_str()) {
                let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                return Ok(Box::new(iter::once(here)) as Addrs);
            }
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Parses an address that tokens can be sent to: https, or on this machine.
pub fn secure(text: &str, what: &str) -> Result<Url, Error> {
    let url: Option<Url> = text.parse().ok();
    let safe = |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(url));
    url.filter(safe)
        .ok_or_else(|| Error::usage(format!("the address of {what} must be https: {}", printable(text, 200))))
}

/// A sender for one service that prints its retries.
pub fn sender(service: &Url, show: &Show) -> Result<Http, Error> {
    let show = show.clone();
    Http::new(service, Timeouts::default(), move |text| show.note(text))
}

#[cfg(test)]
mod tests {
    use super::{Http, Timeouts, is_this_machine, refusal, retry_after, secure};
    use crate::{error::Error, retry::Backoff};
    use reqwest::{StatusCode, Url, header::HeaderMap};
    use std::time::Duration;

    #[test]
    fn problem_details_keep_their_code_detail_and_pointer() {
        let body = br#"{"type":"urn:x","title":"T","status":415,"code":"unsupported_media_type","detail":"D","pointer":"/contentType","retryable":false,"remedy":"Do."}"#;
        let refused = refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, body);
        assert_eq!(refused.to_string(), "unsupported_media_type (HTTP 415): D [/contentType]. Do.");
    }

    #[test]
    fn the_gateways_own_401_mentions_the_token() {
        let refused = refusal(StatusCode::UNAUTHORIZED, br#"{"message":"Unauthorized"}"#);
        assert_eq!(refused.code, "unauthorized");
        assert!(refused.detail.contains("token"), "{}", refused.detail);
    }

    #[test]
    fn the_stores_xml_error_is_parsed() {
        let body = b"<?xml version=\"1.0\"?><Error><Code>BadDigest</Code><Message>It differs.</Message></Error>";
        assert_eq!(refusal(StatusCode::BAD_REQUEST, body).to_string(), "BadDigest (HTTP 400): It differs.");
    }

    #[test]
    fn an_unknown_error_body_falls_back_to_the_status() {
        assert_eq!(refusal(StatusCode::NOT_FOUND, b"<html>\x1b[31m").to_string(), "http_404 (HTTP 404): Not Found");
    }

    #[test]
    fn retry_after_is_seconds_or_nothing() {
        let parse = |text: &str| {
            let headers = HeaderMap::from_iter([(reqwest::header::RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers)
        };
        assert_eq!(parse("2"), Some(Duration::from_secs(2)));
        assert_eq!(parse("0.5"), Some(Duration::from_millis(500)));
        for nothing in ["-1", "NaN", "inf", "1e300", "Wed, 21 Oct 2015 07:28:00 GMT", ""] {
            assert_eq!(parse(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn this_machine_is_recognised_by_all_its_names() {
        for (url, here) in [
            ("http://127.0.0.1:4566/x", true),
            ("http://[::1]/", true),
            ("http://localhost", true),
            ("http://abc.execute-api.localhost:4566", true),
            ("http://localhost.example", false),
            ("https://10.0.0.1", false),
        ] {
            assert_eq!(is_this_machine(&Url::parse(url).unwrap()), here, "{url}");
        }
    }

    #[tokio::test]
    async fn an_error_does_not_contain_the_signature_of_its_url() {
        // Bound and dropped, so nothing listens on the port.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = Url::parse(&format!("http://b.s3.localhost:{port}/key?X-Amz-Signature=s3cr3t")).unwrap();
        let patience = Timeouts {
            backoff: Backoff { tries: 1, first: Duration::ZERO, longest: Duration::ZERO },
            ..Timeouts::default()
        };
        let http = Http::new(&url, patience, |_| ()).unwrap();
        let Err(Error::Trouble(text)) = http.exchange(|| http.client().get(url.clone())).await else {
            panic!("there was an answer")
        };
        assert!(text.starts_with("b.s3.localhost: "), "{text}");
        assert!(!text.contains("s3cr3t") && !text.contains("/key"), "{text}");
    }

    #[test]
    fn tokens_are_sent_only_over_https_or_to_this_machine() {
        for good in ["https://id.example/realms/a", "http://127.0.0.1:4566/", "http://id.localhost:1"] {
            assert!(secure(good, "x").is_ok(), "{good}");
        }
        for bad in ["http://id.example", "ftp://127.0.0.1", "id.example", ""] {
            assert!(secure(bad, "x").is_err(), "{bad}");
        }
    }
}
