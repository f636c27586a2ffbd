//! Fetches the credentials of an ECS task for a real container, which cannot do so itself: SDKs accept only loopback or
//! link-local addresses for this ("Container credential provider", AWS SDKs and Tools Reference Guide), and from inside
//! a container the cloud has neither. The credentials last six hours, longer than any worker runs.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Variables with the URL from which an SDK gets credentials, and the secret that it sends.
pub(super) const VARIABLES: [&str; 2] = ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    token: String,
}

/// Fetches the variables that replace [`VARIABLES`]. `environment` has the task's variables with the host's address on
/// this machine. A task without a role has no credentials.
pub(super) async fn fetch(environment: &BTreeMap<String, String>) -> Result<Vec<(String, String)>, String> {
    let [address, secret] = VARIABLES.map(|name| environment.get(name));
    let Some((address, secret)) = address.zip(secret) else { return Ok(Vec::new()) };
    let failed = |error: reqwest::Error| format!("the credentials of the ECS task: {error}");
    let client = reqwest::Client::builder().no_proxy().build().map_err(failed)?;
    let answer = client.get(address).header("authorization", secret).send().await.map_err(failed)?;
    let given: Credentials = answer.error_for_status().map_err(failed)?.json().await.map_err(failed)?;
    let pairs = [
        ("AWS_ACCESS_KEY_ID", given.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", given.secret_access_key),
        ("AWS_SESSION_TOKEN", given.token),
    ];
    Ok(pairs.map(|(name, value)| (name.to_owned(), value)).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::json;

    /// The environment of an ECS task with this secret; the server accepts only `right`.
    async fn environment(secret: &str) -> BTreeMap<String, String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}/v2/credentials/1", listener.local_addr().expect("it is bound"));
        let give = async |headers: HeaderMap| match headers.get("authorization") {
            Some(value) if value == "right" => {
                Ok(Json(json!({"AccessKeyId": "ASIA", "SecretAccessKey": "secret", "Token": "token", "RoleArn": ""})))
            }
            _ => Err(StatusCode::FORBIDDEN),
        };
        tokio::spawn(
            async move { axum::serve(listener, Router::new().route("/v2/credentials/{id}", get(give))).await },
        );
        let [uri, authorization] = VARIABLES.map(ToOwned::to_owned);
        [(uri, address), (authorization, secret.to_owned())].into()
    }

    #[tokio::test]
    async fn only_a_task_with_a_role_gets_credentials() {
        let fetched = fetch(&environment("right").await).await.expect("given");
        let names: Vec<_> = fetched.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]);
        assert_eq!(fetch(&BTreeMap::new()).await, Ok(vec![]));
    }

    #[tokio::test]
    async fn a_wrong_secret_is_an_error() {
        let refused = fetch(&environment("wrong").await).await.expect_err("refused");
        assert!(refused.contains("403"), "{refused}");
    }
}
