//! Word error rates.

use crate::support::{ffmpeg, made, made_of, media_dir, model, silence, spoken, wav};
use smmu_core::speech::{SpeechProfile, wer::word_errors};
use std::{fs, path::Path};

/// Errors and words, summed over several recordings.
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

/// Reads the names and texts of recordings: one per line, the name first.
fn librivox(dir: &Path) -> Vec<(String, String)> {
    let list = fs::read_to_string(dir.join("transcription.txt")).expect("the reference texts");
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

/// Simple sentences, without names and homophones, which a small model gets wrong in synthetic speech.
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
    assert!(!made.has("captions.m3u8"), "an audio file has no HLS captions");
}

#[test]
fn speech_is_understood_in_all_containers_and_channel_layouts() {
    let mut model = model("base");
    let dir = tempfile::tempdir().expect("a folder");
    let said = dir.path().join("said.wav");
    let mut sound = silence(0.5);
    for sentence in &SENTENCES[..3] {
        sound.extend(spoken("en-us", sentence));
        sound.extend(silence(1.0));
    }
    fs::write(&said, wav(&sound)).expect("written");
    let said = said.to_str().expect("a plain path");
    // Without a duration, as written by MediaRecorder; two channels that cancel each other out; eight tracks with the
    // voice on the last; fragments; a messenger's voice note; a start delayed by two seconds; a 16-megapixel cover.
    for (name, words) in [
        ("live.webm", "-c:a libopus -live 1 -f webm"),
        ("opposite.flac", "-af pan=stereo|c0=c0|c1=-1*c0 -c:a flac"),
        ("eight.wav", "-af aformat=channel_layouts=mono,pan=8c|c7=c0 -c:a pcm_s16le"),
        ("eight.m4a", "-af aformat=channel_layouts=mono,pan=7.1|SR=c0 -c:a aac"),
        ("fragmented.mp4", "-c:a aac -movflags +frag_keyframe+empty_moov -frag_duration 1000000"),
        ("voice-note.ogg", "-c:a libopus -ar 16000 -b:a 16k -application voip"),
        ("late.mkv", "-af asetpts=PTS+2/TB -c:a aac"),
        (
            "cover.mp3",
            "-f lavfi -i color=red:size=4000x4000:rate=1:duration=1 -map 0:a -map 1:v -frames:v 1 -c:v mjpeg \
             -disposition:v attached_pic -c:a libmp3lame -ar 44100",
        ),
    ] {
        let input = dir.path().join(name);
        ffmpeg(&format!("-i {said} {words}"), &input);
        let mut errors = Errors::default();
        errors.add(&SENTENCES[..3].join(" "), &made(&input, &SpeechProfile::default(), &mut model).text());
        assert!(errors.rate() <= 0.15, "{name}: {} of {} words are wrong", errors.errors, errors.words);
    }
}
