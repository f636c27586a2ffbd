//! Recordings without speech have an empty transcript.

use crate::support::{HZ, Made, ffmpeg, hiss, made, made_of, model, silence};
use smmu_core::speech::{Presence, SpeechProfile};
use std::fs;

fn assert_nothing(made: &Made) {
    assert_eq!(made.text(), "");
    assert_eq!(made.transcript.speech, Presence::None);
    assert_eq!(made.manifest.speech.as_ref().map(|facts| facts.speech), Some(Presence::None));
    assert!(made.has("transcript.json") && made.has("transcript.txt"));
    assert!(!made.has("captions.vtt") && !made.has("captions.srt"));
    assert_eq!(fs::read(made.dir.path().join("transcript.txt")).expect("written"), b"");
}

#[test]
fn ten_minutes_of_silence_have_no_text() {
    let mut model = model("tiny.en");
    assert_nothing(&made_of(&silence(600.0), &SpeechProfile::default(), &mut model));
}

#[test]
fn music_has_no_text() {
    // A cadence of four organ-like chords: each tone has overtones.
    let chords = [[220.0, 277.2, 329.6], [293.7, 370.0, 440.0], [329.6, 415.3, 493.9], [220.0, 277.2, 329.6]];
    let sound: Vec<i16> = (0..60 * HZ)
        .map(|at| {
            let seconds = at as f64 / HZ as f64;
            let chord = chords[(seconds / 2.0) as usize % chords.len()];
            let tone = |hertz: f64| {
                (1..=5).map(move |over| {
                    (std::f64::consts::TAU * hertz * f64::from(over) * seconds).sin() / f64::from(over)
                })
            };
            (chord.into_iter().flat_map(tone).sum::<f64>() * 3000.0) as i16
        })
        .collect();
    assert_nothing(&made_of(&sound, &SpeechProfile::default(), &mut model("tiny.en")));
}

#[test]
fn noise_has_no_text() {
    let sound: Vec<i16> = hiss(60 * HZ, 0.3).collect();
    assert_nothing(&made_of(&sound, &SpeechProfile::default(), &mut model("tiny.en")));
}

#[test]
fn a_video_without_sound_has_no_text() {
    let dir = tempfile::tempdir().expect("a folder");
    let input = dir.path().join("silent.mp4");
    ffmpeg("-f lavfi -i testsrc=size=64x64:rate=10:duration=2 -c:v mpeg4", &input);
    assert_nothing(&made(&input, &SpeechProfile::default(), &mut model("tiny.en")));
}
