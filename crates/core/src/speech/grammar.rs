//! Finds breaks that fit the sense: by punctuation in any language, by function words in some.

use crate::speech::Language;

/// How closely two neighbouring words belong together, from the best break to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bond {
    /// The first ends a sentence.
    Sentence,
    /// The first ends a clause.
    Clause,
    /// The second begins a phrase: *and*, *because*, *with*.
    Phrase,
    /// Two ordinary words.
    Words,
    /// The first belongs to the second: *the*, *of*, *Mr.*
    Tight,
}

/// The bond between two neighbouring texts.
pub(super) fn bond(before: &str, after: &str, language: Language) -> Bond {
    let end = without_closing(before);
    if ends_sentence(before) {
        Bond::Sentence
    } else if end.ends_with(CLAUSE_ENDS) {
        Bond::Clause
    } else if is_abbreviated(end) || belongs_to_next(before, language) {
        Bond::Tight
    } else if begins_phrase(after, language) {
        Bond::Phrase
    } else {
        Bond::Words
    }
}

/// Returns whether this text ends a sentence.
pub(super) fn ends_sentence(text: &str) -> bool {
    let end = without_closing(text);
    end.ends_with(SENTENCE_ENDS) && !is_abbreviated(end)
}

const SENTENCE_ENDS: [char; 12] = ['.', '!', '?', '…', '。', '！', '？', '．', '؟', '۔', '।', '။'];
const CLAUSE_ENDS: [char; 12] = [',', ';', ':', '–', '—', '、', '，', '；', '：', '،', '؛', '၊'];

fn without_closing(text: &str) -> &str {
    text.trim_end_matches(['"', '\'', '”', '’', '»', ')', ']', '」', '』', '）'])
}

/// A full stop that does not end a sentence: after an initial, a title, or an abbreviation with another stop inside.
fn is_abbreviated(text: &str) -> bool {
    let Some(word) = text.strip_suffix('.') else { return false };
    let mut letters = word.chars();
    let is_initial = letters.next().is_some_and(char::is_uppercase) && letters.next().is_none();
    let titles = ["Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Mme", "Sr", "Sra", "Hr", "Fr", "Nr", "No", "vs", "bzw"];
    is_initial || titles.contains(&word) || (word.contains('.') && word.ends_with(char::is_alphabetic))
}

fn belongs_to_next(word: &str, language: Language) -> bool {
    let FunctionWords { articles, openers } = function_words(language);
    is_in(word, articles) || is_in(word, openers)
}

fn begins_phrase(word: &str, language: Language) -> bool {
    is_in(word, function_words(language).openers)
}

fn is_in(word: &str, list: &str) -> bool {
    let word = word.to_lowercase();
    list.split(' ').any(|known| known == word)
}

/// Function words of a language.
struct FunctionWords {
    /// Articles and possessives.
    articles: &'static str,
    /// Conjunctions and prepositions.
    openers: &'static str,
}

/// Covers the languages that are subtitled most; others break by punctuation, pauses and length.
#[rustfmt::skip]
fn function_words(language: Language) -> FunctionWords {
    match language.as_str() {
        "en" => FunctionWords {
            articles: "a an the my your his her its our their this these those every each no very",
            openers: "and or but nor so because although though while when where who which that if than as until \
                      of in on at to for with from by about into over after before under between through without",
        },
        "de" => FunctionWords {
            articles: "der die das den dem des ein eine einen einem einer eines mein meine dein sein seine ihr ihre \
                       unser kein keine",
            openers: "und oder aber denn weil dass wenn als ob während wo wer was in im an am auf aus bei mit \
                      nach von vom zu zum zur für über unter durch ohne gegen zwischen",
        },
        "fr" => FunctionWords {
            articles: "le la les un une des du au aux mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs \
                       ce cette ces",
            openers: "et ou mais donc car parce que qui quand où si comme de à dans sur sous pour par avec sans entre \
                      chez vers",
        },
        "es" => FunctionWords {
            articles: "el la los las un una unos unas mi mis tu tus su sus nuestro nuestra este esta estos estas \
                       del al",
            openers: "y e o u pero porque que quien cuando donde si como de a en con por para sin sobre entre \
                      desde hasta",
        },
        "it" => FunctionWords {
            articles: "il lo la i gli le un uno una mio mia tuo tua suo sua questo questa del della dei delle al alla \
                       nel nella",
            openers: "e o ma perché che chi quando dove se come di a da in con su per tra fra senza",
        },
        "pt" => FunctionWords {
            articles: "o a os as um uma uns umas meu minha seu sua nosso nossa este esta do da dos das no na ao",
            openers: "e ou mas porque que quem quando onde se como de em com por para sem sobre entre até",
        },
        "nl" => FunctionWords {
            articles: "de het een mijn jouw zijn haar ons onze hun dit deze die geen",
            openers: "en of maar want omdat dat als wanneer waar wie van in op aan te tot voor met uit bij door over \
                      onder zonder",
        },
        _ => FunctionWords { articles: "", openers: "" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_and_function_words_decide_bonds() {
        let english = |before, after| bond(before, after, Language::ENGLISH);
        assert_eq!(english("done.", "And"), Bond::Sentence);
        assert_eq!(english("done.”", "And"), Bond::Sentence);
        assert_eq!(english("what?!", "And"), Bond::Sentence);
        assert_eq!(english("however,", "the"), Bond::Clause);
        assert_eq!(english("dogs", "and"), Bond::Phrase);
        assert_eq!(english("dogs", "bark"), Bond::Words);
        assert_eq!(english("The", "dogs"), Bond::Tight);
        assert_eq!(english("of", "dogs"), Bond::Tight);
        assert_eq!(bond("dogs", "and", Language::try_from("fi").expect("known")), Bond::Words);
        assert_eq!(bond("です。", "は", Language::try_from("ja").expect("known")), Bond::Sentence);
    }

    #[test]
    fn an_abbreviation_does_not_end_a_sentence() {
        for word in ["Mr.", "J.", "U.S.", "e.g.", "Dr."] {
            assert_eq!(bond(word, "Smith", Language::ENGLISH), Bond::Tight, "{word}");
        }
        for word in ["I.V", "it.", "no...", "1.5.", "x."] {
            assert_ne!(bond(word, "Smith", Language::ENGLISH), Bond::Tight, "{word}");
        }
    }
}
