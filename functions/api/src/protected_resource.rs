//! `GET /.well-known/oauth-protected-resource`: the issuer of accepted tokens (RFC 9728), without a token. So a client
//! only needs the API's address.

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

/// The issuer of the tokens that this API accepts.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct ProtectedResource<'a> {
    /// The API's address, as it was called.
    resource: String,
    /// Issuers of accepted tokens. Absent if tokens are signed with a shared secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_servers: Option<[&'a str; 1]>,
    /// Supported methods to send a token.
    bearer_methods_supported: [BearerMethod; 1],
    /// OAuth client ID for `smmu login`, if the issuer is a Cognito user pool.
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
        summary: "The issuer of the API's tokens",
        description: "Metadata of a protected resource (RFC 9728), which tells a client where its user signs in.",
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

/// Scheme and host, which `lambda_http` takes from the headers set by API Gateway.
fn origin(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("https");
    uri.authority().map_or_else(String::new, |authority| format!("{scheme}://{authority}"))
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn the_api_address_has_no_path() {
        for (uri, expected) in [
            ("https://api.example.com/.well-known/oauth-protected-resource?a=b", "https://api.example.com"),
            ("http://x.execute-api.localhost:4566/a", "http://x.execute-api.localhost:4566"),
        ] {
            assert_eq!(origin(&uri.parse().unwrap()), expected);
        }
    }
}
