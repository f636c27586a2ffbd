//! What integration tests stand on: deployed stacks, a caller of their API, sample files.

pub mod caller;
pub mod ffmpeg;
pub mod samples;
pub mod stack;

pub use caller::{Answer, Caller, Upload};
pub use stack::{Stack, by_itself, by_request, with_transcription};
