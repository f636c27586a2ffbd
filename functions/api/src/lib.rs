//! The HTTP API: five endpoints, one handler each, every error as problem details (RFC 9457).

pub mod auth;
mod complete;
mod health;
mod init;
mod job;
mod playback;
mod respond;

use auth::{AuthConfig, Verifier};
use aws_config::SdkConfig;
use lambda_http::{
    Body, Request, RequestExt, Response,
    http::{Method, header},
    request::RequestContext,
};
use smmu_cloud::{Artifacts, Environment, Submitter, clock, telemetry};
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
        })
    }

    /// Opens connections and fetches the issuer's keys, before the first request.
    pub async fn connect(&self) {
        tokio::join!(self.verifier.prepare(), self.submitter.connect());
    }
}

/// What a request asks for.
enum Route<'a> {
    Health,
    Init,
    Complete,
    Job(&'a str),
    Playback { job: &'a str, name: &'a str },
}

/// Answers one request. Never fails: what goes wrong is part of the answer.
pub async fn handle(request: Request, context: &Context) -> Response<Body> {
    let route = match route(request.method(), request.uri().path()) {
        Ok(route) => route,
        Err(problem) => return respond::problem(&problem),
    };
    if let Route::Health = route {
        return health::handle(context);
    }
    let user = match context.verifier.verify(request.headers()).await {
        Ok(claims) => claims.user,
        Err(error) => return respond::unauthorized(error),
    };
    let span = telemetry::request_span(origin(&request).as_ref(), &context.submitter.pseudonyms.hash(&user));
    let answered = async {
        match route {
            Route::Health => Ok(health::handle(context)),
            Route::Init => init::handle(&request, user, context).await,
            Route::Complete => complete::handle(&request, &user, context).await,
            Route::Job(id) => job::handle(&request, id, &user, context).await,
            Route::Playback { job, name } => playback::handle(job, name, &user, context).await,
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

fn route<'a>(method: &Method, path: &'a str) -> Result<Route<'a>, Problem> {
    let allow = |allowed: &Method, route| {
        if method == allowed { Ok(route) } else { Err(Problem::new(ProblemCode::MethodNotAllowed)) }
    };
    match path {
        "/health" => allow(&Method::GET, Route::Health),
        "/media/upload/init" => allow(&Method::POST, Route::Init),
        "/media/upload/complete" => allow(&Method::POST, Route::Complete),
        _ => {
            let job = path.strip_prefix("/jobs/").and_then(below_jobs);
            job.map_or(Err(Problem::new(ProblemCode::NotFound)), |route| allow(&Method::GET, route))
        }
    }
}

/// `{jobId}` and `{jobId}/playback/{name}`.
fn below_jobs(path: &str) -> Option<Route<'_>> {
    let mut parts = path.split('/');
    let job = parts.next().filter(|id| !id.is_empty())?;
    let route = match (parts.next(), parts.next()) {
        (None, _) => Route::Job(job),
        (Some("playback"), Some(name)) if !name.is_empty() => Route::Playback { job, name },
        (Some(_), _) => return None,
    };
    parts.next().is_none().then_some(route)
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
    use super::{Route, route};
    use lambda_http::http::Method;
    use smmu_core::ProblemCode;

    #[test]
    fn paths_below_jobs_are_a_job_or_one_of_its_texts() {
        assert!(matches!(route(&Method::GET, "/jobs/a"), Ok(Route::Job("a"))));
        let text = route(&Method::GET, "/jobs/a/playback/master.m3u8");
        assert!(matches!(text, Ok(Route::Playback { job: "a", name: "master.m3u8" })));
        for path in [
            "/jobs",
            "/jobs/",
            "/jobs/a/",
            "/jobs/a/b",
            "/jobs/a/playback",
            "/jobs/a/playback/",
            "/jobs/a/playback/b/c",
        ] {
            let refused = route(&Method::GET, path).err().map(|problem| problem.code);
            assert_eq!(refused, Some(ProblemCode::NotFound), "{path}");
        }
        let refused = route(&Method::POST, "/jobs/a/playback/b").err().map(|problem| problem.code);
        assert_eq!(refused, Some(ProblemCode::MethodNotAllowed));
    }
}
