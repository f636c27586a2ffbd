//! Tests with real models on real and generated speech. They need `SMMU_SPEECH_MODELS`, the folder that
//! `tools/speech-models.sh` fills. `SMMU_MEDIA_DIR` adds recordings of people.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the sounds have known lengths"
)]
#![allow(clippy::print_stdout, reason = "a failed test shows the transcript")]

mod cues;
mod engine;
mod languages;
mod models;
mod nothing;
mod recordings;
mod support;
mod voice;
