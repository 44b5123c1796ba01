//! Finds names in print in any division and spelling, and tells them from other people's names.

use super::claims::SourceClaims;
use super::letters::{MarkTolerance, WordSpan, fold_to_ascii, spelling_distance, split_words, to_capitals};
use super::print::{PrintedText, to_capital_words};

/// The maximum number of printed words that make up one name or number.
pub(super) const MOST_NAME_WORDS: usize = 8;

/// A name as printed.
pub(super) struct PrintedName {
    pub(super) text: String,
    wrong: usize,
    /// Letter for letter the claimed name, marks written out as ICAO 9303 part 3, section 6 says.
    exact: bool,
}

impl PrintedName {
    /// Whether the print adds a mark, a hyphen or an apostrophe to the claimed name. Capitals and spaces do not count:
    /// recognisers confuse the former and lose the latter.
    pub(super) fn adds_marks_to(&self, claimed: &str) -> bool {
        let is_mark = |letter: char| letter.is_alphabetic() && !letter.is_ascii() || matches!(letter, '-' | '\'');
        let marked = self.text.chars().any(is_mark) && !self.text.contains([',', '，', ';']);
        self.exact && marked && split_words(&self.text).len() >= claimed.split(' ').count()
    }
}

/// The words of one line that are the claimed name, in any division; one letter of each long word may be misread.
pub(super) fn find_printed_name(claimed: &str, print: &PrintedText) -> Option<PrintedName> {
    let zone = to_capitals(claimed);
    let tolerated = claimed.split(' ').filter(|word| word.chars().count() >= 5).count().min(2);
    let mut best: Option<PrintedName> = None;
    for line in &print.lines {
        let words = split_words(&line.text);
        for start in 0..words.len() {
            for count in 1..=MOST_NAME_WORDS.min(words.len() - start) {
                let Some(text) = text_of_words(&line.text, words.get(start..start + count)) else { continue };
                let printed = to_capitals(text);
                // The zone writes a letter with at most three, and more than a few marks are rare.
                if printed.len() > zone.len() + tolerated || printed.len() + 8 < zone.len() || zone.is_empty() {
                    continue;
                }
                if text.chars().any(|letter| letter.is_ascii_digit()) {
                    continue;
                }
                let wrong = spelling_distance(&printed, &zone, MarkTolerance::MayBeLost);
                if wrong <= tolerated && best.as_ref().is_none_or(|best| wrong < best.wrong) {
                    let exact = spelling_distance(&printed, &zone, MarkTolerance::AsPrinted) == 0;
                    best = Some(PrintedName { text: text.to_owned(), wrong, exact });
                }
            }
        }
    }
    best
}

pub(super) fn text_of_words<'t>(line: &'t str, words: Option<&[WordSpan]>) -> Option<&'t str> {
    let (first, last) = (words?.first()?, words?.last()?);
    line.get(first.start..last.end)
}

/// One word of a name in print. A word that was cut off, or is an initial, may continue there.
pub(super) fn find_printed_word(word: &str, goes_on: bool, print: &PrintedText) -> Option<String> {
    let whole = find_printed_name(word, print).map(|name| name.text);
    if whole.is_some() || !goes_on {
        return whole;
    }
    let mut words =
        print.lines.iter().flat_map(|line| split_words(&line.text).into_iter().map(|word| word.text_in(&line.text)));
    let begins = |printed: &&str| {
        fold_to_ascii(printed).starts_with(word) && !printed.contains(|letter: char| letter.is_ascii_digit())
    };
    words.find(begins).map(str::to_owned)
}

/// Whether two words may be readings of one name: two thirds of the letters are equal, or one word is the beginning of
/// the other.
pub(super) fn is_similar_word(one: &[char], other: &[char]) -> bool {
    spelling_distance(one, other, MarkTolerance::MayBeLost) <= one.len().max(other.len()) / 3
        || other.starts_with(one)
        || one.starts_with(other)
}

/// Whether a labelled text is clearly another person's name: no word of it resembles one of the holder's.
pub(super) fn is_another_name(text: &str, claims: &SourceClaims) -> bool {
    let printed = to_capital_words(text);
    let held: Vec<Vec<char>> = [&claims.surname, &claims.given_names, &claims.nationality]
        .iter()
        .flat_map(|name| to_capital_words(name))
        .collect();
    let glued: Vec<char> = printed.concat();
    let whole = [&claims.surname, &claims.given_names].iter().any(|name| is_similar_word(&glued, &to_capitals(name)));
    glued.len() >= 3 && !whole && !printed.iter().any(|word| held.iter().any(|held| is_similar_word(word, held)))
}

/// Whether two spellings name one person. Each word of the shorter name must be in the longer one, in any order, with
/// or without marks; one letter of a long word may be misread. A document has more given names than people use, so one
/// name may be shorter, but a single word does not match a name of two.
#[must_use]
pub fn is_same_name(one: &str, other: &str) -> bool {
    let (one, other) = (to_capital_words(one), to_capital_words(other));
    let (shorter, longer) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let enough = shorter.len() >= longer.len().min(2) && !shorter.is_empty();
    let mut left = longer;
    enough
        && shorter.iter().all(|word| match left.iter().position(|found| is_same_word(word, found)) {
            // Each word is used once.
            Some(place) => {
                left.swap_remove(place);
                true
            }
            None => false,
        })
}

/// Whether a whole name is one whose end was cut off: each word of the shorter name must be in the longer one, and one
/// word of the cut name may be the beginning of the whole one's.
#[must_use]
pub fn is_whole_name_of(whole: &str, cut: &str) -> bool {
    /// The fewest letters of a beginning.
    const LEAST_BEGINNING: usize = 2;
    let (mut left, cut) = (to_capital_words(whole), to_capital_words(cut));
    let enough = cut.len().min(left.len()) >= left.len().min(2) && !cut.is_empty();
    let mut has_beginning = false;
    let mut is_found = |word: &Vec<char>| {
        let same = left.iter().position(|found| is_same_word(word, found));
        let begun = || left.iter().position(|found| word.len() >= LEAST_BEGINNING && found.starts_with(word));
        let place = match same {
            None if !has_beginning => begun().inspect(|_| has_beginning = true),
            same => same,
        };
        place.map(|place| left.swap_remove(place)).is_some()
    };
    enough && cut.iter().all(&mut is_found)
}

/// Whether a name is written in Latin letters, the only ones that are compared.
#[must_use]
pub fn is_latin(name: &str) -> bool {
    name.chars()
        .filter(|letter| letter.is_alphabetic())
        .all(|letter| u32::from(letter) < 0x250 || ('\u{1E00}'..='\u{1EFF}').contains(&letter))
}

/// Either may be the one with marks: people write them, a zone writes them out.
fn is_same_word(one: &[char], other: &[char]) -> bool {
    let tolerated = usize::from(one.len().min(other.len()) >= 5);
    let apart = spelling_distance(one, other, MarkTolerance::MayBeLost).min(spelling_distance(
        other,
        one,
        MarkTolerance::MayBeLost,
    ));
    apart <= tolerated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_name_is_the_beginning_of_the_whole_one() {
        for (whole, cut, expected) in [
            ("Maria Ines Fernandes da Costa Almeida", "MARIA INES FERNANDES DA COSTA ALM", true),
            ("Nilavadhanananda Chayapa Dejthamrong", "CHAYAPA DEJTHA NILAVADHANANANDA", true),
            ("Maria Ines Costa", "MARIA INES COSTA", true),
            ("Maria Ines Costa", "MA IN COSTA", false),
            ("Maria Costa", "KARIN COS", false),
            ("Maria", "MARIA COSTA", false),
            ("", "MARIA", false),
        ] {
            assert_eq!(is_whole_name_of(whole, cut), expected, "{whole} {cut}");
        }
    }

    #[test]
    fn spellings_of_one_name_match() {
        for (one, other) in [
            ("Jane Marie Specimen", "SPECIMEN JANE MARIE"),
            ("Jane Specimen", "JANE MARIE SPECIMEN"),
            ("Müller, Jürgen", "JUERGEN MUELLER"),
            ("JUERGEN MUELLER", "Jürgen Müller"),
            ("Anna-Maria Eriksson", "ERIKSSON ANNA MARIA"),
            ("Cher", "CHER"),
        ] {
            assert!(is_same_name(one, other) && is_same_name(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("John Specimen", "JANE MARIE SPECIMEN"),
            ("Specimen", "JANE MARIE SPECIMEN"),
            ("", "JANE MARIE SPECIMEN"),
            ("Anna Lee", "ANNA LEA"),
            ("Jane Jane", "JANE SPECIMEN"),
        ] {
            assert!(!is_same_name(one, other) && !is_same_name(other, one), "{one} {other}");
        }
    }
}
