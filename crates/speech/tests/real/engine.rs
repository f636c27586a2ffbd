//! Checks the engine against the same contract as the unit tests' fake.

#[path = "../../src/recogniser/contract.rs"]
mod contract;

use crate::support::{model_dir, spoken};
use smmu_speech::{recogniser, whisper::Whisper};
use std::num::NonZeroUsize;

fn whisper(model: &str) -> Whisper {
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    Whisper::load(&model_dir(model), threads).expect("it loads")
}

fn speech() -> Vec<f32> {
    let said = spoken("en-us", "The weather was cold and wet this morning, but the sun came out in the afternoon.");
    said.iter().map(|&sample| f32::from(sample) / 32_768.0).collect()
}

#[test]
fn a_multilingual_model_fulfils_the_contract() {
    let (mut whisper, speech) = (whisper("base"), speech());
    contract::holds(&mut whisper, &speech);
    contract::repeats_itself(&mut whisper, &speech);
}

#[test]
fn an_english_only_model_fulfils_the_contract() {
    contract::holds(&mut whisper("tiny.en"), &speech());
}
