//! The HTTP API: one handler for each endpoint, every error as problem details (RFC 9457).

mod account;
pub mod auth;
mod cancel;
mod choice;
mod complete;
mod compress;
mod delete;
pub mod describe;
mod health;
mod init;
mod job;
mod list;
mod media;
mod openapi;
mod parts;
mod playback;
mod rerun;
mod respond;
mod routes;
#[cfg(test)]
mod template;
mod wait;

use auth::{AuthConfig, Verifier};
use aws_config::SdkConfig;
use lambda_http::{
    Body, Request, RequestExt, Response,
    http::{Method, header},
    request::RequestContext,
};
use routes::{Call, Handler, Unrouted};
use smmu_cloud::{Artifacts, Canceller, Environment, Eraser, Function, StartError, Submitter, clock, telemetry};
use smmu_core::{CorrelationId, Origin, Problem, ProblemCode, UploadPolicy, UserId, trail};
use std::{convert::Infallible, sync::Arc};
use tracing::Instrument;

/// What the function needs, made once.
pub struct Context {
    stage: String,
    verifier: Verifier,
    policy: UploadPolicy,
    transcription: bool,
    download_seconds: u32,
    submitter: Submitter,
    artifacts: Artifacts,
    canceller: Canceller,
    eraser: Eraser,
}

impl Function for Context {
    type Event = Request;
    type Answer = Response<Body>;
    /// What goes wrong is part of the answer.
    type Error = Infallible;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        let auth = AuthConfig::from_lookup(|name| environment.get(name).map(str::to_owned))?;
        Ok(Self {
            stage: environment.require("SMMU_STAGE")?.to_owned(),
            verifier: Verifier::new(auth, Arc::new(clock::now))?,
            policy: environment.upload_policy()?,
            transcription: environment.parse_or("SMMU_TRANSCRIPTION", false)?,
            download_seconds: environment.parse_or("SMMU_DOWNLOAD_EXPIRY_SECONDS", 15 * 60)?,
            submitter: Submitter::new(sdk, environment)?,
            artifacts: Artifacts::new(sdk, environment)?,
            canceller: Canceller::new(sdk, environment)?,
            eraser: Eraser::new(sdk, environment)?,
        })
    }

    /// Fetches the issuer's keys, too.
    async fn connect(&self) {
        tokio::join!(self.verifier.prepare(), self.submitter.connect());
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, Infallible> {
        let mut response = compress::for_client(request.headers(), answer(&request, self).await);
        if request.method() == Method::HEAD {
            // RFC 9110, section 9.3.2: what GET would answer, without its content.
            *response.body_mut() = Body::Empty;
        }
        Ok(response)
    }
}

async fn answer(request: &Request, context: &Context) -> Response<Body> {
    let (endpoint, parameters) = match routes::find(request.method(), request.uri().path()) {
        Ok(found) => found,
        Err(Unrouted::Nowhere) => return respond::problem(&Problem::new(ProblemCode::NotFound)),
        Err(Unrouted::OtherMethods(allowed)) => return respond::method_not_allowed(&allowed),
    };
    let handle = match endpoint.handler {
        Handler::Open(handle) => return handle(request, context),
        Handler::User(handle) => handle,
    };
    let user = match context.verifier.verify(request.headers()).await {
        Ok(claims) => claims.user,
        Err(error) => return respond::unauthorized(error),
    };
    let span = telemetry::request_span(origin(request).as_ref(), &context.submitter.pseudonyms.hash(&user));
    let call = Call { request, user: &user, context, parameters };
    handle(call).instrument(span).await.unwrap_or_else(|problem| respond::problem(&problem))
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

/// What belongs to somebody else is answered exactly as what does not exist.
fn owned<T>(found: Option<T>, owner: impl Fn(&T) -> &UserId, user: &UserId) -> Result<T, Problem> {
    found.filter(|thing| owner(thing) == user).ok_or(Problem::new(ProblemCode::NotFound))
}

/// The value of a header, where it is there once and is text.
fn header_text(request: &Request, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}
