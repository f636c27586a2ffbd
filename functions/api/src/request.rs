//! Request metadata for the handlers.

use lambda_http::{Request, RequestExt, http::header, request::RequestContext};
use smmu_core::{CorrelationId, Origin, trail};

/// The request ID of API Gateway and the trace of X-Ray.
pub(crate) fn origin(request: &Request) -> Option<Origin> {
    let Some(RequestContext::ApiGatewayV2(gateway)) = request.request_context_ref() else { return None };
    let correlation_id = CorrelationId::try_from(gateway.request_id.clone()?).ok()?;
    // lambda_http overwrites the client's value with the trace of the invocation.
    let trace = header_text(request, header::HeaderName::from_static("x-amzn-trace-id"));
    let (trace_id, sampled) = (trace.and_then(|header| header.parse().ok()), trace.is_some_and(trail::is_sampled));
    Some(Origin { correlation_id, trace_id, sampled })
}

/// The value of a header, if present and text.
pub(crate) fn header_text(request: &Request, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}
