//! Finds the other numbers of a document that people know it by: a zone's optional data, or a part of its number, that
//! also appears in print.

use super::agreement::find_printed_number;
use super::claims::{ClaimSource, SourceClaims};
use super::letters::{split_words, to_number_key};
use super::print::PrintedText;

/// The fewest characters and digits of such a number.
const FEWEST_CHARACTERS: usize = 6;
const FEWEST_DIGITS: usize = 5;

/// The fewest digits of a printed group that is a number of its own, and the most characters of the number behind it: its
/// check digit and the card's version. A shorter group is only a part of a number.
const FEWEST_GROUP: usize = 8;
const MOST_REST: usize = 4;

/// The numbers besides the document's own. A proven zone and the print must both have them.
pub(super) fn find_other_numbers(claims: Option<&SourceClaims>, print: &PrintedText) -> Vec<String> {
    let Some(claims) = claims.filter(|claims| claims.proven) else { return Vec::new() };
    let mut numbers: Vec<String> = Vec::new();
    for optional in &claims.other_numbers {
        let words = optional.split(' ').map(str::to_owned);
        let whole = optional.replace(' ', "");
        // Some issuers add a check digit of their own.
        let shorter = whole.get(..whole.len().saturating_sub(1)).unwrap_or_default().to_owned();
        let candidates = std::iter::once(whole).chain(words).chain([shorter]);
        let printed = candidates.filter(|number| is_number(number));
        numbers.extend(printed.into_iter().find(|number| find_printed_number(&to_number_key(number), print).is_some()));
    }
    numbers.extend(list_leading_groups(claims, print));
    numbers.retain(|number| to_number_key(number) != to_number_key(&claims.document_number));
    numbers
}

/// The beginnings of the document's number that print divides from the rest: Portugal's cards print `00712345 6 ZX1`,
/// and their holders know the first group.
fn list_leading_groups(claims: &SourceClaims, print: &PrintedText) -> Vec<String> {
    if claims.kind != ClaimSource::Zone {
        return Vec::new();
    }
    let key = to_number_key(&claims.document_number);
    let Some(text) = find_printed_number(&key, print) else { return Vec::new() };
    let words: Vec<String> = split_words(&text).iter().map(|word| word.text_in(&text).to_owned()).collect();
    let groups = (1..words.len()).map(|count| words.iter().take(count).map(String::as_str).collect::<String>());
    let is_whole = |group: &String| {
        let rest = key.len().saturating_sub(group.len());
        group.len() >= FEWEST_GROUP && rest <= MOST_REST && group.bytes().all(|byte| byte.is_ascii_digit())
    };
    groups.filter(is_whole).collect()
}

fn is_number(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    text.chars().count() >= FEWEST_CHARACTERS && digits >= FEWEST_DIGITS
}
