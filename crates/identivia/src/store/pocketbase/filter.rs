//! Filters in PocketBase's language. Text enters one only through [`text_literal`] and [`contains_pattern`].

use serde_json::Value;

use super::collections::is_unique_when_known;
use super::field_mapping::PROFILE_WORDS;
use super::shape::values::is_unknown;
use super::shape::{FieldForm, FieldShape, InstanceShape};
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

/// The condition that a searched field has each of the words of a text, between blanks, as this program writes them.
pub(super) fn whole_words_condition(kind: RecordKind, text: &str) -> String {
    let words = search_tokens([text]);
    if words.is_empty() {
        return NO_RECORD.to_owned();
    }
    // Words of this program are letters and digits: none of them is special in a pattern.
    let is_in_a_field = |word: &String| {
        any_of(searched_fields(kind).flat_map(|field| {
            let places = [format!("{word} %"), format!("% {word} %"), format!("% {word}")];
            let name = field.in_pocketbase;
            let alone = format!("{name} = {}", text_literal(word));
            places.map(|place| format!("{name} ~ {}", text_literal(&place))).into_iter().chain([alone])
        }))
    };
    words.iter().map(is_in_a_field).collect::<Vec<_>>().join(" && ")
}

/// The filter of a query, without its search.
pub(super) fn query_filter(shape: &InstanceShape, query: &Query) -> Result<String> {
    let mut conditions = Vec::new();
    for filter in &query.filters {
        conditions.extend(filter_condition(shape, query.kind, filter)?);
    }
    if conditions.is_empty() {
        conditions.push(ANY_RECORD.to_owned());
    }
    Ok(conditions.join(" && "))
}

/// The condition of a search. Profiles have their words in a field of their own. Where the collection lacks it, or another
/// program has made the record, a field must contain each word as it was typed.
pub(super) fn search_condition(shape: &InstanceShape, kind: RecordKind, text: &str, has_words: bool) -> String {
    let words = search_tokens([text]);
    if words.is_empty() {
        return NO_RECORD.to_owned();
    }
    let typed = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let in_a_field = |word: &str| {
        any_of(searched_fields(kind).map(|field| {
            let name = field.in_pocketbase;
            let holder = shape.of_kind(kind).field(name);
            let is_markup = holder.form == FieldForm::Editor;
            let sought = if is_markup { holder.to_compared_text(word) } else { word.to_owned() };
            format!("{name} ~ {}", contains_pattern(&sought))
        }))
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
fn filter_condition(shape: &InstanceShape, kind: RecordKind, filter: &Filter) -> Result<Option<String>> {
    let field = filtered_field(kind, filter.field)?;
    if is_session_key(kind, filter.field) {
        let holder = Holder { name: "id", shape: shape.of_kind(kind).field("id") };
        return Ok(comparison_condition(holder, &with_derived_ids(&filter.comparison)));
    }
    let holders = holders_of(shape, kind, field);
    if let Comparison::FirstKnownIs(other, value) = &filter.comparison {
        let other = holders_of(shape, kind, filtered_field(kind, other)?);
        let chain: Vec<Holder<'_>> = holders.into_iter().chain(other).collect();
        return Ok(Some(first_known(&chain, |holder| holder.compare("=", value))));
    }
    // PocketBase's indexes of unique values cover only known ones; a filter that says so can use them.
    if let (Comparison::Is(value), [holder]) = (&filter.comparison, &holders[..])
        && is_unique_when_known(kind, holder.name)
        && !is_unknown(value)
    {
        return Ok(Some(format!("{} != '' && {}", holder.name, holder.compare("=", value))));
    }
    if comparison_condition(holders[0], &filter.comparison).is_none() {
        return Ok(None);
    }
    let condition = |holder: Holder<'_>| comparison_condition(holder, &filter.comparison).unwrap_or_default();
    Ok(Some(first_known(&holders, condition)))
}

/// A comparison of the provider's ids of sessions as one of PocketBase's own.
fn with_derived_ids(comparison: &Comparison) -> Comparison {
    let id_of = |value: &Value| value.as_str().map_or(Value::Null, |key| derived_id(key).as_str().into());
    let ids_of = |values: &[Value]| values.iter().map(id_of).collect();
    match comparison {
        Comparison::Is(value) => Comparison::Is(id_of(value)),
        Comparison::IsNot(value) => Comparison::IsNot(id_of(value)),
        Comparison::In(values) => Comparison::In(ids_of(values)),
        Comparison::NotIn(values) => Comparison::NotIn(ids_of(values)),
        other => other.clone(),
    }
}

/// A field that holds a value, or a part of the values.
#[derive(Clone, Copy)]
struct Holder<'a> {
    name: &'static str,
    shape: &'a FieldShape,
}

fn holders_of<'a>(shape: &'a InstanceShape, kind: RecordKind, field: &Field) -> Vec<Holder<'a>> {
    let collection = shape.of_kind(kind);
    let names = collection.holder_names(kind, field);
    names.into_iter().map(|name| Holder { name, shape: collection.field(name) }).collect()
}

/// A condition on the first of several fields that is known.
fn first_known(holders: &[Holder<'_>], condition: impl Fn(Holder<'_>) -> String) -> String {
    match holders {
        [] => ANY_RECORD.to_owned(),
        [last] => condition(*last),
        [first, others @ ..] => {
            let unknown = first.compare("=", &Value::Null);
            let known = first.compare("!=", &Value::Null);
            format!("(({known} && {}) || ({unknown} && {}))", condition(*first), first_known(others, condition))
        }
    }
}

impl Holder<'_> {
    fn compare(self, operator: &str, value: &Value) -> String {
        let name = self.name;
        match (self.shape.form, operator, is_unknown(value)) {
            // PocketBase tells an empty text in JSON from nothing.
            (FieldForm::Json, "=", true) => format!("({name} = null || {name} = \"\")"),
            (FieldForm::Json, "!=", true) => format!("({name} != null && {name} != \"\")"),
            (FieldForm::Number, _, true) => format!("{name} {operator} 0"),
            _ => format!("{name} {operator} {}", self.literal(value)),
        }
    }

    fn literal(self, value: &Value) -> String {
        match value {
            Value::Null => text_literal(&self.shape.to_compared_text("")),
            Value::String(text) => text_literal(&self.shape.to_compared_text(text)),
            other => other.to_string(),
        }
    }
}

/// A comparison with one field; `None` where every record fulfils it.
fn comparison_condition(holder: Holder<'_>, comparison: &Comparison) -> Option<String> {
    let compare = |operator: &str, value: &Value| holder.compare(operator, value);
    Some(match comparison {
        Comparison::Is(value) | Comparison::FirstKnownIs(_, value) => compare("=", value),
        Comparison::IsNot(value) => compare("!=", value),
        Comparison::In(values) if values.is_empty() => NO_RECORD.to_owned(),
        Comparison::In(values) => any_of(values.iter().map(|value| compare("=", value))),
        Comparison::NotIn(values) if values.is_empty() => return None,
        Comparison::NotIn(values) => {
            let others: Vec<String> = values.iter().map(|value| compare("!=", value)).collect();
            others.join(" && ")
        }
        Comparison::After(time) => compare(">", &time.to_string().into()),
        Comparison::Before(time) => compare("<", &time.to_string().into()),
        Comparison::Until(time) => compare("<=", &time.to_string().into()),
        Comparison::AfterOrUnknown(time) => {
            format!("({} || {})", compare("=", &Value::Null), compare(">", &time.to_string().into()))
        }
        Comparison::UntilOrUnknown(time) => {
            format!("({} || {})", compare("=", &Value::Null), compare("<=", &time.to_string().into()))
        }
    })
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
        let filter = |query: Query| query_filter(&InstanceShape::default(), &query).unwrap();
        let profiles = || Query::of_kind(RecordKind::Profiles);
        assert_eq!(filter(profiles()), ANY_RECORD);
        assert_eq!(
            filter(profiles().filter("recorded_status", Comparison::FirstKnownIs("verification_status", "a".into()))),
            r#"((recorded_status != "" && recorded_status = "a") || (recorded_status = "" && status = "a"))"#
        );
        assert_eq!(
            filter(profiles().filter("handoff_code", Comparison::Is("c".into()))),
            r#"handoff_code != '' && handoff_code = "c""#
        );
        let typed = r#"(userID ~ "%Ä%" || name ~ "%Ä%" || document_number ~ "%Ä%" || email ~ "%Ä%")"#;
        let search =
            |text, has_words| search_condition(&InstanceShape::default(), RecordKind::Profiles, text, has_words);
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
        let reviews = Query::of_kind(RecordKind::Reviews);
        assert_eq!(
            whole_words_condition(reviews.kind, "mrzunreadable"),
            r#"(finding_words ~ "mrzunreadable %" || finding_words ~ "% mrzunreadable %" || finding_words ~ "% mrzunreadable" || finding_words = "mrzunreadable")"#
        );
        assert_eq!(whole_words_condition(reviews.kind, "%"), NO_RECORD);
        assert!(
            query_filter(&InstanceShape::default(), &profiles().filter("newest_status", Comparison::Is(Value::Null)))
                .is_err()
        );
    }
}
