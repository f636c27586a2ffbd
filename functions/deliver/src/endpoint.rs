//! Webhook endpoints: the operator's from the environment, and the users' from their records.

use crate::Context;
use smmu_cloud::{CloudError, Environment, Failure, InvalidEnvironment, clock};
use smmu_core::{
    Job, UserId, WebhookId,
    webhook::{DeliveryFailure, DeliveryProblem, Endpoint, Reach, Recipient, Secret, target},
    with_causes,
};
use std::convert::Infallible;

/// A destination and its signing secrets.
pub(crate) struct Destination {
    pub(crate) url: String,
    /// Newest first.
    pub(crate) secrets: Vec<Secret>,
}

/// The operator's endpoint, from the template's parameters.
pub(crate) struct Operator {
    url: String,
    secrets: Vec<Secret>,
}

/// Minimum interval between records of the same failure of an endpoint, in milliseconds.
const NOTED_EVERY_MS: u64 = 60_000;

impl Operator {
    /// The endpoint at `SMMU_WEBHOOK_URL`, if set. `SMMU_WEBHOOK_SECRET` has its secret or, during a rotation, two
    /// separated by a space.
    pub(crate) fn from_environment(
        environment: &Environment,
        reach: Reach,
    ) -> Result<Option<Self>, InvalidEnvironment> {
        const URL: &str = "SMMU_WEBHOOK_URL";
        const SECRET: &str = "SMMU_WEBHOOK_SECRET";
        let unusable = |name, reason| InvalidEnvironment::Unusable { name, reason };
        let Some(url) = environment.get(URL) else { return Ok(None) };
        target(url, reach).map_err(|error| unusable(URL, error.to_string()))?;
        let secrets: Result<Vec<Secret>, _> = environment.require(SECRET)?.split_whitespace().map(str::parse).collect();
        let secrets = secrets.map_err(|error| unusable(SECRET, error.to_string()))?;
        if secrets.is_empty() || secrets.len() > 2 {
            return Err(unusable(SECRET, "must be one secret, or two with a space between".to_owned()));
        }
        Ok(Some(Self { url: url.to_owned(), secrets }))
    }
}

impl Context {
    /// The current state of an endpoint. `None` if it is deleted or disabled.
    pub(crate) async fn endpoint(&self, recipient: &Recipient, user: &UserId) -> Result<Option<Destination>, Failure> {
        let id = match recipient {
            Recipient::Operator => {
                let known =
                    |operator: &Operator| Destination { url: operator.url.clone(), secrets: operator.secrets.clone() };
                let operator = self.operator.as_ref().map_err(Failure::unexpected)?;
                return Ok(operator.as_ref().map(known));
            }
            Recipient::Webhook(id) => id,
        };
        let endpoints = self.media.webhooks(user).await?;
        let found = endpoints.into_iter().find(|one| one.webhook_id == *id && one.disabled_at.is_none());
        Ok(found.map(|one| Destination { secrets: one.secrets(clock::now()).cloned().collect(), url: one.url }))
    }

    /// Disables an endpoint, so nothing more is sent to it.
    pub(crate) async fn disable(&self, id: &WebhookId, user: &UserId) -> Result<(), CloudError> {
        let now = clock::now();
        self.change(id, user, |endpoint| endpoint.disabled_at = Some(now)).await
    }

    /// Records a failure for the endpoint's owner. Repeats are recorded at most once a minute, because all attempts
    /// write one record. A failure to record is only logged.
    pub(crate) async fn note_failure(
        &self,
        id: &WebhookId,
        job: &Job,
        attempt: u32,
        reason: DeliveryProblem,
        status: Option<u16>,
    ) {
        let failure = DeliveryFailure { at: clock::now(), job_id: job.id.clone(), attempt, reason, status };
        let is_noted = |last: &DeliveryFailure| {
            (last.reason, last.status) == (failure.reason, failure.status)
                && failure.at.ms_since(last.at) < NOTED_EVERY_MS
        };
        let note = |endpoint: &mut Endpoint| {
            if !endpoint.last_failure.as_ref().is_some_and(is_noted) {
                endpoint.last_failure = Some(failure.clone());
            }
        };
        let noted = self.change(id, &job.user_id, note).await;
        if let Err(error) = noted {
            tracing::warn!(error = with_causes(&error), "failed to record the failed delivery");
        }
    }

    async fn change(&self, id: &WebhookId, user: &UserId, change: impl Fn(&mut Endpoint)) -> Result<(), CloudError> {
        let changed = self.media.change_webhooks(user, |endpoints| {
            endpoints.iter_mut().filter(|one| one.webhook_id == *id).for_each(&change);
            Ok::<_, Infallible>(())
        });
        let Ok(()) = changed.await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Operator, Reach};
    use smmu_cloud::Environment;

    fn operator(url: &str, secret: &str) -> Result<Option<usize>, String> {
        let variables = [("SMMU_WEBHOOK_URL", url), ("SMMU_WEBHOOK_SECRET", secret)];
        let environment = Environment::of(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let read = Operator::from_environment(&environment, Reach::Public).map_err(|error| error.to_string())?;
        Ok(read.map(|operator| operator.secrets.len()))
    }

    #[test]
    fn the_operators_endpoint_has_one_or_two_secrets() {
        let secret = format!("whsec_{}", "A".repeat(32));
        assert_eq!(operator("", ""), Ok(None));
        assert_eq!(operator("https://example.com/", &secret), Ok(Some(1)));
        assert_eq!(operator("https://example.com/", &format!("{secret} {secret}")), Ok(Some(2)));
        for bad in ["", " ", "secret", &format!("{secret} secret"), &format!("{secret} {secret} {secret}")] {
            let refused = operator("https://example.com/", bad).unwrap_err();
            assert!(refused.contains("SMMU_WEBHOOK_SECRET") && !refused.contains(&secret), "{refused}");
        }
        let refused = operator("http://example.com/", &secret).unwrap_err();
        assert!(refused.contains("SMMU_WEBHOOK_URL") && refused.contains("https"), "{refused}");
    }
}
