//! The model, as both modes load it.

use smmu_core::speech::SpeechProfile;
use smmu_media::file_mode;
use smmu_speech::{Model, ModelError, ModelFiles};
use std::{num::NonZeroUsize, process, thread};

/// Names the folder with the model where nothing else does; the worker's image sets it.
pub(crate) const FOLDER: &str = "SMMU_SPEECH_MODEL";

/// Loads a model that was checked, and refuses a profile that it cannot follow.
pub(crate) fn load(files: &ModelFiles, profile: &SpeechProfile) -> Result<Model, ModelError> {
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let model = Model::load(files, threads, || {
        file_mode::tell("the speech engine does not come back");
        process::exit(file_mode::FAULT_CODE)
    })?;
    model.check(profile)?;
    Ok(model)
}
