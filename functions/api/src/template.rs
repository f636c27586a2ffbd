//! Tests that the routes in template.yaml match the table of endpoints.

use crate::{
    describe::{Header, ParameterLocation},
    endpoint::Handler,
    routes::ENDPOINTS,
};
use std::collections::BTreeSet;

const TEMPLATE: &str = include_str!("../../../template.yaml");

/// The lines of each HTTP route, from its key on. Routes of the WebSocket API belong to another function.
fn routes() -> impl Iterator<Item = &'static str> {
    let routes = TEMPLATE.split("RouteKey: ").skip(1);
    let routes = routes.map(|rest| rest.split_once("\n\n").map_or(rest, |(route, _)| route));
    routes.filter(|route| !["$connect\n", "$disconnect\n", "$default\n"].iter().any(|key| route.starts_with(key)))
}

/// The names in a list of the API's CORS configuration.
fn cors(list: &str) -> BTreeSet<&'static str> {
    let (_, rest) = TEMPLATE.split_once(&format!("{list}: [")).expect("the API has the list");
    let (names, _) = rest.split_once(']').expect("on one line");
    names.split(", ").collect()
}

#[test]
fn the_template_has_every_route_and_no_other() {
    let keys: BTreeSet<_> = routes().map(|route| route.lines().next().unwrap_or_default().to_owned()).collect();
    let all = ENDPOINTS.iter().flat_map(|one| one.methods().iter().map(|method| format!("{method} {}", one.path)));
    assert_eq!(keys, all.collect());
}

#[test]
fn api_gateway_requires_a_token_if_the_function_does() {
    for endpoint in ENDPOINTS {
        let authorization = match endpoint.handler {
            Handler::Open(_) => "AuthorizationType: NONE\n",
            Handler::User(_) => "AuthorizationType: !If [GatewayVerifies, JWT, NONE]\n",
        };
        for method in endpoint.methods() {
            let key = format!("{method} {}\n", endpoint.path);
            let route = routes().find(|route| route.starts_with(&key)).expect("the template has every route");
            assert!(format!("{route}\n").contains(authorization), "{key}{route}");
        }
    }
}

#[test]
fn images_are_estimated_for_the_function_that_renders_them() {
    let (_, function) =
        TEMPLATE.split_once("-render-image\n      Description:").expect("the template has the function");
    let (_, memory) = function.split_once("MemorySize: ").expect("it has a size");
    let memory = memory.lines().next().unwrap_or_default();
    assert!(TEMPLATE.contains(&format!("SMMU_RENDER_IMAGE_MEMORY: \"{memory}\"")), "{memory}");
}

#[test]
fn web_pages_may_use_every_method() {
    let all = ENDPOINTS.iter().flat_map(|one| one.methods()).map(|method| method.as_str());
    assert_eq!(cors("AllowMethods"), all.collect());
}

#[test]
fn web_pages_may_send_every_header_and_read_every_one() {
    let sent =
        ENDPOINTS.iter().flat_map(|one| one.operation.parameters).filter(|one| one.place == ParameterLocation::Header);
    let sent: BTreeSet<_> = sent.map(|one| one.name.to_ascii_lowercase()).collect();
    let allowed = cors("AllowHeaders");
    assert!(sent.iter().all(|name| allowed.contains(name.as_str())), "{sent:?} are not all in {allowed:?}");
    let answers = ENDPOINTS.iter().flat_map(|one| one.operation.answers);
    let read: BTreeSet<_> = answers.flat_map(|answer| answer.headers).map(|one: &Header| one.name()).collect();
    assert_eq!(cors("ExposeHeaders"), read);
}
