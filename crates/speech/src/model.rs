//! A model on disk, checked before it is used; and in memory.

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

/// Everything that hears, in memory.
pub struct Model {
    pub(crate) identity: ModelIdentity,
    pub(crate) voice: Box<dyn Voice + Send>,
    pub(crate) recogniser: Box<dyn Recogniser + Send>,
    knowledge: Knowledge,
}

/// What a model can be asked.
enum Knowledge {
    /// To write English down.
    EnglishAlone,
    /// To write these languages down, and to translate them.
    Languages(Vec<Language>),
}

impl Model {
    /// Loads a model that was checked, for so many threads. `stuck` is called once, from another thread, should the
    /// engine not come back from a call; nothing but ending the process helps then.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if the engine cannot take it.
    pub fn load(
        files: &ModelFiles,
        threads: NonZeroUsize,
        stuck: impl FnOnce() + Send + 'static,
    ) -> Result<Self, ModelError> {
        let path = files.dir().join(VOICE);
        let voice = fs::read(&path).map_err(|source| ModelError::Unreadable { path, source })?;
        let voice = Silero::read(&voice)?;
        let whisper = Whisper::load(files.dir(), threads).map_err(|fault| ModelError::Engine(fault.0))?;
        let knowledge = if whisper.is_multilingual() {
            Knowledge::Languages(Language::all().filter(|&language| whisper.speaks(language)).collect())
        } else {
            Knowledge::EnglishAlone
        };
        Ok(Self {
            identity: files.identity().clone(),
            voice: Box::new(voice),
            recogniser: Box::new(Watched::new(whisper, stuck)),
            knowledge,
        })
    }

    /// A model of other parts; in tests.
    #[cfg(test)]
    pub(crate) fn of(
        identity: ModelIdentity,
        voice: Box<dyn Voice + Send>,
        recogniser: Box<dyn Recogniser + Send>,
    ) -> Self {
        Self { identity, voice, recogniser, knowledge: Knowledge::Languages(Language::all().collect()) }
    }

    /// Which model it is.
    #[must_use]
    pub fn identity(&self) -> &ModelIdentity {
        &self.identity
    }

    /// Refuses what this model cannot do, before any recording is heard.
    ///
    /// # Errors
    ///
    /// [`ModelError::Unable`].
    pub fn check(&self, profile: &SpeechProfile) -> Result<(), ModelError> {
        let unable = |what: String| Err(ModelError::Unable { name: self.identity.name.clone(), what });
        match (&self.knowledge, profile.language, profile.task) {
            (Knowledge::EnglishAlone, _, Task::Translate) => unable("translate".to_owned()),
            (Knowledge::EnglishAlone, Some(language), _) if language != Language::ENGLISH => {
                unable(format!("hear {}", language.name()))
            }
            (Knowledge::Languages(known), Some(language), _) if !known.contains(&language) => {
                unable(format!("hear {}", language.name()))
            }
            (Knowledge::EnglishAlone | Knowledge::Languages(_), _, _) => Ok(()),
        }
    }
}
