//! Keys of per-user records, in tables whose other records have ids.

use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{Sha256, UserId};

/// The key of a user's record; `sort` is its prefix. Contains a hash of the user id, so that keys in logs and metrics
/// do not identify users.
pub(crate) fn user_key(sort: &str, user: &UserId) -> String {
    format!("{sort}_{}", Sha256::from_bytes(Hasher::digest(user.as_str()).into()))
}
