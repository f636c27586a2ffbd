//! What integration tests stand on: deployed stacks, a caller of their API, sample files.

pub mod caller;
pub mod ffmpeg;
pub mod samples;
pub mod stack;

pub use caller::{Answer, Caller, Upload};
pub use stack::{Stack, by_itself, by_request, crowded, in_turns, with_transcription};
use std::time::Duration;

/// Asks until it is so.
///
/// # Panics
/// If it is not so within half a minute.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within half a minute: {what}");
}
