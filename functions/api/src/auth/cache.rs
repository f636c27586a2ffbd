//! Cache of the issuer's keys.
//!
//! Fetches one at a time, and at most every 30 s while usable keys are cached: invented key IDs cannot cause more than
//! two requests a minute to the issuer. Keys are refreshed every 10 minutes, so a withdrawn key can stay valid that
//! long. If the issuer does not answer, the last keys are used for up to a day, so its outage does not become ours.

use super::{
    Clock,
    error::{AuthError, TokenFlaw},
    fetch::{FetchError, KeySource},
    jwk::{KeySet, NoKey},
    jws::VerifyingKey,
};
use smmu_core::{Timestamp, with_causes};
use tokio::sync::Mutex;

/// Age up to which keys are used without a refresh, in milliseconds.
const FRESH_MS: u64 = 10 * 60 * 1000;
/// Age up to which keys are used if the issuer does not answer, in milliseconds.
const USABLE_MS: u64 = 24 * 60 * 60 * 1000;
/// Minimum time between two fetches while usable keys are cached, in milliseconds.
const PAUSE_MS: u64 = 30 * 1000;
/// Minimum time between two fetches without usable keys, when every request fails anyway, in milliseconds.
const PAUSE_WITHOUT_KEYS_MS: u64 = 1000;

/// The keys of one issuer.
pub(super) struct KeyCache {
    source: Box<dyn KeySource>,
    clock: Clock,
    /// Held during a fetch, so all requests that need the result wait for it.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<Known>,
    last_fetch: Option<Fetch>,
}

struct Known {
    keys: KeySet,
    fetched_at: Timestamp,
}

/// The last attempt, successful or not.
struct Fetch {
    ended_at: Timestamp,
    failed: bool,
}

impl KeyCache {
    pub(super) fn new(source: Box<dyn KeySource>, clock: Clock) -> Self {
        Self { source, clock, state: Mutex::default() }
    }

    /// Fetches the keys ahead of the first token. A failed or cancelled fetch leaves the cache unchanged.
    pub(super) async fn prepare(&self) {
        match self.source.fetch().await {
            Ok(keys) => {
                let fetched_at = (self.clock)();
                let mut state = self.state.lock().await;
                state.last_fetch = Some(Fetch { ended_at: fetched_at, failed: false });
                state.known = Some(Known { keys, fetched_at });
            }
            Err(error) => log(&error),
        }
    }

    /// The key to verify a token with this `kid`.
    ///
    /// # Errors
    /// `KeysUnavailable` if the issuer has to be asked and does not answer; otherwise a refusal.
    pub(super) async fn key(&self, key_id: Option<&str>) -> Result<VerifyingKey, AuthError> {
        let mut state = self.state.lock().await;
        let now = (self.clock)();
        if state.needs_fetch(key_id, now) && state.may_fetch(now) {
            self.fetch(&mut state).await;
        }
        let failing = state.last_fetch.as_ref().is_some_and(|fetch| fetch.failed);
        let keys = state.usable((self.clock)()).ok_or(AuthError::KeysUnavailable)?;
        match keys.select(key_id) {
            Ok(key) => Ok(key.clone()),
            // It may be the issuer's newest key, which only the issuer could confirm.
            Err(NoKey::Unknown) if failing => Err(AuthError::KeysUnavailable),
            Err(NoKey::Unknown) => Err(TokenFlaw::KeyUnknown.into()),
            Err(NoKey::Ambiguous) => Err(TokenFlaw::KeyNotNamed.into()),
        }
    }

    async fn fetch(&self, state: &mut State) {
        // Recorded before the fetch too, so a request cancelled while waiting counts as failed.
        state.last_fetch = Some(Fetch { ended_at: (self.clock)(), failed: true });
        let outcome = self.source.fetch().await;
        let ended_at = (self.clock)();
        state.last_fetch = Some(Fetch { ended_at, failed: outcome.is_err() });
        match outcome {
            Ok(keys) => {
                if keys.is_empty() {
                    tracing::warn!("the issuer publishes no key for the configured algorithm");
                }
                state.known = Some(Known { keys, fetched_at: ended_at });
            }
            Err(error) => log(&error),
        }
    }
}

fn log(error: &FetchError) {
    tracing::warn!(error = with_causes(error), "the issuer's keys cannot be fetched");
}

impl State {
    fn needs_fetch(&self, key_id: Option<&str>, now: Timestamp) -> bool {
        match &self.known {
            Some(known) if within(FRESH_MS, known.fetched_at, now) => {
                matches!(known.keys.select(key_id), Err(NoKey::Unknown))
            }
            Some(_) | None => true,
        }
    }

    fn may_fetch(&self, now: Timestamp) -> bool {
        let pause = if self.usable(now).is_some() { PAUSE_MS } else { PAUSE_WITHOUT_KEYS_MS };
        self.last_fetch.as_ref().is_none_or(|fetch| !within(pause, fetch.ended_at, now))
    }

    fn usable(&self, now: Timestamp) -> Option<&KeySet> {
        self.known.as_ref().filter(|known| within(USABLE_MS, known.fetched_at, now)).map(|known| &known.keys)
    }
}

/// True if two times are less than `span_ms` apart, in either order. These are wall-clock times, which can be set back,
/// because Lambda's monotonic clock stops between requests.
const fn within(span_ms: u64, earlier: Timestamp, later: Timestamp) -> bool {
    earlier.unix_ms().abs_diff(later.unix_ms()) < span_ms
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            jws::Algorithm,
            testing::{FakeIssuer, HandClock, Signer},
        },
        *,
    };
    use std::sync::Arc;

    fn issuer_with(keys: &[&Signer]) -> (FakeIssuer, HandClock, KeyCache) {
        let (issuer, clock) = (FakeIssuer::new(Algorithm::Rs256, keys), HandClock::new());
        let cache = KeyCache::new(Box::new(issuer.clone()), clock.clock());
        (issuer, clock, cache)
    }

    async fn outcome(cache: &KeyCache, key_id: &str) -> Result<(), AuthError> {
        cache.key(Some(key_id)).await.map(|_| ())
    }

    const UNKNOWN: Result<(), AuthError> = Err(AuthError::Unauthorized(TokenFlaw::KeyUnknown));
    const UNAVAILABLE: Result<(), AuthError> = Err(AuthError::KeysUnavailable);

    #[tokio::test]
    async fn keys_are_fetched_once_and_kept_for_ten_minutes() {
        let (issuer, clock, cache) = issuer_with(&[&Signer::rsa("a")]);
        for (step_s, fetches) in [(0, 1), (599, 1), (1, 2), (599, 2)] {
            clock.advance_s(step_s);
            assert_eq!(outcome(&cache, "a").await, Ok(()));
            assert_eq!(issuer.fetches(), fetches, "after {step_s} s more");
        }
    }

    #[tokio::test]
    async fn prefetched_keys_serve_the_first_token() {
        let (issuer, _, cache) = issuer_with(&[&Signer::rsa("a")]);
        cache.prepare().await;
        assert_eq!(issuer.fetches(), 1);
        assert_eq!(outcome(&cache, "a").await, Ok(()));
        assert_eq!(issuer.fetches(), 1);
    }

    #[tokio::test]
    async fn after_a_failed_prefetch_the_first_token_fetches_the_keys() {
        let (issuer, _, cache) = issuer_with(&[&Signer::rsa("a")]);
        issuer.go_down();
        cache.prepare().await;
        issuer.publish(&[&Signer::rsa("a")]);
        assert_eq!(outcome(&cache, "a").await, Ok(()));
        assert_eq!(issuer.fetches(), 2);
    }

    #[tokio::test]
    async fn concurrent_requests_share_one_fetch() {
        let (issuer, _, cache) = issuer_with(&[&Signer::rsa("a")]);
        let cache = Arc::new(cache);
        issuer.hang();
        let ask = |name: &'static str| {
            let cache = cache.clone();
            tokio::spawn(async move { outcome(&cache, name).await })
        };
        let waiting: Vec<_> = (0..20).map(|n| ask(if n % 2 == 0 { "a" } else { "unknown" })).collect();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(issuer.fetches(), 1);
        issuer.answer();
        for (n, asked) in waiting.into_iter().enumerate() {
            assert_eq!(asked.await.unwrap(), if n % 2 == 0 { Ok(()) } else { UNKNOWN });
        }
        assert_eq!(issuer.fetches(), 1);
    }

    #[tokio::test]
    async fn a_flood_of_unknown_key_ids_causes_one_fetch_in_thirty_seconds() {
        let (issuer, clock, cache) = issuer_with(&[&Signer::rsa("a")]);
        for n in 0..1000 {
            assert_eq!(outcome(&cache, &format!("made-up-{n}")).await, UNKNOWN);
        }
        assert_eq!(issuer.fetches(), 1);
        clock.advance_s(29);
        assert_eq!(outcome(&cache, "one more").await, UNKNOWN);
        assert_eq!(issuer.fetches(), 1);
        clock.advance_s(1);
        for n in 0..1000 {
            assert_eq!(outcome(&cache, &format!("made-up-{n}")).await, UNKNOWN);
        }
        assert_eq!(issuer.fetches(), 2);
    }

    #[tokio::test]
    async fn a_new_key_is_found_and_a_removed_one_no_longer_trusted() {
        let (issuer, clock, cache) = issuer_with(&[&Signer::rsa("old")]);
        assert_eq!(outcome(&cache, "old").await, Ok(()));
        issuer.publish(&[&Signer::other_rsa("new")]);
        clock.advance_s(30);
        assert_eq!(outcome(&cache, "old").await, Ok(()), "the cache is fresh, and no token asked for the new key");
        assert_eq!(outcome(&cache, "new").await, Ok(()));
        assert_eq!(outcome(&cache, "old").await, UNKNOWN);
        assert_eq!(issuer.fetches(), 2);
    }

    #[tokio::test]
    async fn a_removed_key_is_trusted_for_ten_minutes_at_most() {
        let (issuer, clock, cache) = issuer_with(&[&Signer::rsa("old")]);
        assert_eq!(outcome(&cache, "old").await, Ok(()));
        issuer.publish(&[]);
        clock.advance_s(600);
        assert_eq!(outcome(&cache, "old").await, UNKNOWN);
    }

    #[tokio::test]
    async fn while_the_issuer_is_down_the_last_keys_serve_for_a_day() {
        let (issuer, clock, cache) = issuer_with(&[&Signer::rsa("a")]);
        assert_eq!(outcome(&cache, "a").await, Ok(()));
        issuer.go_down();
        clock.advance_s(24 * 3600 - 1);
        assert_eq!(outcome(&cache, "a").await, Ok(()));
        assert_eq!(outcome(&cache, "unknown").await, UNAVAILABLE, "it may be the newest key");
        assert_eq!(issuer.fetches(), 2, "a failed fetch is not repeated at once");
        clock.advance_s(1);
        assert_eq!(outcome(&cache, "a").await, UNAVAILABLE);
        issuer.publish(&[&Signer::rsa("a")]);
        clock.advance_s(1);
        assert_eq!(outcome(&cache, "a").await, Ok(()));
        assert_eq!(outcome(&cache, "unknown").await, UNKNOWN);
    }

    #[tokio::test]
    async fn an_issuer_that_is_down_is_asked_once_in_thirty_seconds_while_keys_serve() {
        let (issuer, clock, cache) = issuer_with(&[&Signer::rsa("a")]);
        assert_eq!(outcome(&cache, "a").await, Ok(()));
        issuer.go_down();
        clock.advance_s(600);
        for _ in 0..60 {
            assert_eq!(outcome(&cache, "a").await, Ok(()));
            clock.advance_s(1);
        }
        assert_eq!(issuer.fetches(), 1 + 2);
    }

    #[tokio::test]
    async fn without_any_keys_the_issuer_is_asked_again_after_a_second() {
        let (issuer, clock, cache) = issuer_with(&[]);
        issuer.go_down();
        for _ in 0..10 {
            assert_eq!(outcome(&cache, "a").await, UNAVAILABLE);
        }
        assert_eq!(issuer.fetches(), 1);
        issuer.publish(&[&Signer::rsa("a")]);
        assert_eq!(outcome(&cache, "a").await, UNAVAILABLE);
        clock.advance_s(1);
        assert_eq!(outcome(&cache, "a").await, Ok(()));
        assert_eq!(issuer.fetches(), 2);
    }

    #[tokio::test]
    async fn a_cancelled_request_does_not_block_the_next() {
        let (issuer, clock, cache) = issuer_with(&[&Signer::rsa("a")]);
        issuer.hang();
        let given_up = tokio::time::timeout(std::time::Duration::from_millis(1), outcome(&cache, "a")).await;
        assert!(given_up.is_err());
        assert_eq!(outcome(&cache, "a").await, UNAVAILABLE);
        issuer.answer();
        clock.advance_s(1);
        assert_eq!(outcome(&cache, "a").await, Ok(()));
    }

    #[tokio::test]
    async fn only_a_clock_set_back_far_makes_keys_stale() {
        let (issuer, clock, cache) = issuer_with(&[&Signer::rsa("a")]);
        assert_eq!(outcome(&cache, "a").await, Ok(()));
        clock.advance_s(-2);
        assert_eq!(outcome(&cache, "a").await, Ok(()));
        assert_eq!(issuer.fetches(), 1);
        clock.advance_s(-3600);
        assert_eq!(outcome(&cache, "a").await, Ok(()));
        assert_eq!(issuer.fetches(), 2);
    }
}
