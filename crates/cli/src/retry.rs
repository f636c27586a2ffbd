//! Trying again: what passes by itself, later and later, with jitter, a few times.

use crate::error::Error;
use std::time::Duration;

/// The longest that a service's `Retry-After` is obeyed; a longer one is asked again at that time.
pub(crate) const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);

/// How often and how long apart.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// Tries in all, the first among them.
    pub tries: u32,
    /// The pause after the first try; each further one is twice as long.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Default for Backoff {
    /// About twelve seconds of pauses: a function that starts cold, a deployment, a lost network.
    fn default() -> Self {
        Self { tries: 7, first: Duration::from_millis(250), longest: Duration::from_secs(8) }
    }
}

/// Why a try did not succeed.
#[derive(Debug)]
pub enum Setback {
    /// Trying again would end the same.
    Final(Error),
    /// It can pass.
    Passing {
        /// What happened, for people.
        what: String,
        /// When the service wants to be asked again.
        retry_after: Option<Duration>,
    },
}

impl Setback {
    /// A setback that can pass, of which nobody knows when.
    pub fn passing(what: impl Into<String>) -> Self {
        Self::Passing { what: what.into(), retry_after: None }
    }
}

impl Backoff {
    /// Tries until it succeeds, fails for good, or has failed too often; `notice` hears of each pause.
    pub async fn retry<T>(
        &self,
        notice: &dyn Fn(&str),
        mut attempt: impl AsyncFnMut() -> Result<T, Setback>,
    ) -> Result<T, Error> {
        let mut tried = 0;
        loop {
            tried += 1;
            let (what, retry_after) = match attempt().await {
                Ok(value) => return Ok(value),
                Err(Setback::Final(error)) => return Err(error),
                Err(Setback::Passing { what, retry_after }) => (what, retry_after),
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

    /// The pause after so many tries: between half of its full length and all of it, by `chance` (0 to 1).
    fn pause(&self, tried: u32, chance: f64) -> Duration {
        let full = self.first.saturating_mul(2_u32.saturating_pow(tried - 1)).min(self.longest);
        full.mul_f64(0.5 + chance / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, Setback};
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
    async fn what_passes_is_tried_again() {
        let mut left = 2;
        let result = QUICK.retry(&|_| (), async || {
            left -= 1;
            if left == 0 { Ok("done") } else { Err(Setback::passing("busy")) }
        });
        assert_eq!(result.await.unwrap(), "done");
    }

    #[tokio::test]
    async fn what_does_not_pass_ends_as_trouble() {
        let mut tried = 0;
        let result: Result<(), Error> = QUICK
            .retry(&|_| (), async || {
                tried += 1;
                Err(Setback::passing("busy"))
            })
            .await;
        assert_eq!(result.unwrap_err().exit(), Exit::Trouble);
        assert_eq!(tried, 3);
    }

    #[tokio::test]
    async fn what_is_final_is_not_tried_again() {
        let mut tried = 0;
        let result: Result<(), Error> = QUICK
            .retry(&|_| (), async || {
                tried += 1;
                Err(Setback::Final(Error::usage("no")))
            })
            .await;
        assert_eq!((result.unwrap_err().exit(), tried), (Exit::Usage, 1));
    }
}
