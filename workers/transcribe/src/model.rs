//! Loads the model, in both modes.

use smmu_core::speech::SpeechProfile;
use smmu_media::file_mode;
use smmu_speech::{Model, ModelError, ModelFiles};
use std::{num::NonZeroUsize, process, thread};

/// Environment variable with the default folder of the model. The worker's image sets it.
pub(crate) const FOLDER: &str = "SMMU_SPEECH_MODEL";

/// Loads a verified model. Fails if it does not support the profile.
pub(crate) fn load(files: &ModelFiles, profile: &SpeechProfile) -> Result<Model, ModelError> {
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let model = Model::load(files, threads, || {
        file_mode::tell("the speech engine does not respond");
        process::exit(file_mode::TRY_AGAIN_CODE)
    })?;
    model.check(profile)?;
    Ok(model)
}
