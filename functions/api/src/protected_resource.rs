//! `GET /.well-known/oauth-protected-resource`: whose tokens this API takes (RFC 9728), without a token. So a client needs to be
//! told the API's address and nothing else.

use crate::{
    context::Context,
    describe::{Answer, Body as JsonBody, Content, Operation, Shape},
    endpoint::{Endpoint, Handler},
    respond,
};
use lambda_http::{
    Body, Request, Response,
    http::{Method, StatusCode, Uri},
};
use serde::Serialize;

/// Whose tokens this API takes.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct ProtectedResource<'a> {
    /// The API's address, as it was called.
    resource: String,
    /// Issuers of accepted tokens. Missing where tokens are signed with a shared secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_servers: Option<[&'a str; 1]>,
    /// How a token is sent.
    bearer_methods_supported: [BearerMethod; 1],
    /// The issuer's client by which users of `smmu login` sign in, where the issuer is a Cognito user pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    smmu_client_id: Option<&'a str>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum BearerMethod {
    Header,
}

pub(crate) static ENDPOINT: Endpoint = Endpoint {
    method: Method::GET,
    path: "/.well-known/oauth-protected-resource",
    handler: Handler::Open(handle),
    operation: Operation {
        id: "getProtectedResource",
        summary: "Whose tokens the API takes",
        description: "Metadata of a protected resource (RFC 9728), by which a client knows where its user signs in.",
        parameters: &[],
        request: None,
        answers: &[Answer {
            status: 200,
            description: "The metadata.",
            content: Content::Json(JsonBody {
                shape: Shape::of::<ProtectedResource<'static>>(),
                example: r#"{
                    "resource": "https://api.example.com",
                    "authorization_servers": ["https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbC123"],
                    "bearer_methods_supported": ["header"],
                    "smmu_client_id": "1h57kf5cpq17m0eml12EXAMPLE"
                }"#,
            }),
            headers: &[],
            links: &[],
        }],
        problems: &[],
    },
};

fn handle(request: &Request, context: &Context) -> Response<Body> {
    let body = ProtectedResource {
        resource: origin(request.uri()),
        authorization_servers: context.verifier.issuer().map(|issuer| [issuer]),
        bearer_methods_supported: [BearerMethod::Header],
        smmu_client_id: context.verifier.sign_in_client(),
    };
    respond::json(StatusCode::OK, &body)
}

/// Scheme and host, which `lambda_http` takes from the headers that API Gateway has set.
fn origin(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("https");
    uri.authority().map_or_else(String::new, |authority| format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn the_address_of_the_api_has_no_path() {
        for (uri, expected) in [
            ("https://api.example.com/.well-known/oauth-protected-resource?a=b", "https://api.example.com"),
            ("http://x.execute-api.localhost:4566/a", "http://x.execute-api.localhost:4566"),
        ] {
            assert_eq!(origin(&uri.parse().unwrap()), expected);
        }
    }
}
