//! What integration tests stand on: two deployed stacks, a caller of their API, sample files.

pub mod caller;
pub mod samples;
pub mod stack;

pub use caller::{Answer, Caller, Upload};
pub use stack::{Stack, by_itself, by_request};
