//! The comparisons of `Store::read` and `Store::commit`: known and unknown values, as conditions and as filters.

use identivia::records::RecordKind;
use identivia::store::{CommitOutcome, Comparison, Condition, Query};
use serde_json::{Value, json};

use super::commits::{create_compared_profile, profile_update, read_keys, words};
use super::*;

/// Comparisons with the profile that [`create_compared_profile`] makes, by columns that every store can search, and
/// whether they hold.
fn column_comparisons() -> Vec<(&'static str, Comparison, bool)> {
    use Comparison::{After, Before, FirstKnownIs, In, Is, IsNot, NotIn, Until};
    vec![
        ("name", Is("Ann".into()), true),
        ("name", Is("ann".into()), false),
        ("name", Is(Value::Null), false),
        ("name", IsNot(Value::Null), true),
        ("name", IsNot("Ann".into()), false),
        ("name", IsNot("Bob".into()), true),
        ("name", In(words(&["Bob", "Ann"])), true),
        ("name", In(words(&["Bob"])), false),
        ("name", In(Vec::new()), false),
        ("name", NotIn(words(&["Bob", "Ann"])), false),
        ("name", NotIn(words(&["Bob"])), true),
        ("name", NotIn(Vec::new()), true),
        ("email", Is(Value::Null), true),
        ("email", Is("x".into()), false),
        ("email", IsNot(Value::Null), false),
        ("email", IsNot("x".into()), true),
        ("email", In(words(&["x"])), false),
        ("email", NotIn(words(&["x", "y"])), true),
        ("created", After(Millis(NOW.0 - 1)), true),
        ("created", After(NOW), false),
        ("created", Before(Millis(NOW.0 + 1)), true),
        ("created", Before(NOW), false),
        ("created", Until(NOW), true),
        ("created", Until(Millis(NOW.0 - 1)), false),
        ("recorded_status", FirstKnownIs("verification_status", "unverified".into()), true),
        ("recorded_status", FirstKnownIs("verification_status", "pending".into()), false),
    ]
}

/// The same by fields that only conditions can name.
fn other_comparisons() -> Vec<(&'static str, Comparison, bool)> {
    use Comparison::{After, Before, In, Is, IsNot, NotIn, Until};
    vec![
        ("document_type", Is("passport".into()), true),
        ("document_type", IsNot("passport".into()), false),
        ("document_type", In(words(&["passport", "id"])), true),
        ("document_type", NotIn(words(&["passport"])), false),
        ("gender", Is(Value::Null), true),
        ("gender", IsNot("male".into()), true),
        ("gender", NotIn(words(&["male", "female"])), true),
        ("gender", In(words(&["male"])), false),
        ("submitted_at", Is(Value::Null), true),
        ("submitted_at", After(Millis(0)), false),
        ("submitted_at", Before(NOW), false),
        ("submitted_at", Until(NOW), false),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_compare_known_and_unknown_values() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_compared_profile(&store).await;
        for (field, comparison, holds) in column_comparisons().into_iter().chain(other_comparisons()) {
            let case = format!("{field} {comparison:?}");
            let condition = Condition::new(field, comparison, Refusal::Changed);
            let commit = profile_update(id, vec![condition], [("phone_number", json!("1"))]);
            let outcome = store.commit(commit).await.unwrap();
            assert_eq!(matches!(outcome, CommitOutcome::Done(_)), holds, "{case}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_compare_known_and_unknown_values() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_compared_profile(&store).await;
        for (field, comparison, holds) in column_comparisons() {
            let case = format!("{field} {comparison:?}");
            let found = read_keys(&store, Query::of_kind(RecordKind::Profiles).filter(field, comparison)).await;
            let expected = if holds { vec![id.to_string()] } else { Vec::new() };
            assert_eq!(found, expected, "{case}");
        }
    }
}
