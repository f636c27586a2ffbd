//! The AWS account and credentials of every local cloud.

/// Region of all resources in a local cloud.
pub(crate) const REGION: &str = "us-east-1";
/// Account id of all resources in a local cloud.
pub(crate) const ACCOUNT: &str = "000000000000";
/// Access key and secret key of the account's root user. Only for the user who started the cloud, not for functions or
/// workers.
pub(crate) const CREDENTIAL: &str = "test";
