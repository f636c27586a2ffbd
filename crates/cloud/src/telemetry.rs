//! Logs and metrics: one JSON object per line on standard output, the format of `CloudWatch` Logs.

use crate::{
    clock,
    config::{Environment, InvalidEnvironment},
};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{JobId, Measurement, Origin, Sha256, Subject, Trail, UserHash, UserId, metrics};
use std::io::Write;
use tracing::{Span, error_span};
use tracing_subscriber::EnvFilter;

/// Starts logging with the filter in `SMMU_LOG` (default `info`). Invalid directives are ignored: a typo must not stop
/// a job.
pub fn start(environment: &Environment) {
    let filter = EnvFilter::builder().parse_lossy(environment.get("SMMU_LOG").unwrap_or("info"));
    // A second call, as in tests, keeps the first subscriber.
    let _already_started = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .try_init();
}

/// The span whose fields all log lines about a job have in common.
///
/// Its level is ERROR, so that no usual filter drops it.
#[must_use]
pub fn job_span(job: &JobId, trail: Option<&Trail>) -> Span {
    error_span!(
        "job",
        jobId = job.as_str(),
        correlationId = trail.map(|trail| trail.origin.correlation_id.as_str()),
        traceId = trail.and_then(|trail| trail.origin.trace_id.as_ref()).map(|id| id.as_str()),
        userHash = trail.map(|trail| trail.user_hash.as_str()),
    )
}

/// The span whose fields all log lines of one API request have in common.
#[must_use]
pub fn request_span(origin: Option<&Origin>, user: &UserHash) -> Span {
    error_span!(
        "request",
        correlationId = origin.map(|origin| origin.correlation_id.as_str()),
        traceId = origin.and_then(|origin| origin.trace_id.as_ref()).map(|id| id.as_str()),
        userHash = user.as_str(),
    )
}

/// Writes measurements to standard output.
#[derive(Clone)]
pub struct Meter {
    deployment: String,
}

impl Meter {
    /// For the deployment named by `SMMU_STAGE`.
    pub fn new(environment: &Environment) -> Result<Self, InvalidEnvironment> {
        Ok(Self { deployment: environment.require("SMMU_STAGE")?.to_owned() })
    }

    /// Writes a measurement with the current time.
    pub fn write(&self, measured: &Measurement, subject: Option<Subject<'_>>) {
        let line = metrics::line(measured, &self.deployment, subject, clock::now());
        // Not through tracing: CloudWatch requires the bare object. A lost measurement is harmless.
        let _lost = writeln!(std::io::stdout().lock(), "{line}");
    }
}

/// Computes pseudonyms of users for logs.
///
/// A digest without a secret does not hide an id that can be guessed, such as an e-mail address or a number.
/// `SMMU_LOG_PEPPER` is that secret. Without it, the digest depends on the name of the deployment only: logs contain no
/// id, and those of two deployments cannot be joined, but someone who knows an id can find its lines.
#[derive(Clone)]
pub struct Pseudonyms {
    pepper: String,
}

impl Pseudonyms {
    /// Uses `SMMU_LOG_PEPPER`, or `SMMU_STAGE` if that is not set.
    pub fn new(environment: &Environment) -> Result<Self, InvalidEnvironment> {
        let pepper = environment.get("SMMU_LOG_PEPPER").map_or_else(|| environment.require("SMMU_STAGE"), Ok)?;
        Ok(Self { pepper: pepper.to_owned() })
    }

    /// The pseudonym of a user.
    #[must_use]
    pub fn hash(&self, user: &UserId) -> UserHash {
        // The length prefix keeps two pairs of pepper and id from concatenating to the same bytes.
        let digest = Hasher::new()
            .chain_update((self.pepper.len() as u64).to_be_bytes())
            .chain_update(&self.pepper)
            .chain_update(user.as_str());
        UserHash::of(&Sha256::from_bytes(digest.finalize().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::Pseudonyms;
    use crate::config::Environment;
    use smmu_core::{UserHash, UserId};

    fn hash(variables: &[(&str, &str)], user: &str) -> UserHash {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let pseudonyms = Pseudonyms::new(&Environment::of(variables)).unwrap();
        pseudonyms.hash(&UserId::try_from(user.to_owned()).unwrap())
    }

    #[test]
    fn a_user_has_one_pseudonym_per_deployment() {
        let (dev, prod) = ([("SMMU_STAGE", "dev")], [("SMMU_STAGE", "prod")]);
        assert_eq!(hash(&dev, "ada"), hash(&dev, "ada"));
        assert_ne!(hash(&dev, "ada"), hash(&prod, "ada"));
        assert_ne!(hash(&dev, "ada"), hash(&dev, "bob"));
    }

    #[test]
    fn the_hash_is_that_of_the_runbook() {
        // tools/tests/test_runbook.py has the same values.
        let peppered = [("SMMU_STAGE", "dev"), ("SMMU_LOG_PEPPER", "secret")];
        assert_eq!(hash(&[("SMMU_STAGE", "dev")], "ada").as_str(), "ffae136aec5a4a95");
        assert_eq!(hash(&peppered, "ada").as_str(), "11c916ba9c335572");
    }

    #[test]
    fn pepper_and_id_cannot_run_together() {
        assert_ne!(hash(&[("SMMU_STAGE", "dev")], "user"), hash(&[("SMMU_STAGE", "devu")], "ser"));
    }
}
