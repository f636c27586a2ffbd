//! The table of endpoints. The router follows it, and the template is checked against it.

use crate::{
    Context, account, cancel, complete, delete, describe::Operation, health, init, job, list, media, openapi, parts,
    playback, rerun,
};
use lambda_http::{Body, Request, Response, http::Method};
use smmu_core::{Problem, UserId};
use std::pin::Pin;

/// Every endpoint. Each is described beside its handler.
pub(crate) static ENDPOINTS: &[&Endpoint] = &[
    &health::ENDPOINT,
    &openapi::ENDPOINT,
    &init::ENDPOINT,
    &complete::ENDPOINT,
    &list::JOBS,
    &job::ENDPOINT,
    &cancel::ENDPOINT,
    &playback::ENDPOINT,
    &list::MEDIA,
    &media::ENDPOINT,
    &delete::ENDPOINT,
    &rerun::ENDPOINT,
    &parts::SIGN,
    &parts::LIST,
    &account::EXPORT,
    &account::ERASE,
];

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

/// Why a request leads to no endpoint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unrouted {
    /// There is nothing at the path.
    Nowhere,
    /// There is, for these methods.
    OtherMethods(Vec<Method>),
}

/// The endpoint of a method and a path.
pub(crate) fn find<'a>(method: &Method, path: &'a str) -> Result<(&'static Endpoint, Parameters<'a>), Unrouted> {
    let mut allowed = Vec::new();
    for endpoint in ENDPOINTS {
        let Some(parameters) = endpoint.at(path) else { continue };
        let methods = endpoint.methods();
        if methods.contains(method) {
            return Ok((endpoint, parameters));
        }
        allowed.extend_from_slice(methods);
    }
    if allowed.is_empty() { Err(Unrouted::Nowhere) } else { Err(Unrouted::OtherMethods(allowed)) }
}

impl Endpoint {
    /// The methods that it answers.
    pub(crate) fn methods(&self) -> &[Method] {
        if self.method == Method::GET { &[Method::GET, Method::HEAD] } else { std::slice::from_ref(&self.method) }
    }

    /// The parameters of a path that is this endpoint's. As in API Gateway, a slash too many makes it another path.
    fn at<'a>(&self, path: &'a str) -> Option<Parameters<'a>> {
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

#[cfg(test)]
mod tests {
    use super::{ENDPOINTS, Method, Unrouted, find, parameter_name};
    use crate::describe::Place;

    fn found(method: &Method, path: &str) -> Result<(&'static str, Vec<String>), Unrouted> {
        let (endpoint, parameters) = find(method, path)?;
        Ok((endpoint.path, parameters.iter().map(|(name, part)| format!("{name}={part}")).collect()))
    }

    #[test]
    fn every_endpoint_is_found_by_its_own_path_and_no_other_shares_it() {
        for endpoint in ENDPOINTS {
            let path = endpoint.path.replace(['{', '}'], "-");
            for method in endpoint.methods() {
                let (it, _) = find(method, &path).unwrap_or_else(|reason| panic!("{method} {path}: {reason:?}"));
                assert!(std::ptr::eq(it, *endpoint), "{method} {path}");
            }
            let same: Vec<_> = ENDPOINTS.iter().filter(|other| other.at(&path).is_some()).map(|one| one.path).collect();
            assert!(same.iter().all(|other| *other == endpoint.path), "{path} is ambiguous: {same:?}");
        }
    }

    #[test]
    fn parameters_are_told_by_name() {
        let playback = found(&Method::HEAD, "/jobs/a/playback/master.m3u8");
        assert_eq!(
            playback,
            Ok(("/jobs/{jobId}/playback/{name}", vec!["jobId=a".to_owned(), "name=master.m3u8".to_owned()]))
        );
        assert_eq!(found(&Method::GET, "/media/upload"), Ok(("/media/{mediaId}", vec!["mediaId=upload".to_owned()])));
        assert_eq!(found(&Method::POST, "/media/upload/init"), Ok(("/media/upload/init", vec![])));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_not_found() {
        let odd =
            ["", "/", "//", "/jobs/a/b", "/jobs/a/playback", "/jobs/a/playback/b/c", "/media/a/b"].map(str::to_owned);
        // One slash too many, wherever.
        let slashes = ENDPOINTS.iter().flat_map(|endpoint| {
            let path = endpoint.path.replace(['{', '}'], "-");
            let doubled = path.match_indices('/').map(|(at, _)| format!("{}/{}", &path[..at], &path[at..]));
            let mut all: Vec<_> = doubled.collect();
            all.push(format!("{path}/"));
            all
        });
        for path in odd.into_iter().chain(slashes) {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                assert_eq!(found(&method, &path), Err(Unrouted::Nowhere), "{method} {path}");
            }
        }
    }

    #[test]
    fn another_method_on_a_path_is_told_which_there_are() {
        let (get, post) = ([Method::GET, Method::HEAD], [Method::POST]);
        for (method, path, allowed) in [
            (Method::POST, "/health", &get[..]),
            (Method::DELETE, "/jobs/a", &get),
            (Method::GET, "/jobs/a/cancel", &post),
            (Method::HEAD, "/media/upload/init", &post),
            (Method::PATCH, "/media/a", &[Method::GET, Method::HEAD, Method::DELETE]),
        ] {
            assert_eq!(found(&method, path), Err(Unrouted::OtherMethods(allowed.to_vec())), "{method} {path}");
        }
    }

    #[test]
    fn an_endpoint_describes_the_parameters_of_its_path_and_no_others() {
        for endpoint in ENDPOINTS {
            let named: Vec<_> = endpoint.path.split('/').filter_map(parameter_name).collect();
            let described = endpoint.operation.parameters.iter().filter(|one| one.place == Place::Path);
            assert_eq!(described.map(|one| one.name).collect::<Vec<_>>(), named, "{}", endpoint.path);
        }
    }
}
