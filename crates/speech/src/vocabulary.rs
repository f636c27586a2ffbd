//! The tokens of a Whisper model in CTranslate2's format: their numbers, and the bytes that they stand for.

use smmu_core::speech::{Language, Task};
use std::{collections::HashMap, fs, io, path::Path};

/// A token's place in the vocabulary.
pub(crate) type TokenId = usize;

/// Every token of one model.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    /// As the model's files write them.
    tokens: Vec<String>,
    ids: HashMap<String, TokenId>,
    /// The letter that stands for a byte, and back.
    letters: Letters,
    /// Ends a text. All tokens before it are text, all after it are commands or times.
    pub(crate) end_of_text: TokenId,
    /// The last command; times follow.
    no_timestamps: TokenId,
}

/// Names of commands, the same in every model. Their numbers differ.
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
        Self::of(tokens).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is not Whisper's"))
    }

    /// A vocabulary of these tokens, if it has what every Whisper model has.
    pub(crate) fn of(tokens: Vec<String>) -> Option<Self> {
        let ids: HashMap<_, _> = tokens.iter().enumerate().map(|(id, token)| (token.clone(), id)).collect();
        let id = |name: &str| ids.get(name).copied();
        let (end_of_text, no_timestamps) = (id(END_OF_TEXT)?, id(NO_TIMESTAMPS)?);
        let commands = end_of_text + 1..no_timestamps;
        [START, PREVIOUS].iter().all(|&name| id(name).is_some_and(|id| commands.contains(&id))).then_some(())?;
        Some(Self { tokens, ids, letters: Letters::new(), end_of_text, no_timestamps })
    }

    /// A token's number.
    pub(crate) fn id(&self, token: &str) -> Option<TokenId> {
        self.ids.get(token).copied()
    }

    /// The bytes that a token of text stands for; none of a command or a time. One letter may need several tokens.
    pub(crate) fn bytes(&self, id: TokenId) -> Option<Vec<u8>> {
        let token = self.tokens[..self.end_of_text].get(id)?;
        token.chars().map(|letter| self.letters.byte(letter)).collect()
    }

    /// The moment that a time token stands for, from the start of what is heard.
    pub(crate) fn time_ms(&self, id: TokenId) -> Option<u64> {
        Some(id.checked_sub(self.no_timestamps + 1)? as u64 * TIME_STEP_MS)
    }

    /// The language that a command stands for, in angle brackets.
    pub(crate) fn language(command: &str) -> Option<Language> {
        Language::try_from(command.strip_prefix("<|")?.strip_suffix("|>")?).ok()
    }

    /// Whether there is a command for this language.
    pub(crate) fn speaks(&self, language: Language) -> bool {
        self.id(&command(language)).is_some()
    }

    /// The words of a prompt: terms as if they had been said before, then what is to be done. A model of English
    /// alone is not told a language.
    pub(crate) fn prompt(&self, terms: &str, told: Option<(Language, Task)>) -> Vec<String> {
        let mut prompt = Vec::new();
        if !terms.is_empty() {
            prompt.push(PREVIOUS.to_owned());
            prompt.extend(self.spell(&format!(" {terms}")).into_iter().take(MAX_PROMPT_TOKENS));
        }
        prompt.extend(Self::start(told));
        prompt
    }

    /// The commands that begin an answer.
    pub(crate) fn start(told: Option<(Language, Task)>) -> Vec<String> {
        let task = |task| match task {
            Task::Transcribe => TRANSCRIBE,
            Task::Translate => TRANSLATE,
        };
        let told = told.into_iter().flat_map(|(language, wanted)| [command(language), task(wanted).to_owned()]);
        std::iter::once(START.to_owned()).chain(told).collect()
    }

    /// Tokens whose bytes together are this text: always the longest one that fits. Training had other seams here
    /// and there, which matters to no prompt; finding them would take the table of merges and the rules for splitting
    /// words, that is a tokenizer.
    fn spell(&self, text: &str) -> Vec<String> {
        let letters: Vec<char> = text.bytes().map(|byte| self.letters.letter(byte)).collect();
        let mut spelt = Vec::new();
        let mut rest = &letters[..];
        while !rest.is_empty() {
            let fits = |length: &usize| self.id(&rest[..*length].iter().collect::<String>());
            let is_text = |length: &usize| fits(length).is_some_and(|id| id < self.end_of_text);
            // Every byte is a token, so that there is one; a vocabulary without it leaves the letter out.
            let length = (1..=rest.len().min(LONGEST_TOKEN)).rev().find(is_text);
            spelt.extend(length.map(|length| rest[..length].iter().collect()));
            rest = &rest[length.unwrap_or(1)..];
        }
        spelt
    }
}

/// The two forms in which converters write a vocabulary.
pub(crate) const VOCABULARY_TXT: &str = "vocabulary.txt";
pub(crate) const VOCABULARY_JSON: &str = "vocabulary.json";

/// Tokens of a prompt that a model has room for beside its answer: half of its memory, as in training.
const MAX_PROMPT_TOKENS: usize = 223;

/// Bytes of the longest token that is looked for.
const LONGEST_TOKEN: usize = 32;

fn command(language: Language) -> String {
    format!("<|{language}|>")
}

/// Byte-level BPE writes bytes as letters: those that can be seen as themselves, the others as the letters from U+0100.
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

    /// A vocabulary with these texts, every single byte, and the commands of a model of several languages or of one.
    pub(crate) fn vocabulary(texts: &[&str]) -> Vocabulary {
        let letters = Letters::new();
        let spelt = |text: &&str| text.bytes().map(|byte| letters.letter(byte)).collect::<String>();
        let singles = letters.by_byte.iter().map(char::to_string);
        let commands =
            [END_OF_TEXT, START, "<|en|>", "<|de|>", "<|ja|>", TRANSLATE, TRANSCRIBE, PREVIOUS, NO_TIMESTAMPS];
        let times = (0..=1500).map(|step| format!("<|{:.2}|>", f64::from(step) * 0.02));
        let tokens = singles.chain(texts.iter().map(spelt)).chain(commands.map(str::to_owned)).chain(times);
        Vocabulary::of(tokens.collect()).expect("all that is needed is there")
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
    fn a_prompt_leaves_room_for_an_answer() {
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
    fn commands_and_times_are_no_text() {
        let vocabulary = vocabulary(&[]);
        let start = vocabulary.id(START).expect("a command");
        assert_eq!(vocabulary.bytes(start), None);
        assert_eq!(vocabulary.time_ms(start), None);
        let time = |token| vocabulary.time_ms(vocabulary.id(token).expect("a time"));
        assert_eq!((time("<|0.00|>"), time("<|1.52|>"), time("<|30.00|>")), (Some(0), Some(1520), Some(30_000)));
    }

    #[test]
    fn languages_are_the_models_own() {
        let vocabulary = vocabulary(&[]);
        let speaks = |code: &str| vocabulary.speaks(Language::try_from(code).expect("known"));
        assert!(speaks("de") && !speaks("fr"));
        assert_eq!(Vocabulary::language("<|de|>"), Language::try_from("de").ok());
        assert_eq!(Vocabulary::language(START), None);
    }

    #[test]
    fn other_vocabularies_are_refused() {
        assert!(Vocabulary::of(vec!["hello".to_owned()]).is_none());
        assert!(Vocabulary::of(vec![START.to_owned(), END_OF_TEXT.to_owned(), NO_TIMESTAMPS.to_owned()]).is_none());
    }
}
