//! The vocabulary of a Whisper model in CTranslate2's format: token ids and the bytes of each token.

use smmu_core::speech::{Language, Task};
use std::{collections::HashMap, fs, io, path::Path};

/// Index of a token in the vocabulary.
pub(crate) type TokenId = usize;

/// All tokens of one model.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    /// Tokens as written in the model's file.
    tokens: Vec<String>,
    ids: HashMap<String, TokenId>,
    /// Mapping between bytes and the letters that encode them.
    letters: Letters,
    /// The end-of-text token. All tokens before it are text, all after it are commands or times.
    pub(crate) end_of_text: TokenId,
    /// The last command; times follow.
    no_timestamps: TokenId,
}

/// Names of commands. They are the same in every model; their ids differ.
const END_OF_TEXT: &str = "<|endoftext|>";
pub(crate) const START: &str = "<|startoftranscript|>";
pub(crate) const PREVIOUS: &str = "<|startofprev|>";
const TRANSCRIBE: &str = "<|transcribe|>";
const TRANSLATE: &str = "<|translate|>";
const NO_TIMESTAMPS: &str = "<|notimestamps|>";

/// Milliseconds from one time token to the next.
const TIME_STEP_MS: u64 = 20;

impl Vocabulary {
    /// Reads the vocabulary in a model's folder.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let json = dir.join(VOCABULARY_JSON);
        let tokens = if json.is_file() {
            serde_json::from_slice(&fs::read(json)?)?
        } else {
            fs::read_to_string(dir.join(VOCABULARY_TXT))?.lines().map(str::to_owned).collect()
        };
        Self::of(tokens).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a Whisper vocabulary"))
    }

    /// Builds a vocabulary. `None` if it lacks a token that every Whisper model has.
    pub(crate) fn of(tokens: Vec<String>) -> Option<Self> {
        let ids: HashMap<_, _> = tokens.iter().enumerate().map(|(id, token)| (token.clone(), id)).collect();
        let id = |name: &str| ids.get(name).copied();
        let (end_of_text, no_timestamps) = (id(END_OF_TEXT)?, id(NO_TIMESTAMPS)?);
        let commands = end_of_text + 1..no_timestamps;
        [START, PREVIOUS].iter().all(|&name| id(name).is_some_and(|id| commands.contains(&id))).then_some(())?;
        Some(Self { tokens, ids, letters: Letters::new(), end_of_text, no_timestamps })
    }

    /// Id of a token.
    pub(crate) fn id(&self, token: &str) -> Option<TokenId> {
        self.ids.get(token).copied()
    }

    /// Bytes of a text token; `None` for commands and times. A letter can span several tokens.
    pub(crate) fn bytes(&self, id: TokenId) -> Option<Vec<u8>> {
        let token = self.tokens[..self.end_of_text].get(id)?;
        token.chars().map(|letter| self.letters.byte(letter)).collect()
    }

    /// Time of a time token, relative to the start of the samples.
    pub(crate) fn time_ms(&self, id: TokenId) -> Option<u64> {
        Some(id.checked_sub(self.no_timestamps + 1)? as u64 * TIME_STEP_MS)
    }

    /// The language of a command such as `<|en|>`.
    pub(crate) fn language(command: &str) -> Option<Language> {
        Language::try_from(command.strip_prefix("<|")?.strip_suffix("|>")?).ok()
    }

    /// Returns whether the vocabulary has a command for this language.
    pub(crate) fn speaks(&self, language: Language) -> bool {
        self.id(&command(language)).is_some()
    }

    /// Tokens of a prompt: the terms, as if they were earlier text, then the start commands. `language_and_task` is
    /// `None` for English-only models.
    pub(crate) fn prompt(&self, terms: &str, language_and_task: Option<(Language, Task)>) -> Vec<String> {
        let mut prompt = Vec::new();
        if !terms.is_empty() {
            prompt.push(PREVIOUS.to_owned());
            prompt.extend(self.spell(&format!(" {terms}")).into_iter().take(MAX_PROMPT_TOKENS));
        }
        prompt.extend(Self::start(language_and_task));
        prompt
    }

    /// The commands that start an answer.
    pub(crate) fn start(language_and_task: Option<(Language, Task)>) -> Vec<String> {
        let task = |task| match task {
            Task::Transcribe => TRANSCRIBE,
            Task::Translate => TRANSLATE,
        };
        let commands =
            language_and_task.into_iter().flat_map(|(language, wanted)| [command(language), task(wanted).to_owned()]);
        std::iter::once(START.to_owned()).chain(commands).collect()
    }

    /// Splits a text into tokens, greedily taking the longest that fits. The split can differ from that in training,
    /// which does not matter for a prompt; an exact split needs a complete tokenizer, with the table of merges and the
    /// rules for splitting words.
    fn spell(&self, text: &str) -> Vec<String> {
        let letters: Vec<char> = text.bytes().map(|byte| self.letters.letter(byte)).collect();
        let mut spelt = Vec::new();
        let mut rest = &letters[..];
        while !rest.is_empty() {
            let fits = |length: &usize| self.id(&rest[..*length].iter().collect::<String>());
            let is_text = |length: &usize| fits(length).is_some_and(|id| id < self.end_of_text);
            // Every byte is a token, so one always fits. In a vocabulary without that token, the byte is skipped.
            let length = (1..=rest.len().min(LONGEST_TOKEN)).rev().find(is_text);
            spelt.extend(length.map(|length| rest[..length].iter().collect()));
            rest = &rest[length.unwrap_or(1)..];
        }
        spelt
    }
}

/// The two file formats in which converters write a vocabulary.
pub(crate) const VOCABULARY_TXT: &str = "vocabulary.txt";
pub(crate) const VOCABULARY_JSON: &str = "vocabulary.json";

/// Maximum tokens of terms in a prompt: half of the decoder's context, as in training. The other half is for the
/// answer.
const MAX_PROMPT_TOKENS: usize = 223;

/// Maximum length in bytes of the tokens that are tried.
const LONGEST_TOKEN: usize = 32;

fn command(language: Language) -> String {
    format!("<|{language}|>")
}

/// Byte-level BPE encodes bytes as letters: printable bytes as themselves, the others as letters from U+0100.
#[derive(Debug)]
struct Letters {
    by_byte: [char; 256],
    by_letter: HashMap<char, u8>,
}

impl Letters {
    fn new() -> Self {
        let mut by_byte = ['\0'; 256];
        let mut unseen = 0x100..;
        for byte in 0..=u8::MAX {
            by_byte[usize::from(byte)] = match byte {
                b'!'..=b'~' | 0xA1..=0xAC | 0xAE.. => char::from(byte),
                _ => unseen.next().and_then(char::from_u32).expect("a letter for each of 68 bytes"),
            };
        }
        Self { by_byte, by_letter: (0..=u8::MAX).map(|byte| (by_byte[usize::from(byte)], byte)).collect() }
    }

    fn letter(&self, byte: u8) -> char {
        self.by_byte[usize::from(byte)]
    }

    fn byte(&self, letter: char) -> Option<u8> {
        self.by_letter.get(&letter).copied()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A vocabulary with these texts, every single byte, the commands and the times.
    pub(crate) fn vocabulary(texts: &[&str]) -> Vocabulary {
        let letters = Letters::new();
        let spelt = |text: &&str| text.bytes().map(|byte| letters.letter(byte)).collect::<String>();
        let singles = letters.by_byte.iter().map(char::to_string);
        let commands =
            [END_OF_TEXT, START, "<|en|>", "<|de|>", "<|ja|>", TRANSLATE, TRANSCRIBE, PREVIOUS, NO_TIMESTAMPS];
        let times = (0..=1500).map(|step| format!("<|{:.2}|>", f64::from(step) * 0.02));
        let tokens = singles.chain(texts.iter().map(spelt)).chain(commands.map(str::to_owned)).chain(times);
        Vocabulary::of(tokens.collect()).expect("all required tokens")
    }

    #[test]
    fn a_prompt_spells_its_terms_with_the_longest_tokens() {
        let vocabulary = vocabulary(&[" Ku", " Kuber", "netes", "ć"]);
        let english = Language::ENGLISH;
        let prompt = vocabulary.prompt("Kubernetes ć", Some((english, Task::Translate)));
        let expected = [PREVIOUS, "ĠKuber", "netes", "Ġ", "Äĩ", START, "<|en|>", TRANSLATE];
        assert_eq!(prompt, expected);
        assert_eq!(vocabulary.prompt("", None), [START]);
    }

    #[test]
    fn a_long_prompt_is_cut_to_leave_room_for_the_answer() {
        let prompt = vocabulary(&[]).prompt(&"€".repeat(400), None);
        assert_eq!(prompt.len(), 1 + MAX_PROMPT_TOKENS + 1);
    }

    #[test]
    fn spelling_loses_no_byte() {
        let vocabulary = vocabulary(&[" the", "日"]);
        let text = " the 日本 \u{1}\u{fe0f}é";
        let spelt = vocabulary.spell(text);
        let bytes =
            spelt.iter().flat_map(|token| vocabulary.bytes(vocabulary.id(token).expect("known")).expect("text"));
        assert_eq!(bytes.collect::<Vec<_>>(), text.as_bytes());
    }

    #[test]
    fn commands_and_times_are_not_text() {
        let vocabulary = vocabulary(&[]);
        let start = vocabulary.id(START).expect("a command");
        assert_eq!(vocabulary.bytes(start), None);
        assert_eq!(vocabulary.time_ms(start), None);
        let time = |token| vocabulary.time_ms(vocabulary.id(token).expect("a time"));
        assert_eq!((time("<|0.00|>"), time("<|1.52|>"), time("<|30.00|>")), (Some(0), Some(1520), Some(30_000)));
    }

    #[test]
    fn only_languages_with_a_command_are_supported() {
        let vocabulary = vocabulary(&[]);
        let speaks = |code: &str| vocabulary.speaks(Language::try_from(code).expect("known"));
        assert!(speaks("de") && !speaks("fr"));
        assert_eq!(Vocabulary::language("<|de|>"), Language::try_from("de").ok());
        assert_eq!(Vocabulary::language(START), None);
    }

    #[test]
    fn other_vocabularies_are_rejected() {
        assert!(Vocabulary::of(vec!["hello".to_owned()]).is_none());
        assert!(Vocabulary::of(vec![START.to_owned(), END_OF_TEXT.to_owned(), NO_TIMESTAMPS.to_owned()]).is_none());
    }
}
