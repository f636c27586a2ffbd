//! Support for integration tests: deployed stacks, a caller of their API, and sample files.

pub mod caller;
pub mod ffmpeg;
pub mod history;
pub mod receiver;
pub mod samples;
pub mod stack;

pub use caller::{Answer, Caller, Upload};
pub use history::HistoryEvent;
pub use stack::{Stack, Told, by_itself, by_request, crowded, in_functions, in_turns, told, with_transcription};
use std::time::Duration;

/// Polls until `so` is true.
///
/// # Panics
/// If `so` is not true within half a minute.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("not within half a minute: {what}");
}
