//! The real model on real and on generated speech. Wants `SMMU_SPEECH_MODELS`, the folder that
//! `tools/speech-models.sh` fills; `SMMU_MEDIA_DIR` adds recordings of people.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "sounds of known lengths are made here"
)]
#![allow(clippy::print_stdout, reason = "what was heard is shown where a test fails")]

mod cues;
mod engine;
mod languages;
mod models;
mod nothing;
mod recordings;
mod support;
mod voice;
