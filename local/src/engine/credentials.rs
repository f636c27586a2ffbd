//! The credentials of an ECS task, for a real container that cannot fetch them itself: SDKs ask for them at loopback or at
//! a link-local address ("Container credential provider", AWS SDKs and Tools Reference Guide), and from inside a container
//! the cloud is at neither. They last for six hours, longer than a worker may run.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Where an SDK asks, and the secret that it sends.
pub(super) const ASK: [&str; 2] = ["AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    token: String,
}

/// The variables that take the place of [`ASK`], for an ECS task with these, as they hold on this machine. A task without
/// a role has none.
pub(super) async fn fetch(environment: &BTreeMap<String, String>) -> Result<Vec<(String, String)>, String> {
    let [address, secret] = ASK.map(|name| environment.get(name));
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

    /// The environment of an ECS task whose credentials are given for the secret `right`.
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
        let [uri, authorization] = ASK.map(ToOwned::to_owned);
        [(uri, address), (authorization, secret.to_owned())].into()
    }

    #[tokio::test]
    async fn a_task_gets_the_credentials_of_its_role_and_one_without_a_role_none() {
        let fetched = fetch(&environment("right").await).await.expect("given");
        let names: Vec<_> = fetched.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]);
        assert_eq!(fetch(&BTreeMap::new()).await, Ok(vec![]));
    }

    #[tokio::test]
    async fn a_task_whose_secret_is_wrong_does_not_start() {
        let refused = fetch(&environment("wrong").await).await.expect_err("refused");
        assert!(refused.contains("403"), "{refused}");
    }
}
