//! Whether a record fulfils a comparison, checked here: on a record just before it is written, and on one read by its id.

use serde_json::Value;

use super::field_mapping::read_fields;
use super::shape::InstanceShape;
use super::shape::values::is_unknown;
use crate::records::time::Millis;
use crate::records::{FieldMap, RecordKind};
use crate::store::{Comparison, Condition, Refusal};

/// Says whether a field fulfils a comparison.
pub(super) fn fulfils(fields: &FieldMap, field: &str, comparison: &Comparison) -> bool {
    let value = fields.get(field).unwrap_or(&Value::Null);
    let time = || value.as_str().and_then(Millis::parse);
    match comparison {
        Comparison::Is(wanted) => is_same(value, wanted),
        Comparison::IsNot(other) => !is_same(value, other),
        Comparison::In(values) => values.iter().any(|wanted| is_same(value, wanted)),
        Comparison::NotIn(values) => !values.iter().any(|other| is_same(value, other)),
        Comparison::After(limit) => time().is_some_and(|time| time > *limit),
        Comparison::Before(limit) => time().is_some_and(|time| time < *limit),
        Comparison::Until(limit) => time().is_some_and(|time| time <= *limit),
        Comparison::AfterOrUnknown(limit) => time().is_none_or(|time| time > *limit),
        Comparison::UntilOrUnknown(limit) => time().is_none_or(|time| time <= *limit),
        Comparison::FirstKnownIs(other, wanted) => {
            let first = if is_unknown(value) { fields.get(other).unwrap_or(&Value::Null) } else { value };
            is_same(first, wanted)
        }
    }
}

fn is_same(value: &Value, other: &Value) -> bool {
    if is_unknown(value) || is_unknown(other) { is_unknown(value) && is_unknown(other) } else { value == other }
}

/// The refusal of the first condition that a record breaks.
///
/// Histories are ordered by time, and servers' clocks differ. So a profile counts as decided also by the status that was
/// written to it last, `recorded_status` as PocketBase has it: better closed too long than open too long.
pub(super) fn broken_condition(
    shape: &InstanceShape,
    kind: RecordKind,
    record: &Value,
    fields: &FieldMap,
    conditions: &[Condition],
) -> Option<Refusal> {
    let holds = |condition: &&Condition| {
        let Condition { field, comparison, .. } = condition;
        let is_by_history = kind == RecordKind::Profiles && *field == "recorded_status";
        let excludes = matches!(comparison, Comparison::IsNot(_) | Comparison::NotIn(_));
        let mut holds = fulfils(fields, field, comparison);
        if is_by_history && excludes {
            let written = read_fields(shape, kind, record);
            holds = holds && fulfils(&written, field, comparison);
        }
        holds
    };
    conditions.iter().find(|condition| !holds(condition)).map(|condition| condition.refusal)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn unknown_values_are_null_or_empty() {
        let fields: FieldMap = serde_json::from_value(json!({"a": "", "b": null, "c": "x"})).unwrap();
        for field in ["a", "b", "missing"] {
            assert!(fulfils(&fields, field, &Comparison::Is(Value::Null)), "{field}");
            assert!(fulfils(&fields, field, &Comparison::IsNot("x".into())), "{field}");
            assert!(fulfils(&fields, field, &Comparison::NotIn(vec!["x".into()])), "{field}");
            assert!(!fulfils(&fields, field, &Comparison::After(Millis(0))), "{field}");
            assert!(fulfils(&fields, field, &Comparison::FirstKnownIs("c", "x".into())), "{field}");
        }
        assert!(!fulfils(&fields, "c", &Comparison::Is(Value::Null)));
    }

    #[test]
    fn times_are_compared_as_times() {
        let noon = Millis::parse("2026-03-21 12:00:00.000Z").unwrap();
        let fields: FieldMap = serde_json::from_value(json!({"at": noon})).unwrap();
        assert!(fulfils(&fields, "at", &Comparison::After(Millis(noon.0 - 1))));
        assert!(!fulfils(&fields, "at", &Comparison::After(noon)));
        assert!(fulfils(&fields, "at", &Comparison::Until(noon)));
        assert!(fulfils(&fields, "at", &Comparison::Is(json!(noon))));
    }

    #[test]
    fn decided_by_the_last_written_status_stays_decided() {
        let undecided = Condition::new(
            "recorded_status",
            Comparison::NotIn(vec!["verified".into(), "rejected".into()]),
            Refusal::Decided,
        );
        let broken = |written: &str, derived: &str| {
            let fields = FieldMap::from([("recorded_status", json!(derived))]);
            let record = json!({"recorded_status": written});
            broken_condition(
                &InstanceShape::default(),
                RecordKind::Profiles,
                &record,
                &fields,
                std::slice::from_ref(&undecided),
            )
        };
        assert_eq!(broken("pending", "pending"), None);
        assert_eq!(broken("", ""), None);
        assert_eq!(broken("rejected", "pending"), Some(Refusal::Decided));
        assert_eq!(broken("pending", "verified"), Some(Refusal::Decided));
    }
}
