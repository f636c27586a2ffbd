//! Speech models: verified on disk, then loaded into memory.

mod files;

pub use files::{ModelError, ModelFiles};

use crate::{
    recogniser::Recogniser,
    vad::{Silero, Voice},
    watchdog::Watched,
    whisper::Whisper,
};
use files::VOICE;
use smmu_core::speech::{Language, ModelIdentity, SpeechProfile, Task};
use std::{fs, num::NonZeroUsize};

/// A loaded model: voice detector and recogniser.
pub struct Model {
    pub(crate) identity: ModelIdentity,
    pub(crate) voice: Box<dyn Voice + Send>,
    pub(crate) recogniser: Box<dyn Recogniser + Send>,
    knowledge: Knowledge,
}

/// The abilities of a model.
enum Knowledge {
    /// Transcribes English only.
    EnglishOnly,
    /// Transcribes these languages and translates them to English.
    Languages(Vec<Language>),
}

impl Model {
    /// Loads a verified model, to run on `threads` threads. If a call into the engine does not return, `stuck` is
    /// called once, from another thread; only ending the process helps then.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if the engine cannot load it.
    pub fn load(
        files: &ModelFiles,
        threads: NonZeroUsize,
        stuck: impl FnOnce() + Send + 'static,
    ) -> Result<Self, ModelError> {
        let path = files.dir().join(VOICE);
        let voice = fs::read(&path).map_err(|source| ModelError::Unreadable { path, source })?;
        let voice = Silero::read(&voice)?;
        let whisper = Whisper::load(files.dir(), threads).map_err(|error| ModelError::Engine(error.0))?;
        let knowledge = if whisper.is_multilingual() {
            Knowledge::Languages(Language::all().filter(|&language| whisper.speaks(language)).collect())
        } else {
            Knowledge::EnglishOnly
        };
        Ok(Self {
            identity: files.identity().clone(),
            voice: Box::new(voice),
            recogniser: Box::new(Watched::new(whisper, stuck)),
            knowledge,
        })
    }

    /// A model with the given parts, for tests.
    #[cfg(test)]
    pub(crate) fn of(
        identity: ModelIdentity,
        voice: Box<dyn Voice + Send>,
        recogniser: Box<dyn Recogniser + Send>,
    ) -> Self {
        Self { identity, voice, recogniser, knowledge: Knowledge::Languages(Language::all().collect()) }
    }

    /// Name, version and digest of the model.
    #[must_use]
    pub fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    /// Checks that the model supports the profile, before any recording is transcribed.
    ///
    /// # Errors
    ///
    /// [`ModelError::Unable`] if it does not.
    pub fn check(&self, profile: &SpeechProfile) -> Result<(), ModelError> {
        let unable = |what: String| Err(ModelError::Unable { name: self.identity.name.clone(), what });
        match (&self.knowledge, profile.language, profile.task) {
            (Knowledge::EnglishOnly, _, Task::Translate) => unable("translate".to_owned()),
            (Knowledge::EnglishOnly, Some(language), _) if language != Language::ENGLISH => {
                unable(format!("transcribe {}", language.name()))
            }
            (Knowledge::Languages(known), Some(language), _) if !known.contains(&language) => {
                unable(format!("transcribe {}", language.name()))
            }
            (Knowledge::EnglishOnly | Knowledge::Languages(_), _, _) => Ok(()),
        }
    }
}
