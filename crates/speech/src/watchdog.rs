//! A time limit for each call into the engine.
//!
//! The engine is C++ code that cannot be interrupted, and a thread cannot be killed. If a call never returns, the only
//! remedy is to end the process, so the caller is notified.

#[cfg(test)]
mod tests;

use crate::recogniser::{Ask, Recognised, Recogniser, RecogniserError};
use smmu_core::speech::quality::Context;
use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Time limit for a full window of 30 s, with a wide margin: the largest model on two slow cores takes two minutes.
const FULL_WINDOW: Duration = Duration::from_mins(6);

/// A recogniser with a time limit per call.
pub struct Watched<R> {
    recogniser: R,
    watchdog: Watchdog,
    full_window: Duration,
}

impl<R: Recogniser> Watched<R> {
    /// If a call exceeds its time limit, `stuck` is called once, from another thread. It is expected to end the
    /// process.
    pub fn new(recogniser: R, stuck: impl FnOnce() + Send + 'static) -> Self {
        Self::with_bound(recogniser, FULL_WINDOW, stuck)
    }

    fn with_bound(recogniser: R, full_window: Duration, stuck: impl FnOnce() + Send + 'static) -> Self {
        Self { recogniser, watchdog: Watchdog::start(stuck), full_window }
    }
}

impl<R: Recogniser> Recogniser for Watched<R> {
    fn recognise(&mut self, samples: &[f32], ask: &Ask) -> Result<Recognised, RecogniserError> {
        let bound = match ask.attempt.context {
            // A third covers the work that does not depend on the length.
            Context::Region => self.full_window / 3 + (self.full_window * 2 / 3).mul_f64(part_of_window(samples)),
            Context::Full => self.full_window,
        };
        let Self { recogniser, watchdog, .. } = self;
        watchdog.watch(bound, || recogniser.recognise(samples, ask))
    }
}

/// Length of the samples as a fraction of 30 s, at most 1.
fn part_of_window(samples: &[f32]) -> f64 {
    (samples.len() as f64 / (30 * crate::mel::SAMPLE_RATE) as f64).min(1.0)
}

/// A thread that waits for deadlines.
struct Watchdog {
    shared: Arc<Shared>,
}

struct Shared {
    watch: Mutex<Watch>,
    changed: Condvar,
}

#[derive(Clone, Copy)]
enum Watch {
    Idle,
    Until(Instant),
    Over,
}

impl Watchdog {
    fn start(stuck: impl FnOnce() + Send + 'static) -> Self {
        let shared = Arc::new(Shared { watch: Mutex::new(Watch::Idle), changed: Condvar::new() });
        let looking = Arc::clone(&shared);
        thread::spawn(move || {
            if looking.wait() {
                stuck();
            }
        });
        Self { shared }
    }

    fn watch<T>(&self, bound: Duration, work: impl FnOnce() -> T) -> T {
        self.shared.set(Watch::Until(Instant::now() + bound));
        let done = work();
        self.shared.set(Watch::Idle);
        done
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.set(Watch::Over);
    }
}

impl Shared {
    fn set(&self, watch: Watch) {
        *self.watch.lock().unwrap_or_else(PoisonError::into_inner) = watch;
        self.changed.notify_all();
    }

    /// Waits until a deadline has passed (true) or the watchdog is dropped (false).
    fn wait(&self) -> bool {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            watch = match *watch {
                Watch::Over => return false,
                Watch::Idle => self.changed.wait(watch).unwrap_or_else(PoisonError::into_inner),
                Watch::Until(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return true;
                    }
                    self.changed.wait_timeout(watch, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}
