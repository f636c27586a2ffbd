//! Speech recognition: from a recording to its text, with a local voice detector and recogniser.
//!
//! [`transcribe()`] is the only entry point; both modes of the worker call it. ffmpeg decodes, [`vad`] finds the
//! regions with speech, and only those go to the [`recogniser`]. [`smmu_core::speech`] judges the answers and writes
//! the outputs. This crate knows nothing about AWS, jobs or networks.
//!
//! # Memory
//!
//! Recordings of any length are streamed: memory holds only a few minutes of samples per channel, the model, and the
//! words.

#![warn(missing_docs)]
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
