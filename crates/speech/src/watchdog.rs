//! A bound on the time that one call into the engine may take.
//!
//! The engine is C++ without a way to stop it, and a thread cannot be killed. All that can be done about a call that
//! never returns is to end the process, so that is what whoever runs one is told.

#[cfg(test)]
mod tests;

use crate::recogniser::{Ask, Recognised, Recogniser, RecogniserFault};
use smmu_core::speech::quality::Context;
use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// What a full window of 30 s takes at the most, times some: the largest model on two slow cores takes two minutes.
const FULL_WINDOW: Duration = Duration::from_mins(6);

/// A recogniser that is watched.
pub struct Watched<R> {
    recogniser: R,
    watchdog: Watchdog,
    full_window: Duration,
}

impl<R: Recogniser> Watched<R> {
    /// Calls `stuck` once, from another thread, when a call has taken far longer than any can need. It is expected to
    /// end the process.
    pub fn new(recogniser: R, stuck: impl FnOnce() + Send + 'static) -> Self {
        Self::with_bound(recogniser, FULL_WINDOW, stuck)
    }

    fn with_bound(recogniser: R, full_window: Duration, stuck: impl FnOnce() + Send + 'static) -> Self {
        Self { recogniser, watchdog: Watchdog::start(stuck), full_window }
    }
}

impl<R: Recogniser> Recogniser for Watched<R> {
    fn recognise(&mut self, samples: &[f32], ask: &Ask) -> Result<Recognised, RecogniserFault> {
        let bound = match ask.attempt.context {
            // A third is for what does not depend on the length.
            Context::Region => self.full_window / 3 + (self.full_window * 2 / 3).mul_f64(part_of_window(samples)),
            Context::Full => self.full_window,
        };
        let Self { recogniser, watchdog, .. } = self;
        watchdog.watch(bound, || recogniser.recognise(samples, ask))
    }
}

/// How much of 30 s these samples are, up to all.
fn part_of_window(samples: &[f32]) -> f64 {
    (samples.len() as f64 / (30 * crate::mel::SAMPLE_RATE) as f64).min(1.0)
}

/// A thread that looks at the clock.
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

    /// Waits until something is stuck (true) or there is nothing to watch any more (false).
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
