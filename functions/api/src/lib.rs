//! The HTTP API: one handler for each endpoint, every error as problem details (RFC 9457).

mod account;
pub mod auth;
mod body;
mod cancel;
mod choice;
mod complete;
mod compress;
mod context;
mod delete;
mod deliveries;
pub mod describe;
mod endpoint;
mod estimate;
mod health;
mod init;
mod job;
mod list;
mod lookup;
mod media;
mod openapi;
mod parts;
mod playable;
mod playback;
mod protected_resource;
mod queue_position;
mod quota;
mod request;
mod rerun;
mod respond;
mod routes;
mod sockets;
#[cfg(test)]
mod template;
mod wait;
mod webhooks;

use auth::{AuthConfig, Verifier};
use aws_config::SdkConfig;
pub use context::Context;
use endpoint::{Call, Handler};
use lambda_http::{Body, Request, RequestExt, Response, http::Method};
use request::origin;
use routes::Unrouted;
#[cfg(feature = "schema")]
pub use routes::{Described, endpoints};
use smmu_cloud::{
    Artifacts, Canceller, Cdn, Environment, Eraser, Function, Sockets, StartError, Submitter, WebhookQueue, clock,
    telemetry, webhooks::webhook_reach,
};
use smmu_core::{Problem, ProblemCode, Timestamp};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tracing::Instrument;

impl Function for Context {
    type Event = Request;
    type Answer = Response<Body>;
    /// Errors are part of the response.
    type Error = Infallible;

    fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Self, StartError> {
        let auth = AuthConfig::from_lookup(|name| environment.get(name).map(str::to_owned))?;
        Ok(Self {
            stage: environment.require("SMMU_STAGE")?.to_owned(),
            verifier: Verifier::new(auth, Arc::new(clock::now))?,
            policy: environment.upload_policy()?,
            quotas: environment.quotas()?,
            deployment: environment.deployment()?,
            profile: environment.profile()?,
            transcription: environment.parse_or("SMMU_TRANSCRIPTION", false)?,
            download_seconds: environment.parse_or("SMMU_DOWNLOAD_EXPIRY_SECONDS", 15 * 60)?,
            submitter: Submitter::new(sdk, environment)?,
            artifacts: Artifacts::new(sdk, environment)?,
            cdn: Cdn::new(environment)?,
            canceller: Canceller::new(sdk, environment)?,
            eraser: Eraser::new(sdk, environment)?,
            webhooks: WebhookQueue::new(sdk, environment)?,
            reach: webhook_reach(environment),
            sockets: Sockets::new(sdk, environment)?,
        })
    }

    /// Also fetches the issuer's keys.
    async fn connect(&self) {
        tokio::join!(self.verifier.prepare(), self.submitter.connect());
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, Infallible> {
        let mut response = compress::for_client(request.headers(), answer_in_time(&request, self).await);
        if request.method() == Method::HEAD {
            // RFC 9110, section 9.3.2: the response to GET without its content.
            *response.body_mut() = Body::Empty;
        }
        Ok(response)
    }
}

/// Time kept for sending the response, in milliseconds.
const RESPONSE_MS: i64 = 1000;

/// The answer, or 503 if it takes so long that Lambda would end the function: API Gateway would then answer with a 500
/// that says nothing of a retry.
async fn answer_in_time(request: &Request, context: &Context) -> Response<Body> {
    let answer = answer(request, context);
    let Some(left) = time_left(request, clock::now()) else { return answer.await };
    tokio::time::timeout(left, answer).await.unwrap_or_else(|_| {
        tracing::error!("the function's time limit is near; the request was given up");
        respond::problem(&Problem::new(ProblemCode::Unavailable))
    })
}

/// Time until the answer is needed. `None` outside Lambda, and if no time seems to be left for a request that has just
/// arrived: then this clock is ahead of Lambda's.
fn time_left(request: &Request, now: Timestamp) -> Option<Duration> {
    let deadline_ms = i64::try_from(request.lambda_context_ref()?.deadline).ok()?;
    let left_ms = deadline_ms.saturating_sub(now.unix_ms()).saturating_sub(RESPONSE_MS);
    u64::try_from(left_ms).ok().filter(|left| *left > 0).map(Duration::from_millis)
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

#[cfg(test)]
mod tests {
    use super::time_left;
    use lambda_http::{Context, Request, RequestExt};
    use smmu_core::Timestamp;
    use std::time::Duration;

    #[test]
    fn a_request_is_answered_a_second_before_lambda_ends_the_function_unless_the_clock_is_off() {
        let left = |deadline| {
            let mut lambda = Context::default();
            lambda.deadline = deadline;
            time_left(&Request::default().with_lambda_context(lambda), Timestamp::from_unix_ms(10_000).unwrap())
        };
        assert_eq!(left(39_000), Some(Duration::from_secs(28)));
        assert_eq!(left(11_001), Some(Duration::from_millis(1)));
        assert_eq!(left(10_500), None);
        assert_eq!(time_left(&Request::default(), Timestamp::from_unix_ms(0).unwrap()), None);
    }
}
