//! Addresses and outputs of a running cloud, for this process and others.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use serde::{Deserialize, Serialize};

use crate::account::{CREDENTIAL, REGION};
use crate::error::LocalError;
use crate::home;
use crate::identity::{self, Pool};

/// Everything that another process needs to reach a running cloud.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Address {
    pub(crate) endpoint: String,
    pub(crate) endpoint_for_containers: Option<String>,
    pub(crate) outputs: BTreeMap<String, String>,
    /// Password of every user that this crate creates, so that a person can sign in to the web page.
    pub(crate) password: String,
    /// Whether the web page was published.
    pub(crate) has_page: bool,
}

impl Address {
    /// Reads the address of the cloud that runs on `port` from `state_dir`.
    ///
    /// # Errors
    /// [`LocalError::NotRunning`] if no cloud runs there.
    pub fn of_running(state_dir: &Path, port: u16) -> Result<Self, LocalError> {
        let json = fs::read(home::dir_of(state_dir, port).join("cloud.json"));
        json.ok().and_then(|json| serde_json::from_slice(&json).ok()).ok_or(LocalError::NotRunning { port })
    }

    /// The endpoint of all AWS services.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The endpoint of all AWS services for containers of the machine's own engine, if
    /// [`CloudOptions::bridge`](crate::CloudOptions::bridge) is set.
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
    /// [`LocalError::OutputMissing`] if the stack does not have it.
    pub fn output(&self, name: &'static str) -> Result<&str, LocalError> {
        self.outputs.get(name).map(String::as_str).ok_or(LocalError::OutputMissing(name))
    }

    /// Base URL of the deployed API; paths are appended to it.
    ///
    /// The API id is in the path. AWS's form, `<id>.execute-api.…`, needs a resolver that knows names under
    /// `localhost`, and Debian's does not.
    ///
    /// # Errors
    /// [`LocalError::OutputMissing`] if the stack has no `ApiId`.
    pub fn api_url(&self) -> Result<String, LocalError> {
        Ok(format!("{}/_aws/execute-api/{}", self.endpoint, self.output("ApiId")?))
    }

    /// Address of the web page; `None` if it was not built, or the stack serves none.
    ///
    /// CloudFront's name, under `localhost` instead of `net`: browsers find such names on this machine.
    #[must_use]
    pub fn page_url(&self) -> Option<String> {
        let domain = self.outputs.get("WebDomainName")?.strip_suffix(".net")?;
        let port = self.endpoint.rsplit(':').next()?;
        self.has_page.then(|| format!("http://{domain}.localhost:{port}"))
    }

    /// The password of every user that [`token`](Self::token) was asked for.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Gets an access token for `user` from the stack's Cognito pool. Creates the user if necessary.
    ///
    /// # Errors
    /// [`LocalError::OutputMissing`] if the stack has no pool, [`LocalError::Call`] if Cognito refuses.
    pub async fn token(&self, user: &str) -> Result<String, LocalError> {
        let pool = Pool { id: self.output("UserPoolId")?, client: self.output("UserPoolClientId")? };
        identity::access_token(&self.sdk_config().await, pool, user, &self.password).await
    }

    /// An SDK configuration for this cloud. Every call makes a new HTTP client, so the result can be used in any
    /// runtime.
    pub async fn sdk_config(&self) -> SdkConfig {
        let credentials = aws_sdk_s3::config::Credentials::new(CREDENTIAL, CREDENTIAL, None, None, "local");
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(&self.endpoint)
            .region(Region::from_static(REGION))
            .credentials_provider(credentials)
            .load()
            .await
    }

    /// Environment variables with which a program's AWS SDK reaches this cloud.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        sdk_environment(&self.endpoint)
    }
}

/// Environment variables that AWS SDKs read.
pub(crate) fn sdk_environment(endpoint: &str) -> Vec<(String, String)> {
    let pairs = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", CREDENTIAL),
        ("AWS_SECRET_ACCESS_KEY", CREDENTIAL),
        // No EC2 instance exists that could provide credentials.
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
