//! Transcribes files with one model and prints one line of JSON for each. Used by `bench/speech.py`.
//!
//! `hear MODEL PROFILE OUT FILE...`: the model's folder, a profile as JSON, and a folder that gets a subfolder of
//! outputs per file.

use smmu_core::speech::{SpeechLimits, SpeechProfile};
use smmu_speech::{Model, ModelFiles, Request, environment, transcribe};
use std::{
    env,
    error::Error,
    fs, io,
    io::Write,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process,
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

fn main() -> Result<(), Box<dyn Error>> {
    environment::settle()?;
    let mut arguments = env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: hear MODEL PROFILE OUT FILE...");
    let (model, profile, out) = (next()?, next()?, PathBuf::from(next()?));
    let profile: SpeechProfile = serde_json::from_str(&profile)?;
    let begun = Instant::now();
    let files = ModelFiles::open(Path::new(&model))?;
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut model = Model::load(&files, threads, || process::abort())?;
    model.check(&profile)?;
    let load_seconds = begun.elapsed().as_secs_f64();
    let limits = SpeechLimits::default();
    for (number, input) in arguments.enumerate() {
        let dir = out.join(number.to_string());
        fs::create_dir_all(&dir)?;
        let request = Request { input: Path::new(&input), profile: &profile, limits: &limits, earlier: None };
        let begun = Instant::now();
        let manifest = transcribe(&request, &mut model, &dir, &mut |_| {}, &AtomicBool::new(false))?;
        let duration = Duration::from_millis(manifest.av.map_or(0, |av| av.probe.duration_ms));
        let line = serde_json::json!({
            "file": input,
            "loadSeconds": load_seconds,
            "wallSeconds": begun.elapsed().as_secs_f64(),
            "durationSeconds": duration.as_secs_f64(),
        });
        writeln!(io::stdout(), "{line}")?;
    }
    Ok(())
}
