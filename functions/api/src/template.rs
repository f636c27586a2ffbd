//! Whether template.yaml sends this function what it routes, and nothing else.

use super::{Route, route};
use lambda_http::http::Method;
use std::collections::BTreeSet;

/// The route's key in API Gateway.
fn key(route: &Route<'_>) -> &'static str {
    match route {
        Route::Health => "GET /health",
        Route::Init => "POST /media/upload/init",
        Route::Complete => "POST /media/upload/complete",
        Route::Jobs => "GET /jobs",
        Route::Job(_) => "GET /jobs/{jobId}",
        Route::Cancel(_) => "POST /jobs/{jobId}/cancel",
        Route::MediaList => "GET /media",
        Route::Media(_) => "GET /media/{mediaId}",
        Route::DeleteMedia(_) => "DELETE /media/{mediaId}",
        Route::Playback { .. } => "GET /jobs/{jobId}/playback/{name}",
    }
}

#[test]
fn the_template_has_every_route_and_no_other() {
    let template = include_str!("../../../template.yaml");
    let keys: Vec<_> = template.lines().filter_map(|line| line.trim().strip_prefix("RouteKey: ")).collect();
    for sent in &keys {
        let (method, path) = sent.split_once(' ').expect("a method and a path; $default would take preflights too");
        let method: Method = method.parse().expect("a method");
        let routed = route(&method, path).unwrap_or_else(|nowhere| panic!("{sent}: {nowhere:?}"));
        // HEAD goes wherever GET does.
        assert_eq!(key(&routed), sent.replacen("HEAD ", "GET ", 1));
    }
    let all = [
        Route::Health,
        Route::Init,
        Route::Complete,
        Route::Jobs,
        Route::Job("{jobId}"),
        Route::Cancel("{jobId}"),
        Route::MediaList,
        Route::Media("{mediaId}"),
        Route::DeleteMedia("{mediaId}"),
        Route::Playback { job: "{jobId}", name: "{name}" },
    ];
    let heads = all.iter().map(key).filter(|key| key.starts_with("GET ")).map(|key| key.replacen("GET ", "HEAD ", 1));
    let all: BTreeSet<_> = all.iter().map(|route| key(route).to_owned()).chain(heads).collect();
    assert_eq!(keys.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), all);
}
