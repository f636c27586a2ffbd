//! What handlers ask of a request beyond its own words.

use lambda_http::{Request, RequestExt, http::header, request::RequestContext};
use smmu_core::{CorrelationId, Origin, trail};

/// Which request this is, as API Gateway and X-Ray name it.
pub(crate) fn origin(request: &Request) -> Option<Origin> {
    let Some(RequestContext::ApiGatewayV2(gateway)) = request.request_context_ref() else { return None };
    let correlation_id = CorrelationId::try_from(gateway.request_id.clone()?).ok()?;
    // lambda_http puts the invocation's trace here, whatever the client has sent.
    let trace = header_text(request, header::HeaderName::from_static("x-amzn-trace-id"));
    let (trace_id, sampled) = (trace.and_then(|header| header.parse().ok()), trace.is_some_and(trail::is_sampled));
    Some(Origin { correlation_id, trace_id, sampled })
}

/// The value of a header, where it is there once and is text.
pub(crate) fn header_text(request: &Request, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}
