//! Search words: a text is cut into words that are the same in any case, with or without accents, in any normal form.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The words of these texts, each once. Letters and digits make a word, all else separates.
///
/// Both what is stored and what is searched for go through this function: a record is found by whole words only.
#[must_use]
pub fn search_tokens<'t>(texts: impl IntoIterator<Item = &'t str>) -> BTreeSet<String> {
    texts.into_iter().flat_map(words_of_text).collect()
}

fn words_of_text(text: &str) -> Vec<String> {
    // Most texts are ASCII: of these the rules change nothing but the case.
    let plain = if text.is_ascii() { text.to_ascii_lowercase() } else { fold_text(text) };
    plain.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// A text without case, accents and strokes, in compatibility decomposition.
fn fold_text(text: &str) -> String {
    text.nfkd()
        .filter(|letter| !is_combining_mark(*letter))
        .flat_map(fold_case)
        .nfkd()
        .filter(|letter| !is_combining_mark(*letter))
        .map(remove_stroke)
        .collect()
}

/// A letter without its case. By way of the upper case, so that `ß` and `ẞ` become `ss`, `ς` becomes `σ` and `ı` becomes `i`.
fn fold_case(letter: char) -> impl Iterator<Item = char> {
    letter.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// The letter below a stroke. People take the stroke for an accent, but Unicode does not decompose it.
fn remove_stroke(letter: char) -> char {
    match letter {
        'ø' => 'o',
        'ł' => 'l',
        'đ' => 'd',
        'ħ' => 'h',
        'ŧ' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        search_tokens([text]).into_iter().collect()
    }

    #[test]
    fn word_is_the_same_in_any_case_accent_and_normal_form() {
        for (one, other) in [
            ("José Muñoz", "JOSE\u{301} MUN\u{303}OZ"),
            ("Zoë Škoda", "ZOE\u{308} s\u{30C}koda"),
            ("Straße", "STRASSE"),
            ("Straße", "STRA\u{1E9E}E"),
            ("Ὀδυσσεύς", "ΟΔΥΣΣΕΥΣ"),
            ("İstanbul Işık", "istanbul ışik"),
            ("Łukasz Øre", "lukasz ore"),
            ("ﬁne", "FINE"),
            ("Ａ１２", "a12"),
            ("Žижа́", "ZИЖА"),
            ("Ǆ", "dž"),
            ("한국", "\u{1112}\u{1161}\u{11AB}\u{1100}\u{116E}\u{11A8}"),
        ] {
            assert_eq!(words(one), words(other), "{one} {other}");
            assert!(!words(one).is_empty(), "{one}");
        }
    }

    #[test]
    fn everything_but_letters_and_digits_separates() {
        assert_eq!(words("anna.o'neil-smith@example.com"), ["anna", "com", "example", "neil", "o", "smith"]);
        assert_eq!(words("X-99/7 user_12345"), ["12345", "7", "99", "user", "x"]);
        assert_eq!(words("王小明\u{3000}محمد"), ["محمد", "王小明"]);
        assert_eq!(words(" % _ \u{301} \u{200B}"), [""; 0]);
    }

    proptest! {
        #[test]
        fn words_stay_the_same_when_they_are_cut_again(text in any::<String>()) {
            let once = search_tokens([text.as_str()]);
            prop_assert_eq!(&search_tokens(once.iter().map(String::as_str)), &once);
            let joined = once.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
            prop_assert_eq!(search_tokens([joined.as_str()]), once);
        }

        #[test]
        fn short_way_of_ascii_gives_what_the_rules_give(text in "[ -~]{0,60}") {
            prop_assert_eq!(text.to_ascii_lowercase(), fold_text(&text));
        }

        #[test]
        fn upper_and_lower_case_have_the_same_words(text in "[a-zäöüßéñçøłåı ,.0-9А-я]{0,40}") {
            prop_assert_eq!(words(&text), words(&text.to_uppercase()));
        }
    }
}
