//! An endpoint: a method and a path with a handler and a public description.

use crate::{context::Context, describe::Operation};
use lambda_http::{Body, Request, Response, http::Method};
use smmu_core::{Problem, UserId};
use std::pin::Pin;

/// One method at one path, with its handler.
pub(crate) struct Endpoint {
    /// GET endpoints also answer HEAD, which has no entry of its own.
    pub(crate) method: Method,
    /// In the notation of API Gateway: a segment in braces is a parameter.
    pub(crate) path: &'static str,
    pub(crate) handler: Handler,
    /// Its public description.
    pub(crate) operation: Operation,
}

/// A handler. Only a token provides a user, so a handler that needs one cannot be open.
pub(crate) enum Handler {
    /// Requires no token.
    Open(fn(&Request, &Context) -> Response<Body>),
    /// Requires a valid token.
    User(for<'a> fn(Call<'a>) -> Answering<'a>),
}

/// The future of a response.
pub(crate) type Answering<'a> = Pin<Box<dyn Future<Output = Result<Response<Body>, Problem>> + Send + 'a>>;

/// An authenticated request.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) user: &'a UserId,
    pub(crate) context: &'a Context,
    pub(crate) parameters: Parameters<'a>,
}

impl<'a> Call<'a> {
    /// The value of a path parameter. Panics if the endpoint's path has no such parameter.
    pub(crate) fn parameter(&self, name: &str) -> &'a str {
        let found = self.parameters.iter().find(|(known, _)| *known == name);
        found.expect("an endpoint asks for the parameters of its own path").1
    }
}

/// The parameters of a path by name, none of them empty.
pub(crate) type Parameters<'a> = Vec<(&'static str, &'a str)>;

impl Endpoint {
    /// Accepted methods, including HEAD with GET.
    pub(crate) fn methods(&self) -> &[Method] {
        if self.method == Method::GET { &[Method::GET, Method::HEAD] } else { std::slice::from_ref(&self.method) }
    }

    /// The parameters of `path` if it matches this endpoint. As in API Gateway, an extra slash makes it a different
    /// path.
    pub(crate) fn at<'a>(&self, path: &'a str) -> Option<Parameters<'a>> {
        let (mut segments, mut parts) = (self.path.split('/'), path.split('/'));
        let mut parameters = Vec::new();
        loop {
            match (segments.next(), parts.next()) {
                (None, None) => return Some(parameters),
                (Some(segment), Some(part)) => match parameter_name(segment) {
                    Some(name) if !part.is_empty() => parameters.push((name, part)),
                    None if segment == part => {}
                    Some(_) | None => return None,
                },
                (Some(_), None) | (None, Some(_)) => return None,
            }
        }
    }
}

/// The parameter name of a segment such as `{jobId}`, or `None`.
pub(crate) fn parameter_name(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}
