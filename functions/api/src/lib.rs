//! The HTTP API: one handler for each endpoint, every error as problem details (RFC 9457).

pub mod auth;
mod cancel;
mod complete;
mod compress;
mod delete;
mod health;
mod init;
mod job;
mod list;
mod media;
mod playback;
mod respond;
#[cfg(test)]
mod template;

use auth::{AuthConfig, Verifier};
use aws_config::SdkConfig;
use lambda_http::{
    Body, Request, RequestExt, Response,
    http::{Method, header},
    request::RequestContext,
};
use smmu_cloud::{Artifacts, Canceller, Environment, Eraser, Submitter, clock, telemetry};
use smmu_core::{CorrelationId, Origin, Problem, ProblemCode, UploadPolicy, UserId, trail};
use std::sync::Arc;
use tracing::Instrument;

/// What the function needs, made once.
pub struct Context {
    stage: String,
    verifier: Verifier,
    policy: UploadPolicy,
    download_seconds: u32,
    submitter: Submitter,
    artifacts: Artifacts,
    canceller: Canceller,
    eraser: Eraser,
}

/// The environment cannot be used.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

impl Context {
    /// From the environment.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        let auth = AuthConfig::from_lookup(|name| environment.get(name).map(str::to_owned))?;
        Ok(Self {
            stage: environment.require("SMMU_STAGE")?.to_owned(),
            verifier: Verifier::new(auth, Arc::new(clock::now))?,
            policy: environment.upload_policy()?,
            download_seconds: environment.parse_or("SMMU_DOWNLOAD_EXPIRY_SECONDS", 15 * 60)?,
            submitter: Submitter::new(sdk, environment)?,
            artifacts: Artifacts::new(sdk, environment)?,
            canceller: Canceller::new(sdk, environment)?,
            eraser: Eraser::new(sdk, environment)?,
        })
    }

    /// Opens connections and fetches the issuer's keys, before the first request.
    pub async fn connect(&self) {
        tokio::join!(self.verifier.prepare(), self.submitter.connect());
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum Route<'a> {
    Health,
    Init,
    Complete,
    Jobs,
    Job(&'a str),
    Cancel(&'a str),
    Playback { job: &'a str, name: &'a str },
    MediaList,
    Media(&'a str),
    DeleteMedia(&'a str),
}

/// Answers one request. Never fails: what goes wrong is part of the answer.
pub async fn handle(request: Request, context: &Context) -> Response<Body> {
    let mut response = compress::for_client(request.headers(), answer(&request, context).await);
    if request.method() == Method::HEAD {
        // RFC 9110, section 9.3.2: what GET would answer, without its content.
        *response.body_mut() = Body::Empty;
    }
    response
}

async fn answer(request: &Request, context: &Context) -> Response<Body> {
    let route = match route(request.method(), request.uri().path()) {
        Ok(route) => route,
        Err(Unrouted::Nowhere) => return respond::problem(&Problem::new(ProblemCode::NotFound)),
        Err(Unrouted::OtherMethods(allowed)) => return respond::method_not_allowed(&allowed),
    };
    if let Route::Health = route {
        return health::handle(context);
    }
    let user = match context.verifier.verify(request.headers()).await {
        Ok(claims) => claims.user,
        Err(error) => return respond::unauthorized(error),
    };
    let span = telemetry::request_span(origin(request).as_ref(), &context.submitter.pseudonyms.hash(&user));
    let answered = async {
        match route {
            Route::Health => Ok(health::handle(context)),
            Route::Init => init::handle(request, user, context).await,
            Route::Complete => complete::handle(request, &user, context).await,
            Route::Jobs => list::jobs(request, &user, context).await,
            Route::Job(id) => job::handle(request, id, &user, context).await,
            Route::Cancel(id) => cancel::handle(id, &user, context).await,
            Route::Playback { job, name } => playback::handle(job, name, &user, context).await,
            Route::MediaList => list::media(request, &user, context).await,
            Route::Media(id) => media::handle(id, &user, context).await,
            Route::DeleteMedia(id) => delete::handle(id, &user, context).await,
        }
    };
    answered.instrument(span).await.unwrap_or_else(|problem| respond::problem(&problem))
}

/// Which request this is, as API Gateway and X-Ray name it.
fn origin(request: &Request) -> Option<Origin> {
    let Some(RequestContext::ApiGatewayV2(gateway)) = request.request_context_ref() else { return None };
    let correlation_id = CorrelationId::try_from(gateway.request_id.clone()?).ok()?;
    // lambda_http puts the invocation's trace here, whatever the client has sent.
    let trace = header_text(request, header::HeaderName::from_static("x-amzn-trace-id"));
    let (trace_id, sampled) = (trace.and_then(|header| header.parse().ok()), trace.is_some_and(trail::is_sampled));
    Some(Origin { correlation_id, trace_id, sampled })
}

/// Why a request leads to no route.
#[derive(Debug, PartialEq, Eq)]
enum Unrouted {
    /// There is nothing at the path.
    Nowhere,
    /// There is, for these methods.
    OtherMethods(Vec<Method>),
}

/// The route of a method and a path. HEAD goes wherever GET does.
fn route<'a>(method: &Method, path: &'a str) -> Result<Route<'a>, Unrouted> {
    let routes = routes(path);
    if routes.is_empty() {
        return Err(Unrouted::Nowhere);
    }
    let allowed = routes.iter().flat_map(|(method, _)| match *method {
        Method::GET => vec![Method::GET, Method::HEAD],
        _ => vec![method.clone()],
    });
    let allowed = allowed.collect();
    let wanted = if *method == Method::HEAD { &Method::GET } else { method };
    let asked = routes.into_iter().find(|(method, _)| method == wanted);
    asked.map(|(_, route)| route).ok_or(Unrouted::OtherMethods(allowed))
}

/// What each method asks for at a path; nothing where the path leads nowhere.
fn routes(path: &str) -> Vec<(Method, Route<'_>)> {
    let parts: Vec<_> = path.strip_prefix('/').unwrap_or_default().split('/').collect();
    if parts.contains(&"") {
        return Vec::new();
    }
    match *parts.as_slice() {
        ["health"] => vec![(Method::GET, Route::Health)],
        ["media"] => vec![(Method::GET, Route::MediaList)],
        ["media", "upload", "init"] => vec![(Method::POST, Route::Init)],
        ["media", "upload", "complete"] => vec![(Method::POST, Route::Complete)],
        ["media", id] => vec![(Method::GET, Route::Media(id)), (Method::DELETE, Route::DeleteMedia(id))],
        ["jobs"] => vec![(Method::GET, Route::Jobs)],
        ["jobs", id] => vec![(Method::GET, Route::Job(id))],
        ["jobs", id, "cancel"] => vec![(Method::POST, Route::Cancel(id))],
        ["jobs", job, "playback", name] => vec![(Method::GET, Route::Playback { job, name })],
        _ => Vec::new(),
    }
}

/// What belongs to somebody else is answered exactly as what does not exist.
fn owned<T>(found: Option<T>, owner: impl Fn(&T) -> &UserId, user: &UserId) -> Result<T, Problem> {
    found.filter(|thing| owner(thing) == user).ok_or(Problem::new(ProblemCode::NotFound))
}

/// The value of a header, where it is there once and is text.
fn header_text(request: &Request, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::{Route, Unrouted, route};
    use lambda_http::http::Method;

    #[test]
    fn every_path_leads_to_its_route() {
        for (method, path, expected) in [
            (Method::GET, "/health", Route::Health),
            (Method::GET, "/jobs", Route::Jobs),
            (Method::GET, "/jobs/a", Route::Job("a")),
            (Method::POST, "/jobs/a/cancel", Route::Cancel("a")),
            (Method::GET, "/jobs/a/playback/master.m3u8", Route::Playback { job: "a", name: "master.m3u8" }),
            (Method::GET, "/media", Route::MediaList),
            (Method::GET, "/media/upload", Route::Media("upload")),
            (Method::DELETE, "/media/a", Route::DeleteMedia("a")),
            (Method::POST, "/media/upload/init", Route::Init),
            (Method::POST, "/media/upload/complete", Route::Complete),
        ] {
            assert_eq!(route(&method, path), Ok(expected));
        }
        for path in ["/health", "/jobs", "/jobs/a", "/jobs/a/playback/b", "/media", "/media/a"] {
            assert_eq!(route(&Method::HEAD, path), route(&Method::GET, path));
        }
    }

    #[test]
    fn a_path_that_leads_nowhere_is_not_found() {
        for path in [
            "",
            "/",
            "/jobs/",
            "/jobs/a/",
            "/jobs//a",
            "/jobs/a/b",
            "/jobs/a/cancel/",
            "/jobs/a/playback",
            "/jobs/a/playback/",
            "/jobs/a/playback/b/c",
            "/media/",
            "/media/a/b",
        ] {
            assert_eq!(route(&Method::GET, path), Err(Unrouted::Nowhere), "{path}");
        }
    }

    #[test]
    fn another_method_on_a_path_is_told_which_there_are() {
        let (get, post) = ([Method::GET, Method::HEAD], [Method::POST]);
        let read_or_delete = [Method::GET, Method::HEAD, Method::DELETE];
        for (path, allowed) in [
            ("/health", &get[..]),
            ("/jobs", &get),
            ("/jobs/a", &get),
            ("/jobs/a/playback/b", &get),
            ("/jobs/a/cancel", &post),
            ("/media", &get),
            ("/media/a", &read_or_delete),
            ("/media/upload/init", &post),
            ("/media/upload/complete", &post),
        ] {
            assert_eq!(route(&Method::PATCH, path), Err(Unrouted::OtherMethods(allowed.to_vec())), "{path}");
        }
        assert_eq!(route(&Method::HEAD, "/jobs/a/cancel"), Err(Unrouted::OtherMethods(post.to_vec())));
    }
}
