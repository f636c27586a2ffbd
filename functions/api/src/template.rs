//! Whether template.yaml sends this function what the table of endpoints has, and nothing else.

use crate::{
    describe::{Header, Place},
    endpoint::Handler,
    routes::ENDPOINTS,
};
use std::collections::BTreeSet;

const TEMPLATE: &str = include_str!("../../../template.yaml");

/// The lines of each route, from its key on.
fn routes() -> impl Iterator<Item = &'static str> {
    TEMPLATE.split("RouteKey: ").skip(1).map(|rest| rest.split_once("\n\n").map_or(rest, |(route, _)| route))
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
fn api_gateway_asks_for_a_token_where_the_function_does() {
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
fn web_pages_may_use_every_method() {
    let all = ENDPOINTS.iter().flat_map(|one| one.methods()).map(|method| method.as_str());
    assert_eq!(cors("AllowMethods"), all.collect());
}

#[test]
fn web_pages_may_send_every_header_and_read_every_one() {
    let sent = ENDPOINTS.iter().flat_map(|one| one.operation.parameters).filter(|one| one.place == Place::Header);
    let sent: BTreeSet<_> = sent.map(|one| one.name.to_ascii_lowercase()).collect();
    let allowed = cors("AllowHeaders");
    assert!(sent.iter().all(|name| allowed.contains(name.as_str())), "{sent:?} are not all in {allowed:?}");
    let answers = ENDPOINTS.iter().flat_map(|one| one.operation.answers);
    let read: BTreeSet<_> = answers.flat_map(|answer| answer.headers).map(|one: &Header| one.name()).collect();
    assert_eq!(cors("ExposeHeaders"), read);
}
