use super::*;

/// Tokens of 100 ms each, from 0.
fn tokens(texts: &[&[u8]]) -> Vec<Token> {
    let token =
        |(at, bytes): (usize, &&[u8])| Token { bytes: bytes.to_vec(), start_ms: at as u64 * 100, probability: 0.5 };
    texts.iter().enumerate().map(token).collect()
}

/// The words as one text, separated by bars.
fn seams(texts: &[&str], writing: Writing) -> String {
    let bytes: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    let words = words(&tokens(&bytes), writing, texts.len() as u64 * 100);
    words.into_iter().map(|word| word.text).collect::<Vec<_>>().join("|")
}

#[test]
fn spaces_begin_words_and_punctuation_sticks_to_them() {
    let seams = |texts: &[&str]| seams(texts, Writing::Spaced);
    assert_eq!(
        seams(&[" And", " so", ",", " my", " fel", "low", " Americans", "."]),
        " And| so,| my| fellow| Americans."
    );
    assert_eq!(
        seams(&[" well", "-", "known", " it", "'s", " \"", "quoted", "\"", " twice"]),
        " well-known| it's| \"quoted\"| twice"
    );
    assert_eq!(seams(&[" a", " -", " b", " $", "5", " 3", ".", "5"]), " a -| b| $5| 3.5");
    assert_eq!(seams(&["No", " space", " ¿", "qué", "?"]), "No| space| ¿qué?");
}

#[test]
fn letters_are_words_in_scripts_without_spaces() {
    let seams = |texts: &[&str]| seams(texts, Writing::Unspaced);
    assert_eq!(seams(&["我们", "在", "Open", "AI", "。", "「", "好", "」"]), "我们|在|OpenAI。|「好」");
    assert_eq!(seams(&["は", "い", "、", " iPhone", " 15"]), "は|い、| iPhone| 15");
}

#[test]
fn a_letter_of_several_tokens_is_joined_and_starts_with_the_first() {
    // U+65E5 is E6 97 A5.
    let tokens = tokens(&[b"\xe6", b"\x97", b"\xa5", "本".as_bytes()]);
    let words = words(&tokens, Writing::Unspaced, 400);
    let seen: Vec<_> = words.iter().map(|word| (word.text.as_str(), word.start_ms, word.end_ms)).collect();
    assert_eq!(seen, [("日", 0, 300), ("本", 300, 400)]);
}

#[test]
fn invalid_bytes_are_dropped() {
    let words = words(&tokens(&[b" a", b"\xff", b"b", b"\xe6"]), Writing::Spaced, 400);
    assert_eq!(words.into_iter().map(|word| word.text).collect::<Vec<_>>(), [" ab"]);
}

#[test]
fn a_word_ends_where_the_next_begins_and_has_the_mean_probability_of_its_tokens() {
    let mut tokens = tokens(&[b" one", b" tw", b"o"]);
    tokens[1].probability = 1.0;
    let words = words(&tokens, Writing::Spaced, 270);
    let seen: Vec<_> = words.iter().map(|word| (word.start_ms, word.end_ms, word.probability)).collect();
    assert_eq!(seen, [(0, 100, 0.5), (100, 270, 0.75)]);
}

#[test]
fn no_tokens_give_no_words() {
    assert_eq!(words(&[], Writing::Spaced, 100), []);
}
