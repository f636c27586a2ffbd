//! The table of endpoints. The router follows it, and the template is checked against it.

use crate::{
    account, cancel, complete, delete,
    endpoint::{Endpoint, Parameters},
    health, init, job, list, media, openapi, parts, playback, protected_resource, rerun,
};
#[cfg(feature = "schema")]
use crate::{describe::Operation, endpoint::Handler};
use lambda_http::http::Method;

/// Every endpoint. Each is described beside its handler.
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
];

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

/// An endpoint as the document knows it.
#[cfg(feature = "schema")]
pub struct Described {
    /// HTTP method.
    pub method: &'static str,
    /// With parameters in braces.
    pub path: &'static str,
    /// Whether it wants a token.
    pub wants_token: bool,
    /// The rest.
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
    use crate::{describe::Place, endpoint::parameter_name};

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
