//! The table of endpoints. The router uses it, and a test compares template.yaml with it.

use crate::{
    account, cancel, complete, delete, deliveries,
    endpoint::{Endpoint, Parameters},
    health, init, job, list, media, openapi, parts, playback, protected_resource, rerun, sockets, webhooks,
};
#[cfg(feature = "schema")]
use crate::{describe::Operation, endpoint::Handler};
use lambda_http::http::Method;

/// All endpoints. Each is described next to its handler.
pub(crate) static ENDPOINTS: &[&Endpoint] = &[
    &health::ENDPOINT,
    &openapi::ENDPOINT,
    &protected_resource::ENDPOINT,
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
    &webhooks::CREATE,
    &webhooks::LIST,
    &webhooks::GET,
    &webhooks::DELETE,
    &webhooks::ROTATE,
    &deliveries::ENDPOINT,
    &sockets::ENDPOINT,
];

/// Why a request matches no endpoint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unrouted {
    /// The path does not exist.
    Nowhere,
    /// The path exists for these methods only.
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

/// An endpoint as the OpenAPI document describes it.
#[cfg(feature = "schema")]
pub struct Described {
    /// HTTP method.
    pub method: &'static str,
    /// With parameters in braces.
    pub path: &'static str,
    /// Set if it requires a token.
    pub wants_token: bool,
    /// Its public description.
    pub operation: &'static Operation,
}

/// The table of endpoints.
#[cfg(feature = "schema")]
pub fn endpoints() -> impl Iterator<Item = Described> {
    ENDPOINTS.iter().map(|endpoint| Described {
        method: endpoint.method.as_str(),
        path: endpoint.path,
        wants_token: matches!(endpoint.handler, Handler::User(_)),
        operation: &endpoint.operation,
    })
}

#[cfg(test)]
mod tests {
    use super::{ENDPOINTS, Method, Unrouted, find};
    use crate::{describe::ParameterLocation, endpoint::parameter_name};

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
    fn path_parameters_are_read_by_name() {
        let playback = found(&Method::HEAD, "/jobs/a/playback/master.m3u8");
        assert_eq!(
            playback,
            Ok(("/jobs/{jobId}/playback/{name}", vec!["jobId=a".to_owned(), "name=master.m3u8".to_owned()]))
        );
        assert_eq!(found(&Method::GET, "/media/upload"), Ok(("/media/{mediaId}", vec!["mediaId=upload".to_owned()])));
        assert_eq!(found(&Method::POST, "/media/upload/init"), Ok(("/media/upload/init", vec![])));
    }

    #[test]
    fn an_unknown_path_is_not_found() {
        let odd =
            ["", "/", "//", "/jobs/a/b", "/jobs/a/playback", "/jobs/a/playback/b/c", "/media/a/b"].map(str::to_owned);
        // One extra slash, at any place.
        let slashes = ENDPOINTS.iter().flat_map(|endpoint| {
            let path = endpoint.path.replace(['{', '}'], "-");
            let doubled = path.match_indices('/').map(|(at, _)| format!("{}/{}", &path[..at], &path[at..]));
            let mut all: Vec<_> = doubled.collect();
            all.push(format!("{path}/"));
            all
        });
        for path in odd.into_iter().chain(slashes) {
            for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT, Method::PATCH] {
                assert_eq!(found(&method, &path), Err(Unrouted::Nowhere), "{method} {path}");
            }
        }
    }

    #[test]
    fn a_wrong_method_gets_the_list_of_allowed_methods() {
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
            let described = endpoint.operation.parameters.iter().filter(|one| one.place == ParameterLocation::Path);
            assert_eq!(described.map(|one| one.name).collect::<Vec<_>>(), named, "{}", endpoint.path);
        }
    }
}
