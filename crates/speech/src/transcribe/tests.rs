use super::*;
use crate::testing::{Fake, model, said};
use smmu_core::{
    ErrorCode, MediaKind,
    speech::{Language, Presence, Segment, names},
};
use tempfile::TempDir;

/// A WAV file with the given number of channels, in a temporary folder.
fn file(channels: u16, frames: &[i16]) -> (TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let input = dir.path().join("input.wav");
    let (bytes, rate) = (size_of_val(frames) as u32, LISTENING_HZ);
    let mut file = b"RIFF".to_vec();
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * u32::from(channels) * 2).to_le_bytes());
    file.extend((channels * 2).to_le_bytes());
    file.extend(b"\x10\0data");
    file.extend(bytes.to_le_bytes());
    file.extend(frames.iter().flat_map(|sample| sample.to_le_bytes()));
    fs::write(&input, file).expect("written");
    (dir, input)
}

/// A sound of loud (true) and silent stretches, with their lengths in milliseconds.
fn sound(stretches: &[(bool, usize)]) -> Vec<i16> {
    let stretch = |&(loud, ms): &(bool, usize)| {
        (0..ms * 16).map(move |at| {
            if !loud {
                0
            } else if at % 20 < 10 {
                16_000
            } else {
                -16_000
            }
        })
    };
    stretches.iter().flat_map(stretch).collect()
}

/// Ten seconds with two regions of speech.
fn twice() -> (TempDir, std::path::PathBuf) {
    file(1, &sound(&[(false, 1000), (true, 2000), (false, 3000), (true, 2000), (false, 2000)]))
}

/// Runs a transcription. Returns its result, the reported percentages, the last checkpoint and the folder of outputs.
fn run(
    input: &Path,
    recogniser: &Fake,
    earlier: Option<&Checkpoint>,
    profile: &SpeechProfile,
) -> (Result<Manifest, MediaError>, Vec<u8>, Option<Checkpoint>, TempDir) {
    let out = tempfile::tempdir().expect("a folder");
    let limits = SpeechLimits::default();
    let request = Request { input, profile, limits: &limits, earlier };
    let (mut percents, mut checkpoint) = (Vec::new(), None);
    let mut watch = |event: Event| match event {
        Event::Progress { percent, .. } => percents.push(percent),
        Event::Heard(so_far) => {
            assert!(matches!(so_far.transcript().state, State::Partial { .. }));
            checkpoint = Some(so_far.checkpoint().clone());
        }
    };
    let made = transcribe(&request, &mut model(recogniser), out.path(), &mut watch, &AtomicBool::new(false));
    (made, percents, checkpoint, out)
}

fn transcript(out: &TempDir) -> Transcript {
    let json = fs::read(out.path().join(names::TRANSCRIPT)).expect("written");
    serde_json::from_slice(&json).expect("a transcript")
}

fn listed(manifest: &Manifest) -> Vec<&str> {
    manifest.artifacts.iter().map(|artifact| artifact.name.as_str()).collect()
}

#[test]
fn each_region_is_transcribed_once() {
    let (_dir, input) = twice();
    let fake = Fake::saying([said("Ask not what"), said("your country can do")]);
    let (made, percents, _, out) = run(&input, &fake, None, &SpeechProfile::default());
    let manifest = made.expect("made");
    assert_eq!((manifest.pipeline, manifest.kind), (Pipeline::Transcribe, MediaKind::Audio));
    assert_eq!(listed(&manifest), [names::TRANSCRIPT, names::TEXT, names::CAPTIONS_VTT, names::CAPTIONS_SRT]);
    assert_eq!(manifest.speech.as_ref().map(|facts| facts.words), Some(7));
    let transcript = transcript(&out);
    assert_eq!((transcript.state, transcript.duration_ms), (State::Final, 10_000));
    let texts: Vec<_> = transcript.segments.iter().map(|segment| segment.text.as_str()).collect();
    assert_eq!(texts, ["Ask not what", "your country can do"]);
    assert_eq!((percents.first(), percents.last()), (Some(&0), Some(&100)));
    assert!(percents.is_sorted());
    let (samples, ask) = &fake.asked()[0];
    assert!((2 * 16_000..3 * 16_000).contains(samples), "silence is not sent: {samples} samples");
    assert_eq!(ask.beam_size, 1);
    let left: Vec<_> =
        fs::read_dir(out.path()).expect("listed").map(|entry| entry.expect("read").file_name()).collect();
    assert_eq!(left.len(), manifest.artifacts.len() + 1, "no other files are left: {left:?}");
}

#[test]
fn silence_is_not_sent_to_the_recogniser_and_has_no_captions() {
    let (_dir, input) = file(1, &sound(&[(false, 5000)]));
    let fake = Fake::failing();
    let (made, _, _, out) = run(&input, &fake, None, &SpeechProfile::default());
    let manifest = made.expect("made");
    assert_eq!(listed(&manifest), [names::TRANSCRIPT, names::TEXT]);
    assert_eq!(transcript(&out).speech, Presence::None);
    assert_eq!(fake.asked(), []);
}

#[test]
fn separate_channels_are_transcribed_separately() {
    let left = sound(&[(false, 1000), (true, 2000), (false, 4000)]);
    let right = sound(&[(false, 3000), (true, 2000), (false, 2000)]);
    let frames: Vec<i16> = left.iter().zip(&right).flat_map(|(&left, &right)| [left, right]).collect();
    let (_dir, input) = file(2, &frames);
    let profile = SpeechProfile { channels: Channels::Apart, ..SpeechProfile::default() };
    let fake = Fake::saying([said("I am on the left"), said("I am on the right")]);
    let (made, _, _, out) = run(&input, &fake, None, &profile);
    made.expect("made");
    let seen: Vec<(Option<u16>, String)> =
        transcript(&out).segments.into_iter().map(|Segment { channel, text, .. }| (channel, text)).collect();
    assert_eq!(seen, [(Some(0), "I am on the left".to_owned()), (Some(1), "I am on the right".to_owned())]);
}

#[test]
fn an_attempt_resumes_from_the_checkpoint_of_an_earlier_one() {
    let (_dir, input) = twice();
    let profile = SpeechProfile::default();
    let (made, _, checkpoint, out) = run(&input, &Fake::saying([said("Ask not"), said("what")]), None, &profile);
    let (manifest, whole) = (made.expect("made"), transcript(&out));
    let written = serde_json::to_string(&checkpoint.expect("two regions")).expect("JSON");
    let checkpoint: Checkpoint = serde_json::from_str(&written).expect("just written");

    let silent = Fake::failing();
    let (made, _, _, out) = run(&input, &silent, Some(&checkpoint), &profile);
    assert_eq!(made.expect("made").artifacts, manifest.artifacts);
    assert_eq!((silent.asked().len(), transcript(&out)), (0, whole));

    let other = SpeechProfile { language: Some(Language::ENGLISH), ..profile };
    let fake = Fake::saying([said("Ask not")]);
    run(&input, &fake, Some(&checkpoint), &other).0.expect("made");
    assert_eq!(fake.asked().len(), 2, "a checkpoint of another profile is ignored");
}

#[test]
fn a_cancelled_transcription_publishes_nothing() {
    let (_dir, input) = twice();
    let (out, cancelled) = (tempfile::tempdir().expect("a folder"), AtomicBool::new(false));
    let (profile, limits) = (SpeechProfile::default(), SpeechLimits::default());
    let request = Request { input: &input, profile: &profile, limits: &limits, earlier: None };
    let mut watch = |event: Event| {
        if matches!(event, Event::Heard(_)) {
            cancelled.store(true, Ordering::Relaxed);
        }
    };
    let ended = transcribe(&request, &mut model(&Fake::saying([said("Ask")])), out.path(), &mut watch, &cancelled);
    assert!(matches!(ended, Err(MediaError::Transient(Transient::Cancelled))));
    assert_eq!(fs::read_dir(out.path()).expect("listed").count(), 0);
}

#[test]
fn a_failing_engine_is_transient_and_not_a_refusal() {
    let (_dir, input) = twice();
    let (made, _, _, out) = run(&input, &Fake::failing(), None, &SpeechProfile::default());
    assert!(matches!(made, Err(MediaError::Transient(Transient::Recognise(_)))));
    assert_eq!(fs::read_dir(out.path()).expect("listed").count(), 0);
}

#[test]
fn a_file_over_a_limit_is_refused_before_recognition() {
    let (_dir, input) = twice();
    let profile = SpeechProfile::default();
    let refused = |limits: SpeechLimits| {
        let out = tempfile::tempdir().expect("a folder");
        let request = Request { input: &input, profile: &profile, limits: &limits, earlier: None };
        let fake = Fake::failing();
        let made = transcribe(&request, &mut model(&fake), out.path(), &mut |_| {}, &AtomicBool::new(false));
        let Err(MediaError::Refused(refusal)) = made else { panic!("it is over a limit") };
        assert_eq!(fake.asked(), []);
        refusal.code
    };
    let limits = SpeechLimits::default();
    assert_eq!(refused(SpeechLimits { max_bytes: 1000, ..limits }), ErrorCode::TooManyBytes);
    assert_eq!(refused(SpeechLimits { max_duration_ms: 9000, ..limits }), ErrorCode::TooLong);
    assert_eq!(refused(SpeechLimits { max_channels: 0, ..limits }), ErrorCode::UnsupportedMedia);
}
