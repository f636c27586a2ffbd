//! The account that a local cloud has, the same for all of them.

/// The region of everything in the local cloud.
pub(crate) const REGION: &str = "us-east-1";
/// The account of everything in the local cloud.
pub(crate) const ACCOUNT: &str = "000000000000";
/// The key, and the secret, of the account's root: of whoever started the cloud, and of no function or worker.
pub(crate) const CREDENTIAL: &str = "test";
