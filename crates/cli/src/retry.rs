//! Retries of transient failures, with exponential backoff and jitter.

use crate::error::Error;
use std::time::Duration;

/// Upper bound on the pause from a service's `Retry-After`.
pub(crate) const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);

/// Number of tries and the pauses between them.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// Number of tries, including the first.
    pub tries: u32,
    /// Pause after the first try. Each further pause is twice as long.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Default for Backoff {
    /// About twelve seconds of pauses in total: enough for a cold start, a deployment or a short network failure.
    fn default() -> Self {
        Self { tries: 7, first: Duration::from_millis(250), longest: Duration::from_secs(8) }
    }
}

/// A failed attempt.
#[derive(Debug)]
pub enum RetryError {
    /// A retry would fail again.
    Final(Error),
    /// A retry may succeed.
    Passing {
        /// Description of the failure, for people.
        what: String,
        /// Pause that the service asks for.
        retry_after: Option<Duration>,
    },
}

impl RetryError {
    /// A transient failure without `Retry-After`.
    pub fn passing(what: impl Into<String>) -> Self {
        Self::Passing { what: what.into(), retry_after: None }
    }
}

impl Backoff {
    /// Retries until `attempt` succeeds, fails finally, or all tries are used. Calls `notice` before each pause.
    pub async fn retry<T>(
        &self,
        notice: &dyn Fn(&str),
        mut attempt: impl AsyncFnMut() -> Result<T, RetryError>,
    ) -> Result<T, Error> {
        let mut tried = 0;
        loop {
            tried += 1;
            let (what, retry_after) = match attempt().await {
                Ok(value) => return Ok(value),
                Err(RetryError::Final(error)) => return Err(error),
                Err(RetryError::Passing { what, retry_after }) => (what, retry_after),
            };
            if tried >= self.tries {
                return Err(Error::Trouble(format!("{what} (tried {tried} times)")));
            }
            let pause =
                self.pause(tried, fastrand::f64()).max(retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER));
            notice(&format!("{what}; trying again in {:.1} s", pause.as_secs_f64()));
            tokio::time::sleep(pause).await;
        }
    }

    /// The pause after `tried` tries: between half and all of its full length, by `chance` (0 to 1).
    pub(crate) fn pause(&self, tried: u32, chance: f64) -> Duration {
        let full = self.first.saturating_mul(2_u32.saturating_pow(tried - 1)).min(self.longest);
        full.mul_f64(0.5 + chance / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, RetryError};
    use crate::error::{Error, Exit};
    use std::time::Duration;

    const QUICK: Backoff = Backoff { tries: 3, first: Duration::from_millis(1), longest: Duration::from_millis(2) };

    #[test]
    fn pauses_grow_to_a_limit_and_jitter_within_their_upper_half() {
        let backoff = Backoff::default();
        let ms = |tried, chance| backoff.pause(tried, chance).as_millis();
        assert_eq!([ms(1, 0.0), ms(1, 1.0)], [125, 250]);
        assert_eq!([ms(3, 0.0), ms(3, 1.0)], [500, 1000]);
        assert_eq!([ms(60, 0.0), ms(60, 1.0)], [4000, 8000]);
    }

    #[tokio::test]
    async fn a_transient_failure_is_retried() {
        let mut left = 2;
        let result = QUICK.retry(&|_| (), async || {
            left -= 1;
            if left == 0 { Ok("done") } else { Err(RetryError::passing("busy")) }
        });
        assert_eq!(result.await.unwrap(), "done");
    }

    #[tokio::test]
    async fn a_lasting_transient_failure_ends_as_trouble() {
        let mut tried = 0;
        let result: Result<(), Error> = QUICK
            .retry(&|_| (), async || {
                tried += 1;
                Err(RetryError::passing("busy"))
            })
            .await;
        assert_eq!(result.unwrap_err().exit(), Exit::Trouble);
        assert_eq!(tried, 3);
    }

    #[tokio::test]
    async fn a_final_failure_is_not_retried() {
        let mut tried = 0;
        let result: Result<(), Error> = QUICK
            .retry(&|_| (), async || {
                tried += 1;
                Err(RetryError::Final(Error::usage("no")))
            })
            .await;
        assert_eq!((result.unwrap_err().exit(), tried), (Exit::Usage, 1));
    }
}
