//! File mode: makes the same outputs and manifest as a job, without the cloud.

use crate::model;
use smmu_core::{
    speech::{SpeechLimits, SpeechProfile},
    with_causes,
};
use smmu_media::file_mode;
use smmu_speech::{Model, ModelFiles, Request, transcribe};
use std::{path::Path, process::ExitCode, sync::atomic::AtomicBool};

/// Command line arguments of file mode.
pub(crate) struct Wanted<'a> {
    pub(crate) input: &'a Path,
    pub(crate) outdir: &'a Path,
    /// The model's folder.
    pub(crate) model: &'a Path,
    /// A file with a profile; without it, the default profile is used.
    pub(crate) profile: Option<&'a Path>,
}

/// Makes the outputs of `input` in `outdir`, which must be empty or not exist yet.
pub(crate) fn run(wanted: &Wanted, cancelled: &AtomicBool) -> ExitCode {
    // An invalid model or an unsupported profile is a usage error; no work is started.
    let (profile, mut model) = match wanted.prepare() {
        Ok(prepared) => prepared,
        Err(message) => return file_mode::usage(&message),
    };
    let limits = SpeechLimits::default();
    let request = Request { input: wanted.input, profile: &profile, limits: &limits, earlier: None };
    file_mode::run(wanted.input, wanted.outdir, || {
        transcribe(&request, &mut model, wanted.outdir, &mut |_| {}, cancelled)
    })
}

impl Wanted<'_> {
    fn prepare(&self) -> Result<(SpeechProfile, Model), String> {
        let profile = file_mode::read_profile(self.profile)?.speech;
        let files = ModelFiles::open(self.model).map_err(|error| with_causes(&error))?;
        let model = model::load(&files, &profile).map_err(|error| with_causes(&error))?;
        Ok((profile, model))
    }
}
