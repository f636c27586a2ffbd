//! Models, sounds and transcription for the tests.

use smmu_core::{
    Manifest,
    speech::{SpeechLimits, SpeechProfile, Transcript},
};
use smmu_speech::{Model, ModelFiles, Request, transcribe};
use std::{
    env, fs,
    io::Write,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::AtomicBool,
};
use tempfile::TempDir;

/// Samples per second of every sound here.
pub(crate) const HZ: usize = 16_000;

/// The folder of a model; panics if it is missing.
pub(crate) fn model_dir(name: &str) -> PathBuf {
    let models = env::var_os("SMMU_SPEECH_MODELS").map(PathBuf::from);
    let dir = models.map(|models| models.join(name)).filter(|dir| dir.join("model.json").is_file());
    dir.unwrap_or_else(|| {
        panic!(
            "the speech model {name} is missing: run tools/speech-models.sh, and set SMMU_SPEECH_MODELS to its folder"
        )
    })
}

/// Loads a model.
pub(crate) fn model(name: &str) -> Model {
    let files = ModelFiles::open(&model_dir(name)).expect("an intact model");
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    Model::load(&files, threads, || panic!("the engine is stuck")).expect("it loads")
}

/// The folder with recordings of people, if it is set.
pub(crate) fn media_dir() -> Option<PathBuf> {
    let dir = env::var_os("SMMU_MEDIA_DIR").map(PathBuf::from);
    if dir.is_none() {
        println!("SMMU_MEDIA_DIR is not set: only generated speech is tested");
    }
    dir
}

/// Outputs of a transcription.
pub(crate) struct Made {
    pub(crate) dir: TempDir,
    pub(crate) manifest: Manifest,
    pub(crate) transcript: Transcript,
}

impl Made {
    /// Returns whether the output exists; panics if the manifest disagrees with the folder.
    pub(crate) fn has(&self, name: &str) -> bool {
        let listed = self.manifest.artifacts.iter().any(|artifact| artifact.name == name);
        assert_eq!(listed, self.dir.path().join(name).is_file(), "{name} is listed if and only if it exists");
        listed
    }

    /// The whole transcript as one text.
    pub(crate) fn text(&self) -> String {
        self.transcript.segments.iter().map(|segment| segment.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// Transcribes a file.
pub(crate) fn made(input: &Path, profile: &SpeechProfile, model: &mut Model) -> Made {
    let dir = tempfile::tempdir().expect("a folder");
    let limits = SpeechLimits::default();
    let request = Request { input, profile, limits: &limits, earlier: None };
    let manifest = transcribe(&request, model, dir.path(), &mut |_| {}, &AtomicBool::new(false)).expect("transcribed");
    let json = fs::read(dir.path().join("transcript.json")).expect("written");
    let transcript = serde_json::from_slice(&json).expect("a transcript");
    Made { dir, manifest, transcript }
}

/// Transcribes a sound.
pub(crate) fn made_of(sound: &[i16], profile: &SpeechProfile, model: &mut Model) -> Made {
    let dir = tempfile::tempdir().expect("a folder");
    let input = dir.path().join("sound.wav");
    fs::write(&input, wav(sound)).expect("written");
    made(&input, profile, model)
}

/// A sound of one channel as a WAV file.
pub(crate) fn wav(sound: &[i16]) -> Vec<u8> {
    let (bytes, rate) = (size_of_val(sound) as u32, HZ as u32);
    let mut file = Vec::with_capacity(44 + bytes as usize);
    file.extend(b"RIFF");
    file.extend((36 + bytes).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(rate.to_le_bytes());
    file.extend((2 * rate).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(bytes.to_le_bytes());
    file.extend(sound.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

/// Runs ffmpeg.
pub(crate) fn ffmpeg(arguments: &str, output: &Path) {
    let status = Command::new("ffmpeg")
        .args("-nostdin -loglevel error -y".split(' '))
        .args(arguments.split_whitespace())
        .arg(output)
        .status()
        .expect("ffmpeg is installed");
    assert!(status.success(), "{arguments}");
}

/// A text spoken by espeak-ng, trimmed to its first and last sound.
pub(crate) fn spoken(voice: &str, text: &str) -> Vec<i16> {
    let dir = tempfile::tempdir().expect("a folder");
    let (said, raw) = (dir.path().join("said.wav"), dir.path().join("said.raw"));
    let mut espeak = Command::new("espeak-ng")
        .args(["-v", voice, "-s", "150", "--stdin", "-w"])
        .arg(&said)
        .stdin(Stdio::piped())
        .spawn()
        .expect("espeak-ng is installed");
    espeak.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    assert!(espeak.wait().expect("it ends").success());
    ffmpeg(&format!("-i {} -ar {HZ} -ac 1 -f s16le", said.display()), &raw);
    let bytes = fs::read(raw).expect("written");
    let sound: Vec<i16> = bytes.as_chunks().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
    let loud = |sample: &i16| sample.abs() > 300;
    let from = sound.iter().position(loud).expect("something is said");
    let to = sound.iter().rposition(loud).expect("something is said");
    sound[from..=to].to_vec()
}

/// `seconds` seconds of silence.
pub(crate) fn silence(seconds: f64) -> Vec<i16> {
    vec![0; (seconds * HZ as f64) as usize]
}

/// Deterministic white noise with a level from 0 to 1.
pub(crate) fn hiss(samples: usize, level: f64) -> impl Iterator<Item = i16> {
    let mut state = 1u64;
    (0..samples).map(move |_| {
        // The linear congruential generator of Knuth's MMIX.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (((state >> 33) as f64 / f64::from(1u32 << 31) - 0.5) * 2.0 * level * 32_767.0) as i16
    })
}
