//! How a running cloud is reached, by this process and others.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use serde::{Deserialize, Serialize};

use crate::account::{CREDENTIAL, REGION};
use crate::error::LocalError;
use crate::home;
use crate::identity::{self, Pool};

/// How a running cloud is reached: all that another process needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Address {
    pub(crate) endpoint: String,
    pub(crate) endpoint_for_containers: Option<String>,
    pub(crate) outputs: BTreeMap<String, String>,
}

impl Address {
    /// The address of the cloud that runs on `port`, as found in `state_dir`.
    ///
    /// # Errors
    /// [`LocalError::NotRunning`] when none does.
    pub fn of_running(state_dir: &Path, port: u16) -> Result<Self, LocalError> {
        let json = fs::read(home::dir_of(state_dir, port).join("cloud.json"));
        json.ok().and_then(|json| serde_json::from_slice(&json).ok()).ok_or(LocalError::NotRunning { port })
    }

    /// Where every AWS service is answered.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Where containers of the machine's own engine find every AWS service, if they can ([`CloudOptions::bridge`](crate::CloudOptions::bridge)).
    #[must_use]
    pub fn endpoint_for_containers(&self) -> Option<&str> {
        self.endpoint_for_containers.as_deref()
    }

    /// The stack's outputs.
    #[must_use]
    pub fn outputs(&self) -> &BTreeMap<String, String> {
        &self.outputs
    }

    /// One of the stack's outputs.
    ///
    /// # Errors
    /// [`LocalError::OutputMissing`].
    pub fn output(&self, name: &'static str) -> Result<&str, LocalError> {
        self.outputs.get(name).map(String::as_str).ok_or(LocalError::OutputMissing(name))
    }

    /// The deployed API's base address, to which its paths are appended.
    ///
    /// The API is addressed in the path: the form that AWS has, `<id>.execute-api.…`, would need a resolver that knows
    /// names under `localhost`, which Debian's does not.
    ///
    /// # Errors
    /// [`LocalError::OutputMissing`] when the stack has no `ApiId`.
    pub fn api_url(&self) -> Result<String, LocalError> {
        Ok(format!("{}/_aws/execute-api/{}", self.endpoint, self.output("ApiId")?))
    }

    /// An access token of `user`, from the stack's own Cognito pool; the user is made when missing.
    ///
    /// # Errors
    /// [`LocalError::OutputMissing`] when the stack has no pool, [`LocalError::Call`] when Cognito refuses.
    pub async fn token(&self, user: &str) -> Result<String, LocalError> {
        let pool = Pool { id: self.output("UserPoolId")?, client: self.output("UserPoolClientId")? };
        identity::access_token(&self.sdk_config().await, pool, user).await
    }

    /// A configuration for SDK clients that reach this cloud. Each has an HTTP client of its own, so that it may be used
    /// in any runtime.
    pub async fn sdk_config(&self) -> SdkConfig {
        let credentials = aws_sdk_s3::config::Credentials::new(CREDENTIAL, CREDENTIAL, None, None, "local");
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(&self.endpoint)
            .region(Region::from_static(REGION))
            .credentials_provider(credentials)
            .load()
            .await
    }

    /// What a program's environment needs for its AWS SDK to reach this cloud.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        sdk_environment(&self.endpoint)
    }
}

/// What an AWS SDK reads from the environment.
pub(crate) fn sdk_environment(endpoint: &str) -> Vec<(String, String)> {
    let pairs = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", CREDENTIAL),
        ("AWS_SECRET_ACCESS_KEY", CREDENTIAL),
        // There is no instance to ask about credentials.
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
