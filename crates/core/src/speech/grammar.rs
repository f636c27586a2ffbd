//! Where the sense allows a break: by punctuation in any language, by little words in some.

use crate::speech::Language;

/// What a break between two words costs the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bond {
    /// A sentence ends.
    Sentence,
    /// A clause does.
    Clause,
    /// What follows begins a part of its own: *and*, *because*, *with*.
    Phrase,
    /// Two words like any other.
    Words,
    /// What comes before belongs to what follows: *the*, *of*, *Mr.*
    Tight,
}

/// How close two neighbouring texts are.
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

/// Whether a sentence ends with this text.
pub(super) fn ends_sentence(text: &str) -> bool {
    let end = without_closing(text);
    end.ends_with(SENTENCE_ENDS) && !is_abbreviated(end)
}

const SENTENCE_ENDS: [char; 12] = ['.', '!', '?', '…', '。', '！', '？', '．', '؟', '۔', '।', '။'];
const CLAUSE_ENDS: [char; 12] = [',', ';', ':', '–', '—', '、', '，', '；', '：', '،', '؛', '၊'];

fn without_closing(text: &str) -> &str {
    text.trim_end_matches(['"', '\'', '”', '’', '»', ')', ']', '」', '』', '）'])
}

/// A full stop that ends no sentence: of an initial, a title, an abbreviation with another stop inside.
fn is_abbreviated(text: &str) -> bool {
    let Some(word) = text.strip_suffix('.') else { return false };
    let mut letters = word.chars();
    let is_initial = letters.next().is_some_and(char::is_uppercase) && letters.next().is_none();
    let titles = ["Mr", "Mrs", "Ms", "Dr", "Prof", "St", "Mme", "Sr", "Sra", "Hr", "Fr", "Nr", "No", "vs", "bzw"];
    is_initial || titles.contains(&word) || (word.contains('.') && word.ends_with(char::is_alphabetic))
}

fn belongs_to_next(word: &str, language: Language) -> bool {
    let Little { articles, openers } = little(language);
    is_in(word, articles) || is_in(word, openers)
}

fn begins_phrase(word: &str, language: Language) -> bool {
    is_in(word, little(language).openers)
}

fn is_in(word: &str, list: &str) -> bool {
    let word = word.to_lowercase();
    list.split(' ').any(|known| known == word)
}

/// The little words of a language.
struct Little {
    /// Articles and possessives.
    articles: &'static str,
    /// Conjunctions and prepositions.
    openers: &'static str,
}

/// Of the languages that are subtitled most; the others break by punctuation, pauses and length.
#[rustfmt::skip]
fn little(language: Language) -> Little {
    match language.as_str() {
        "en" => Little {
            articles: "a an the my your his her its our their this these those every each no very",
            openers: "and or but nor so because although though while when where who which that if than as until \
                      of in on at to for with from by about into over after before under between through without",
        },
        "de" => Little {
            articles: "der die das den dem des ein eine einen einem einer eines mein meine dein sein seine ihr ihre \
                       unser kein keine",
            openers: "und oder aber denn weil dass wenn als ob während wo wer was in im an am auf aus bei mit \
                      nach von vom zu zum zur für über unter durch ohne gegen zwischen",
        },
        "fr" => Little {
            articles: "le la les un une des du au aux mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs \
                       ce cette ces",
            openers: "et ou mais donc car parce que qui quand où si comme de à dans sur sous pour par avec sans entre \
                      chez vers",
        },
        "es" => Little {
            articles: "el la los las un una unos unas mi mis tu tus su sus nuestro nuestra este esta estos estas \
                       del al",
            openers: "y e o u pero porque que quien cuando donde si como de a en con por para sin sobre entre \
                      desde hasta",
        },
        "it" => Little {
            articles: "il lo la i gli le un uno una mio mia tuo tua suo sua questo questa del della dei delle al alla \
                       nel nella",
            openers: "e o ma perché che chi quando dove se come di a da in con su per tra fra senza",
        },
        "pt" => Little {
            articles: "o a os as um uma uns umas meu minha seu sua nosso nossa este esta do da dos das no na ao",
            openers: "e ou mas porque que quem quando onde se como de em com por para sem sobre entre até",
        },
        "nl" => Little {
            articles: "de het een mijn jouw zijn haar ons onze hun dit deze die geen",
            openers: "en of maar want omdat dat als wanneer waar wie van in op aan te tot voor met uit bij door over \
                      onder zonder",
        },
        _ => Little { articles: "", openers: "" },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn punctuation_and_little_words_say_where_a_break_hurts() {
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
    fn an_abbreviation_ends_no_sentence() {
        for word in ["Mr.", "J.", "U.S.", "e.g.", "Dr."] {
            assert_eq!(bond(word, "Smith", Language::ENGLISH), Bond::Tight, "{word}");
        }
        for word in ["I.V", "it.", "no...", "1.5.", "x."] {
            assert_ne!(bond(word, "Smith", Language::ENGLISH), Bond::Tight, "{word}");
        }
    }
}
