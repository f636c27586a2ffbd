//! Timing of words and cues, on speech placed at known times.

use crate::{
    recordings::SENTENCES,
    support::{HZ, ffmpeg, made, made_of, model, silence, spoken, wav},
};
use smmu_core::speech::{SpeechProfile, Transcript, captions};
use std::fs;

/// The sentences with pauses of different lengths, and the start of each sentence in milliseconds.
fn placed() -> (Vec<i16>, Vec<u64>) {
    let (mut sound, mut starts_ms) = (silence(2.0), Vec::new());
    for (sentence, pause) in SENTENCES.iter().zip([0.9, 2.3, 1.4, 3.1, 0.8, 1.7]) {
        starts_ms.push((sound.len() * 1000 / HZ) as u64);
        sound.extend(spoken("en-us", sentence));
        sound.extend(silence(pause));
    }
    (sound, starts_ms)
}

/// Distance from each true start to the nearest found start, sorted.
fn distances(starts_ms: &[u64], truths_ms: &[u64]) -> Vec<u64> {
    let nearest = |&truth: &u64| starts_ms.iter().map(|start| start.abs_diff(truth)).min().expect("something starts");
    let mut distances: Vec<u64> = truths_ms.iter().map(nearest).collect();
    distances.sort_unstable();
    distances
}

fn words_are_monotone(transcript: &Transcript) -> bool {
    transcript.segments.iter().all(|segment| {
        let inside = segment.words.iter().all(|word| segment.span.contains(word.span));
        inside && segment.words.windows(2).all(|pair| pair[0].span.end_ms() <= pair[1].span.start_ms())
    })
}

#[test]
fn cues_and_words_start_when_they_are_spoken() {
    let (sound, truths_ms) = placed();
    let made = made_of(&sound, &SpeechProfile::default(), &mut model("base"));
    assert!(words_are_monotone(&made.transcript));
    let cues: Vec<u64> = captions::cues(&made.transcript).iter().map(|cue| cue.span.start_ms()).collect();
    let words: Vec<u64> =
        made.transcript.segments.iter().flat_map(|s| &s.words).map(|word| word.span.start_ms()).collect();
    let (cues, words) = (distances(&cues, &truths_ms), distances(&words, &truths_ms));
    println!("cues: {cues:?} ms, first words: {words:?} ms");
    assert!(cues[cues.len() / 2] <= 200 && words[words.len() / 2] <= 200);
}

#[test]
fn a_video_also_has_its_captions_as_an_hls_rendition() {
    let dir = tempfile::tempdir().expect("a folder");
    let (sound, input) = (dir.path().join("sound.wav"), dir.path().join("video.mp4"));
    fs::write(&sound, wav(&[silence(1.0), spoken("en-us", SENTENCES[0]), silence(1.0)].concat())).expect("written");
    ffmpeg(
        &format!("-f lavfi -i testsrc=size=64x64:rate=10 -i {} -shortest -c:v mpeg4 -c:a aac", sound.display()),
        &input,
    );
    let made = made(&input, &SpeechProfile::default(), &mut model("tiny.en"));
    assert!(made.has("captions.vtt") && made.has("captions.m3u8"));
}
