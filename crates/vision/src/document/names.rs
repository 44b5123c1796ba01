//! Names in print: found however they are parted and spelled there, and told from somebody else's.

use super::claims::SourceClaims;
use super::letters::{MarkTolerance, WordSpan, fold_to_ascii, spelling_distance, split_words, to_capitals};
use super::print::{PrintedText, to_capital_words};

/// How many words of print may make up one name or number.
pub(super) const MOST_NAME_WORDS: usize = 8;

/// A name as it stands in print.
pub(super) struct PrintedName {
    pub(super) text: String,
    wrong: usize,
    /// Letter for letter the claimed one, marks written out as ICAO 9303 part 3, section 6 says.
    exact: bool,
}

impl PrintedName {
    /// Whether it tells more than the claimed name: a mark, a hyphen or an apostrophe. Capitals and spaces tell
    /// nothing, since recognisers mistake the one and lose the other.
    pub(super) fn adds_marks_to(&self, claimed: &str) -> bool {
        let marked = self.text.chars().any(|letter| !letter.is_ascii() || matches!(letter, '-' | '\''));
        self.exact && marked && split_words(&self.text).len() >= claimed.split(' ').count()
    }
}

/// The words of one line that are the claimed name, however it is parted there; one letter of each long word may be
/// misread.
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
                // A letter is written with three at most, and more than a few marks are rare.
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

/// One word of a name in print. What was cut off, or is an initial, goes on there.
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

/// Whether two words may be readings of one name: two thirds of the letters are the same, or one goes on where the
/// other ends.
pub(super) fn is_similar_word(one: &[char], other: &[char]) -> bool {
    spelling_distance(one, other, MarkTolerance::MayBeLost) <= one.len().max(other.len()) / 3
        || other.starts_with(one)
        || one.starts_with(other)
}

/// Whether a labelled text is clearly the name of somebody else: no word of it is one of the holder's, nor nearly.
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

/// Says whether two spellings are one person's: each word of the shorter is in the longer, in whatever order, with or
/// without its marks, one letter of a long word misread. A document names more given names than people do, so the shorter
/// may have less; one word alone names nobody who has two.
#[must_use]
pub fn is_same_name(one: &str, other: &str) -> bool {
    let (one, other) = (to_capital_words(one), to_capital_words(other));
    let (shorter, longer) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let enough = shorter.len() >= longer.len().min(2) && !shorter.is_empty();
    let mut left = longer;
    enough
        && shorter.iter().all(|word| match left.iter().position(|found| is_same_word(word, found)) {
            // Each word stands for one.
            Some(place) => {
                left.swap_remove(place);
                true
            }
            None => false,
        })
}

/// Says whether a name is written in letters that are compared here: Latin ones.
#[must_use]
pub fn is_latin(name: &str) -> bool {
    name.chars()
        .filter(|letter| letter.is_alphabetic())
        .all(|letter| u32::from(letter) < 0x250 || ('\u{1E00}'..='\u{1EFF}').contains(&letter))
}

/// Either may be the one with marks: people write theirs, a zone writes them out.
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
    fn one_persons_name_is_known_however_it_is_written() {
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
