//! Conditions of a commit, checked on a record as it is in the step's transaction.

use serde_json::Value;

use super::record_row::RawFields;
use super::sql_value::is_unknown;
use crate::records::time::Millis;
use crate::store::{Comparison, Condition, Refusal};

/// The refusal of the first condition that does not hold. A missing record breaks every condition.
pub(super) fn find_broken(conditions: &[Condition], record: Option<&RawFields<'_>>) -> Option<Refusal> {
    let broken = conditions.iter().find(|condition| match record {
        Some(record) => !holds(condition.field, &condition.comparison, record),
        None => true,
    });
    broken.map(|condition| condition.refusal)
}

/// The fields that a condition reads.
pub(super) fn fields_read(condition: &Condition) -> impl Iterator<Item = &'static str> {
    let other = match &condition.comparison {
        Comparison::FirstKnownIs(other, _) => Some(*other),
        _ => None,
    };
    std::iter::once(condition.field).chain(other)
}

fn holds(field: &str, comparison: &Comparison, record: &RawFields<'_>) -> bool {
    let value = value_of(field, record);
    let is_in = |values: &[Value]| values.iter().any(|other| is_same(&value, other));
    let time = || value.as_str().and_then(Millis::parse);
    match comparison {
        Comparison::Is(other) => is_same(&value, other),
        Comparison::IsNot(other) => !is_same(&value, other),
        Comparison::In(values) => is_in(values),
        Comparison::NotIn(values) => !is_in(values),
        Comparison::After(limit) => time().is_some_and(|time| time > *limit),
        Comparison::Before(limit) => time().is_some_and(|time| time < *limit),
        Comparison::Until(limit) => time().is_some_and(|time| time <= *limit),
        Comparison::AfterOrUnknown(limit) => time().is_none_or(|time| time > *limit),
        Comparison::UntilOrUnknown(limit) => time().is_none_or(|time| time <= *limit),
        Comparison::FirstKnownIs(other_field, other) if is_unknown(&value) => {
            is_same(&value_of(other_field, record), other)
        }
        Comparison::FirstKnownIs(_, other) => is_same(&value, other),
    }
}

fn value_of(field: &str, record: &RawFields<'_>) -> Value {
    record.get(field).and_then(|json| serde_json::from_str(json.get()).ok()).unwrap_or_default()
}

fn is_same(one: &Value, other: &Value) -> bool {
    one == other || (is_unknown(one) && is_unknown(other))
}
