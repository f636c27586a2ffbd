//! Speech: from a recording to its text, with a voice detector and a recogniser that run here.
//!
//! [`transcribe()`] is the one way in; the worker's two modes call it. ffmpeg decodes, [`vad`] says where somebody
//! speaks, and only that goes to the [`recogniser`]; what its answers are worth, and everything that is written of
//! them, is decided by [`smmu_core::speech`]. This crate knows no AWS, no job and no network.
//!
//! # Memory
//!
//! A recording streams through, however long it is: some minutes of samples a channel, the model, and the words
//! are all that is held.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "samples, frames and percentages are computed within their ranges; checked casts would be most of the code"
)]

mod checkpoint;
#[cfg(test)]
#[path = "recogniser/contract.rs"]
mod contract;
pub mod environment;
mod hear;
mod mel;
pub mod model;
mod outputs;
pub mod recogniser;
mod region;
#[cfg(test)]
mod testing;
mod transcribe;
pub mod vad;
mod vocabulary;
mod watchdog;
pub mod whisper;
mod words;

pub use checkpoint::Checkpoint;
pub use model::{Model, ModelError, ModelFiles};
pub use transcribe::{Event, Request, SoFar, transcribe};
pub use watchdog::Watched;
