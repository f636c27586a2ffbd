//! Requests and what their answers mean: done, refused for good, or worth another try.

use crate::{
    error::{Error, Refused},
    retry::{Backoff, LONGEST_RETRY_AFTER, Setback},
    show::printable,
};
use reqwest::{
    Client, ClientBuilder, RequestBuilder, Response, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{HeaderMap, RETRY_AFTER},
    redirect,
};
use serde::Deserialize;
use smmu_core::with_causes;
use std::{iter, net::Ipv4Addr, net::SocketAddr, time::Duration};

/// How long the explanation of a refusal is worth waiting for.
const EXPLANATION: Duration = Duration::from_secs(10);

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For the whole answer to a small request.
    pub answer: Duration,
    /// While a transfer, however long it takes, does not move.
    pub stall: Duration,
    /// For a service that has trouble.
    pub backoff: Backoff,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            // API Gateway itself gives up after 30 s.
            answer: Duration::from_secs(35),
            stall: Duration::from_mins(1),
            backoff: Backoff::default(),
        }
    }
}

/// Sends requests, again where that can help.
pub struct Http {
    client: Client,
    patience: Timeouts,
    notice: Box<dyn Fn(&str)>,
}

/// A whole answer.
pub struct Answer {
    /// Any 2xx, or 304.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// Content.
    pub body: Vec<u8>,
}

impl Http {
    /// A sender for `api` and the store that it names; `notice` hears of requests that are sent again.
    pub fn new(api: &Url, patience: Timeouts, notice: impl Fn(&str) + 'static) -> Result<Self, Error> {
        let client = match settings(api, &patience).build() {
            // A machine without CA certificates can still talk to the cloud that runs on it.
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

    /// How long to wait for what.
    #[must_use]
    pub fn patience(&self) -> &Timeouts {
        &self.patience
    }

    /// Tries as often as patience lasts.
    pub async fn retry<T>(&self, attempt: impl AsyncFnMut() -> Result<T, Setback>) -> Result<T, Error> {
        self.patience.backoff.retry(&*self.notice, attempt).await
    }

    /// Sends a small request and reads its whole answer.
    pub async fn exchange(&self, request: impl Fn() -> RequestBuilder) -> Result<Answer, Error> {
        self.retry(async || {
            let sent = request().timeout(self.patience.answer).send().await.map_err(setback)?;
            let response = accept(sent).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = response.bytes().await.map_err(setback)?.to_vec();
            Ok(Answer { status, headers, body })
        })
        .await
    }
}

fn settings(api: &Url, patience: &Timeouts) -> ClientBuilder {
    let builder = Client::builder()
        .user_agent(concat!("smmu/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(patience.connect)
        // Neither the API nor S3 sends elsewhere; following could carry a signature to a third party.
        .redirect(redirect::Policy::none())
        .dns_resolver(LocalhostResolver);
    if is_this_machine(api) { builder.no_proxy() } else { builder }
}

/// When the service wants to be asked again: `Retry-After` in seconds, decimals allowed. The form with
/// a date (RFC 9110, section 10.2.3) counts as none: the clocks may differ, and neither the API nor S3 sends it.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// What a request that got no answer means.
#[must_use]
pub fn setback(error: reqwest::Error) -> Setback {
    if error.is_builder() { Setback::Final(Error::Trouble(describe(error))) } else { Setback::passing(describe(error)) }
}

/// Passes an answer that is a success on, and tells what any other means.
pub async fn accept(response: Response) -> Result<Response, Setback> {
    let status = response.status();
    if status.is_success() || status == StatusCode::NOT_MODIFIED {
        return Ok(response);
    }
    let wait = retry_after(response.headers());
    // An answer without its body still has its status.
    let body = tokio::time::timeout(EXPLANATION, response.bytes()).await;
    let body = body.ok().and_then(Result::ok).unwrap_or_default();
    let refused = refusal(status, &body);
    // The next day is not waited for: the user is told when it begins.
    if refused.code == "quota_exceeded" && wait.is_some_and(|wait| wait > LONGEST_RETRY_AFTER) {
        return Err(Setback::Final(Error::Refused(refused)));
    }
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() || passes_by_itself(&refused.code) {
        return Err(Setback::Passing { what: refused.to_string(), retry_after: wait });
    }
    Err(Setback::Final(Error::Refused(refused)))
}

/// The two 4xx of S3 that its API reference ("List of error codes", "Conditional writes") says to try
/// again: an upload that stalled, and a conditional one that met another, such as our own lost try; and Cognito's 400 in the
/// place of 429.
fn passes_by_itself(code: &str) -> bool {
    matches!(code, "RequestTimeout" | "ConditionalRequestConflict" | "TooManyRequestsException")
}

/// The fields of problem details (RFC 9457), of API Gateway's own `{"message"}`, and of Cognito's errors.
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
        detail.push_str(" (the token is missing, expired or not of this API)");
    }
    Refused {
        status: status.as_u16(),
        code: printable(&code, 64),
        detail: printable(&detail, 400),
        pointer: problem.pointer.map(|pointer| printable(&pointer, 80)),
        remedy: problem.remedy.map(|remedy| printable(&remedy, 200)),
    }
}

/// The text of the first such element in S3's XML, which nests nothing in the two that are read.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text.to_owned())
}

/// An error with its causes and the host, but without the path and query, where signatures are.
pub(crate) fn describe(error: reqwest::Error) -> String {
    let host = error.url().and_then(Url::host_str).map(|host| format!("{host}: ")).unwrap_or_default();
    let error = error.without_url();
    format!("{host}{}", with_causes(&error))
}

/// Whether a URL's host is this machine by name or number.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    is_localhost(host) || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback()) || host == "[::1]"
}

/// Names that stand for this machine wherever they are asked (RFC 6761, section 6.3).
fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The system's resolver, but for `*.localhost`, which many of them do not know.
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

#[cfg(test)]
mod tests {
    use super::{Http, Timeouts, is_this_machine, refusal, retry_after};
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
    fn the_gateways_own_401_says_what_to_do() {
        let refused = refusal(StatusCode::UNAUTHORIZED, br#"{"message":"Unauthorized"}"#);
        assert_eq!(refused.code, "unauthorized");
        assert!(refused.detail.contains("token"), "{}", refused.detail);
    }

    #[test]
    fn the_stores_xml_is_understood() {
        let body = b"<?xml version=\"1.0\"?><Error><Code>BadDigest</Code><Message>It differs.</Message></Error>";
        assert_eq!(refusal(StatusCode::BAD_REQUEST, body).to_string(), "BadDigest (HTTP 400): It differs.");
    }

    #[test]
    fn an_answer_in_no_known_form_is_named_by_its_status() {
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
    fn this_machine_is_known_by_all_its_names() {
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
    async fn an_error_does_not_tell_the_signature_in_its_url() {
        // Bound and dropped: nobody listens there.
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
}
