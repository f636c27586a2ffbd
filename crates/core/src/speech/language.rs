//! The languages that Whisper supports.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A language, by Whisper's code: ISO 639-1 in most cases, else `haw`, `yue` or the outdated `jw` (Javanese). Stored as
/// its index in the order of the model's tokens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub struct Language(u8);

/// The text is not the code of a supported language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the code of a supported language, such as en")]
pub struct InvalidLanguage;

impl Language {
    /// English, the target language of translations.
    pub const ENGLISH: Self = Self(0);

    /// Every language, in the order of the model's tokens. Models before large-v3 lack the last.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).map(Self).take(KNOWN.len())
    }

    /// Whisper's code, as in the token `<|en|>`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        KNOWN[self.0 as usize].0
    }

    /// The BCP 47 tag for browsers and players.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self.as_str() {
            "jw" => "jv",
            code => code,
        }
    }

    /// The language of a BCP 47 tag, by its primary subtag in any case; other subtags are ignored (`pt-BR`).
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let is_subtag =
            |subtag: &str| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric());
        if !tag.split('-').all(is_subtag) {
            return None;
        }
        let primary = tag.split('-').next()?.to_ascii_lowercase();
        Self::all().find(|language| language.tag() == primary || language.as_str() == primary)
    }

    /// The English name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        KNOWN[self.0 as usize].1
    }

    /// Returns whether it is written without spaces between words, so that Whisper's words are single characters.
    #[must_use]
    pub fn is_unspaced(self) -> bool {
        matches!(self.as_str(), "zh" | "ja" | "th" | "lo" | "my" | "yue")
    }
}

impl TryFrom<&str> for Language {
    type Error = InvalidLanguage;

    fn try_from(text: &str) -> Result<Self, InvalidLanguage> {
        Self::all().find(|language| language.as_str() == text).ok_or(InvalidLanguage)
    }
}

impl TryFrom<String> for Language {
    type Error = InvalidLanguage;

    fn try_from(text: String) -> Result<Self, InvalidLanguage> {
        Self::try_from(text.as_str())
    }
}

impl From<Language> for &'static str {
    fn from(language: Language) -> Self {
        language.as_str()
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Codes and English names, in the order of the model's tokens.
#[rustfmt::skip]
const KNOWN: &[(&str, &str)] = &[
    ("en", "English"), ("zh", "Chinese"), ("de", "German"), ("es", "Spanish"), ("ru", "Russian"),
    ("ko", "Korean"), ("fr", "French"), ("ja", "Japanese"), ("pt", "Portuguese"), ("tr", "Turkish"),
    ("pl", "Polish"), ("ca", "Catalan"), ("nl", "Dutch"), ("ar", "Arabic"), ("sv", "Swedish"),
    ("it", "Italian"), ("id", "Indonesian"), ("hi", "Hindi"), ("fi", "Finnish"), ("vi", "Vietnamese"),
    ("he", "Hebrew"), ("uk", "Ukrainian"), ("el", "Greek"), ("ms", "Malay"), ("cs", "Czech"),
    ("ro", "Romanian"), ("da", "Danish"), ("hu", "Hungarian"), ("ta", "Tamil"), ("no", "Norwegian"),
    ("th", "Thai"), ("ur", "Urdu"), ("hr", "Croatian"), ("bg", "Bulgarian"), ("lt", "Lithuanian"),
    ("la", "Latin"), ("mi", "Maori"), ("ml", "Malayalam"), ("cy", "Welsh"), ("sk", "Slovak"),
    ("te", "Telugu"), ("fa", "Persian"), ("lv", "Latvian"), ("bn", "Bengali"), ("sr", "Serbian"),
    ("az", "Azerbaijani"), ("sl", "Slovenian"), ("kn", "Kannada"), ("et", "Estonian"), ("mk", "Macedonian"),
    ("br", "Breton"), ("eu", "Basque"), ("is", "Icelandic"), ("hy", "Armenian"), ("ne", "Nepali"),
    ("mn", "Mongolian"), ("bs", "Bosnian"), ("kk", "Kazakh"), ("sq", "Albanian"), ("sw", "Swahili"),
    ("gl", "Galician"), ("mr", "Marathi"), ("pa", "Punjabi"), ("si", "Sinhala"), ("km", "Khmer"),
    ("sn", "Shona"), ("yo", "Yoruba"), ("so", "Somali"), ("af", "Afrikaans"), ("oc", "Occitan"),
    ("ka", "Georgian"), ("be", "Belarusian"), ("tg", "Tajik"), ("sd", "Sindhi"), ("gu", "Gujarati"),
    ("am", "Amharic"), ("yi", "Yiddish"), ("lo", "Lao"), ("uz", "Uzbek"), ("fo", "Faroese"),
    ("ht", "Haitian Creole"), ("ps", "Pashto"), ("tk", "Turkmen"), ("nn", "Nynorsk"), ("mt", "Maltese"),
    ("sa", "Sanskrit"), ("lb", "Luxembourgish"), ("my", "Myanmar"), ("bo", "Tibetan"), ("tl", "Tagalog"),
    ("mg", "Malagasy"), ("as", "Assamese"), ("tt", "Tatar"), ("haw", "Hawaiian"), ("ln", "Lingala"),
    ("ha", "Hausa"), ("ba", "Bashkir"), ("jw", "Javanese"), ("su", "Sundanese"), ("yue", "Cantonese"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_is_unique_and_round_trips() {
        assert_eq!(Language::all().collect::<HashSet<_>>().len(), 100);
        for language in Language::all() {
            assert_eq!(Language::try_from(language.as_str()), Ok(language));
            assert!(!language.name().is_empty());
        }
    }

    #[test]
    fn other_texts_are_not_languages() {
        for text in ["", "EN", "eng", "en-GB", "xx", "<|en|>", "en "] {
            assert_eq!(Language::try_from(text), Err(InvalidLanguage), "{text}");
        }
        assert!(serde_json::from_str::<Language>("\"tlh\"").is_err());
    }

    #[test]
    fn a_tag_is_matched_by_its_primary_subtag() {
        for (tag, code) in [("en", "en"), ("pt-BR", "pt"), ("ZH-Hant-TW", "zh"), ("jv", "jw"), ("yue", "yue")] {
            assert_eq!(Language::of_tag(tag).map(Language::as_str), Some(code), "{tag}");
        }
        for tag in ["", "xx", "english", "en-", "-en", "en_US", "en ", "eng"] {
            assert_eq!(Language::of_tag(tag), None, "{tag}");
        }
    }

    #[test]
    fn javanese_has_another_bcp_47_tag() {
        let language = Language::try_from("jw").expect("known");
        assert_eq!((language.tag(), language.to_string()), ("jv", "jw".to_owned()));
    }
}
