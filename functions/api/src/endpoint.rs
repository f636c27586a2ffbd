//! What an endpoint is: a method at a path, who answers, and what clients are told of it.

use crate::{context::Context, describe::Operation};
use lambda_http::{Body, Request, Response, http::Method};
use smmu_core::{Problem, UserId};
use std::pin::Pin;

/// One method at one path, and who answers it.
pub(crate) struct Endpoint {
    /// HEAD is answered wherever GET is, and has no entry of its own.
    pub(crate) method: Method,
    /// As API Gateway writes it: a segment in braces is a parameter.
    pub(crate) path: &'static str,
    /// Who answers.
    pub(crate) handler: Handler,
    /// What clients are told of it.
    pub(crate) operation: Operation,
}

/// Who answers a request. Without a token there is no user, so that a handler that needs one cannot be open.
pub(crate) enum Handler {
    /// Answers anybody.
    Open(fn(&Request, &Context) -> Response<Body>),
    /// Answers the user of a valid token.
    User(for<'a> fn(Call<'a>) -> Answering<'a>),
}

/// An answer in the making.
pub(crate) type Answering<'a> = Pin<Box<dyn Future<Output = Result<Response<Body>, Problem>> + Send + 'a>>;

/// A request of a user, on its way to a handler.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) user: &'a UserId,
    pub(crate) context: &'a Context,
    pub(crate) parameters: Parameters<'a>,
}

impl<'a> Call<'a> {
    /// What stands in the address at a parameter of the endpoint's own path.
    pub(crate) fn parameter(&self, name: &str) -> &'a str {
        let found = self.parameters.iter().find(|(known, _)| *known == name);
        found.expect("an endpoint asks for the parameters of its own path").1
    }
}

/// The parameters of a path by name, none of them empty.
pub(crate) type Parameters<'a> = Vec<(&'static str, &'a str)>;

impl Endpoint {
    /// The methods that it answers.
    pub(crate) fn methods(&self) -> &[Method] {
        if self.method == Method::GET { &[Method::GET, Method::HEAD] } else { std::slice::from_ref(&self.method) }
    }

    /// The parameters of a path that is this endpoint's. As in API Gateway, a slash too many makes it another path.
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

/// The name of a segment that is a parameter.
pub(crate) fn parameter_name(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}
