//! How many words are wrong.

use crate::support::{made, made_of, media_dir, model, silence, spoken};
use smmu_core::speech::{SpeechProfile, wer::word_errors};
use std::{fs, path::Path};

/// Errors and words of several recordings together.
#[derive(Default)]
struct Errors {
    errors: usize,
    words: usize,
}

impl Errors {
    fn add(&mut self, said: &str, heard: &str) {
        let found = word_errors(said, heard);
        println!("{} of {} words are wrong\n  said:  {said}\n  heard: {heard}", found.errors, found.words);
        self.errors += found.errors;
        self.words += found.words;
    }

    fn rate(&self) -> f64 {
        self.errors as f64 / self.words as f64
    }
}

const JFK: &str =
    "And so, my fellow Americans, ask not what your country can do for you, ask what you can do for your country.";

/// Recordings and what is said in them: a line each with a name, then the text.
fn librivox(dir: &Path) -> Vec<(String, String)> {
    let list = fs::read_to_string(dir.join("transcription.txt")).expect("the texts are there");
    let entry = |line: &str| {
        let (name, text) = line.split_once(char::is_whitespace)?;
        Some((name.to_owned(), text.trim().to_owned()))
    };
    list.lines().filter_map(entry).collect()
}

#[test]
fn people_are_understood() {
    let Some(dir) = media_dir() else { return };
    let (mut model, mut errors) = (model("base"), Errors::default());
    let profile = SpeechProfile::default();
    errors.add(JFK, &made(&dir.join("jfk.wav"), &profile, &mut model).text());
    for (name, said) in librivox(&dir.join("librivox")) {
        let heard = made(&dir.join("librivox").join(format!("{name}.wav")), &profile, &mut model);
        errors.add(&said, &heard.text());
    }
    assert!(errors.rate() <= 0.06, "{} of {} words are wrong", errors.errors, errors.words);
}

/// Plain sentences: a small model guesses at the names and homophones that a machine reads aloud.
pub(crate) const SENTENCES: [&str; 6] = [
    "The weather was cold and wet this morning, but the sun came out in the afternoon.",
    "Please remember to bring the books back to the library before the end of the week.",
    "My brother works in a large hospital in the middle of the city.",
    "We are going to travel by train because it is cheaper than flying.",
    "She opened the window and listened to the birds in the garden.",
    "The meeting will start at nine, and everybody should be there on time.",
];

#[test]
fn generated_speech_is_understood() {
    let (mut model, mut errors) = (model("base"), Errors::default());
    let mut sound = silence(1.0);
    for sentence in SENTENCES {
        sound.extend(spoken("en-us", sentence));
        sound.extend(silence(1.5));
    }
    let made = made_of(&sound, &SpeechProfile::default(), &mut model);
    errors.add(&SENTENCES.join(" "), &made.text());
    assert!(errors.rate() <= 0.15, "{} of {} words are wrong", errors.errors, errors.words);
    assert!(["transcript.json", "transcript.txt", "captions.vtt", "captions.srt"].iter().all(|name| made.has(name)));
    assert!(!made.has("captions.m3u8"), "there is no picture to show them on");
}
