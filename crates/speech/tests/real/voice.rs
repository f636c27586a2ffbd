//! Compares the voice detector with the reference implementation.

use crate::support::{HZ, hiss, model_dir};
use smmu_speech::vad::{Silero, Voice, WINDOW};
use std::{f64::consts::TAU, fs, time::Instant};

/// Four seconds that resemble hummed syllables: from 0.75 s to 3 s a voice with wandering pitch and vowels, whose
/// volume changes twice per second, over a faint hiss.
fn humming() -> Vec<f32> {
    let (mut phase, mut noise) = (0.0, hiss(4 * HZ, 0.001));
    (0..4 * HZ)
        .map(|at| {
            let seconds = at as f64 / HZ as f64;
            let swing = |hertz: f64| (TAU * hertz * seconds).sin();
            let pitch = 120.0 + 25.0 * swing(0.7);
            phase += TAU * pitch / HZ as f64;
            let (first, second) = (450.0 + 250.0 * swing(1.3), 1500.0 + 500.0 * swing(0.9));
            let near = |hertz: f64, width: f64| (-(hertz / width).powi(2)).exp();
            let voice: f64 = (1..=25)
                .map(|over| {
                    let hertz = f64::from(over) * pitch;
                    let loud = near(hertz - first, 120.0) + 0.5 * near(hertz - second, 180.0);
                    (loud + 0.25 * near(hertz - 2600.0, 250.0) + 0.02) * (f64::from(over) * phase).sin()
                })
                .sum();
            let syllable = if (0.75..3.0).contains(&seconds) { swing(2.0).max(0.0) } else { 0.0 };
            (0.25 * syllable * voice) as f32 + f32::from(noise.next().expect("as long as the voice")) / 32_768.0
        })
        .collect()
}

fn silero() -> Silero {
    let weights = fs::read(model_dir("base").join("vad.onnx")).expect("there");
    Silero::read(&weights).expect("supported weights")
}

fn probabilities(sound: &[f32]) -> Vec<f32> {
    let mut detector = silero().detector();
    sound.as_chunks::<WINDOW>().0.iter().map(|window| detector.probability(window)).collect()
}

/// Probabilities for the same sound from `silero_vad_16k_op15.onnx` of the same package, which has the same weights, in
/// onnxruntime 1.32.
const REFERENCE: &str = include_str!("../../fixtures/voice.json");

#[test]
fn probabilities_match_the_reference() {
    let reference: Vec<f32> = serde_json::from_str(REFERENCE).expect("numbers");
    let found = probabilities(&humming());
    assert_eq!(found.len(), reference.len());
    for (window, (found, expected)) in found.iter().zip(&reference).enumerate() {
        assert!((found - expected).abs() < 0.002, "window {window}: {found} instead of {expected}");
    }
}

#[test]
fn detection_takes_a_small_fraction_of_the_duration() {
    let sound = humming();
    let started = Instant::now();
    for _ in 0..15 {
        probabilities(&sound);
    }
    let part = started.elapsed().as_secs_f64() / 60.0;
    println!("a minute takes {:.2} % of its time", part * 100.0);
    assert!(part < 0.05, "detection would slow down transcription noticeably");
}
