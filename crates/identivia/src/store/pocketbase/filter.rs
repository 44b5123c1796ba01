//! Filters in PocketBase's language. Text enters one only through [`text_literal`] and [`contains_pattern`].

use serde_json::Value;

use super::collections::is_unique_when_known;
use super::field_mapping::{PROFILE_WORDS, is_unknown};
use crate::domain::search::search_tokens;
use crate::records::{Field, RecordKind};
use crate::store::liveness_sessions::derived_id;
use crate::store::search::searched_fields;
use crate::store::{Comparison, Filter, Query, Result, StoreError};

/// The longest filter that PocketBase takes, in bytes.
pub(super) const MAX_FILTER_BYTES: usize = 3_500;
/// The filter that every record passes.
pub(super) const ANY_RECORD: &str = "id != \"\"";
/// The filter that no record passes.
const NO_RECORD: &str = "id = \"\"";

/// A text as a literal that means exactly it, in the dialect of PocketBase 0.39.9 and later.
///
/// Inside double quotes a backslash makes itself, a quote and some letters special, and nothing else is. NUL cannot be
/// written; no text of this program has one.
pub(super) fn text_literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('"');
    for letter in text.chars().filter(|letter| *letter != '\0') {
        if matches!(letter, '\\' | '"') {
            literal.push('\\');
        }
        literal.push(letter);
    }
    literal.push('"');
    literal
}

/// A pattern for `~` that finds a text anywhere, A to Z in any case.
fn contains_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    text_literal(&pattern)
}

/// The filter of a query, without its search.
pub(super) fn query_filter(query: &Query) -> Result<String> {
    let mut conditions = Vec::new();
    for filter in &query.filters {
        conditions.extend(filter_condition(query.kind, filter)?);
    }
    if conditions.is_empty() {
        conditions.push(ANY_RECORD.to_owned());
    }
    Ok(conditions.join(" && "))
}

/// The condition of a search. Profiles have their words in a field of their own. Where the collection lacks it, or another
/// program has made the record, a field must contain each word as it was typed.
pub(super) fn search_condition(kind: RecordKind, text: &str, has_words: bool) -> String {
    let words = search_tokens([text]);
    if words.is_empty() {
        return NO_RECORD.to_owned();
    }
    let typed = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let in_a_field = |word: &str| {
        let pattern = contains_pattern(word);
        any_of(searched_fields(kind).map(|field| format!("{} ~ {pattern}", field.in_pocketbase)))
    };
    let mut contained = typed.map(in_a_field).collect::<Vec<_>>().join(" && ");
    if contained.is_empty() {
        // A sign such as `™` holds a word, but is none.
        contained = NO_RECORD.to_owned();
    }
    if !has_words {
        return contained;
    }
    let whole = words.iter().map(|word| format!("{PROFILE_WORDS} ~ {}", contains_pattern(&format!(" {word} "))));
    let whole = whole.collect::<Vec<_>>().join(" && ");
    format!("(({whole}) || ({PROFILE_WORDS} = \"\" && {contained}))")
}

/// The field that a filter compares, and PocketBase's name for it.
pub(super) fn filtered_field(kind: RecordKind, name: &str) -> Result<&'static Field> {
    let field = kind.field(name).filter(|field| !field.in_pocketbase.is_empty());
    field.ok_or_else(|| StoreError::Failed(format!("PocketBase has no field for {} of {}", name, kind.name())))
}

/// PocketBase has no index of the provider's ids of sessions, but its own ids follow from them.
pub(super) fn is_session_key(kind: RecordKind, field: &str) -> bool {
    kind == RecordKind::LivenessSessions && field == kind.key_field()
}

/// A filter's condition; `None` where every record fulfils it.
fn filter_condition(kind: RecordKind, filter: &Filter) -> Result<Option<String>> {
    let field = filtered_field(kind, filter.field)?;
    let name = if is_session_key(kind, filter.field) { "id" } else { field.in_pocketbase };
    let literal = |value: &Value| match value {
        Value::String(key) if is_session_key(kind, filter.field) => text_literal(derived_id(key).as_str()),
        value => value_literal(value),
    };
    let compare = |operator: &str, value: &Value| format!("{name} {operator} {}", literal(value));
    Ok(Some(match &filter.comparison {
        // PocketBase's indexes of unique values cover only known ones; a filter that says so can use them.
        Comparison::Is(value) if is_unique_when_known(kind, name) && !is_unknown(value) => {
            format!("{name} != '' && {}", compare("=", value))
        }
        Comparison::Is(value) => compare("=", value),
        Comparison::IsNot(value) => compare("!=", value),
        Comparison::In(values) if values.is_empty() => NO_RECORD.to_owned(),
        Comparison::In(values) => any_of(values.iter().map(|value| compare("=", value))),
        Comparison::NotIn(values) if values.is_empty() => return Ok(None),
        Comparison::NotIn(values) => {
            let others: Vec<String> = values.iter().map(|value| compare("!=", value)).collect();
            others.join(" && ")
        }
        Comparison::After(time) => compare(">", &time.to_string().into()),
        Comparison::Before(time) => compare("<", &time.to_string().into()),
        Comparison::Until(time) => compare("<=", &time.to_string().into()),
        Comparison::FirstKnownIs(other, value) => {
            let (other, value) = (filtered_field(kind, other)?.in_pocketbase, literal(value));
            format!("({name} = {value} || ({name} = \"\" && {other} = {value}))")
        }
    }))
}

fn value_literal(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::String(text) => text_literal(text),
        other => other.to_string(),
    }
}

fn any_of(conditions: impl Iterator<Item = String>) -> String {
    format!("({})", conditions.collect::<Vec<_>>().join(" || "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a literal as PocketBase's scanner does: `\\`, `\"`, `\'`, `\n`, `\r`, `\t` mean one character.
    fn parse_literal(literal: &str) -> Option<String> {
        let mut letters = literal.strip_prefix('"')?.chars();
        let mut text = String::new();
        loop {
            match letters.next()? {
                '"' => return letters.next().is_none().then_some(text),
                '\\' => match letters.next()? {
                    letter @ ('\\' | '"' | '\'') => text.push(letter),
                    'n' => text.push('\n'),
                    'r' => text.push('\r'),
                    't' => text.push('\t'),
                    other => text.extend(['\\', other]),
                },
                letter => text.push(letter),
            }
        }
    }

    proptest! {
        #[test]
        fn literal_of_any_text_reads_back_unchanged(text in "[\\\\\"'a%_|&n\n\u{202E}é]{0,40}") {
            prop_assert_eq!(parse_literal(&text_literal(&text)), Some(text));
        }
    }

    #[test]
    fn wildcards_are_literal_letters() {
        assert_eq!(contains_pattern("100%_a\\"), r#""%100\\%\\_a\\\\%""#);
    }

    #[test]
    fn queries_become_filters() {
        let filter = |query: Query| query_filter(&query).unwrap();
        let profiles = || Query::of_kind(RecordKind::Profiles);
        assert_eq!(filter(profiles()), ANY_RECORD);
        assert_eq!(
            filter(profiles().filter("recorded_status", Comparison::FirstKnownIs("verification_status", "a".into()))),
            r#"(recorded_status = "a" || (recorded_status = "" && status = "a"))"#
        );
        assert_eq!(
            filter(profiles().filter("handoff_code", Comparison::Is("c".into()))),
            r#"handoff_code != '' && handoff_code = "c""#
        );
        let typed = r#"(userID ~ "%Ä%" || name ~ "%Ä%" || document_number ~ "%Ä%" || email ~ "%Ä%")"#;
        let search = |text, has_words| search_condition(RecordKind::Profiles, text, has_words);
        assert_eq!(search("Ä", false), typed);
        assert_eq!(search("Ä", true), format!(r#"((search_tokens ~ "% a %") || (search_tokens = "" && {typed}))"#));
        assert_eq!(search("%_", true), NO_RECORD);
        let sessions = Query::of_kind(RecordKind::LivenessSessions);
        assert_eq!(
            filter(sessions.filter("id", Comparison::In(vec!["s".into()]))),
            format!("(id = \"{}\")", derived_id("s"))
        );
        let frames = Query::of_kind(RecordKind::LivenessFrames);
        assert_eq!(filter(frames.filter("session", Comparison::NotIn(Vec::new()))), ANY_RECORD);
        assert!(query_filter(&profiles().filter("newest_status", Comparison::Is(Value::Null))).is_err());
    }
}
