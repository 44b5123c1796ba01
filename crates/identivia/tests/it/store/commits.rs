//! The rules of `Store::read` and `Store::commit`: conditions, unique values, skipped and missing records, orders and pages.

use identivia::records::liveness_frame::LivenessFrame;
use identivia::records::{FieldMap, Record, RecordKind};
use identivia::store::{Change, Commit, CommitOutcome, Comparison, Condition, IfExists, Order, Query};
use serde_json::{Value, json};

use super::*;

fn fields_from<const N: usize>(fields: [(&str, Value); N]) -> FieldMap {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn words(words: &[&str]) -> Vec<Value> {
    words.iter().map(|word| (*word).into()).collect()
}

/// An update of one profile.
fn profile_update<const N: usize>(id: RecordId, conditions: Vec<Condition>, fields: [(&str, Value); N]) -> Commit {
    let mut commit = Commit::default();
    commit.update(RecordKind::Profiles, id.as_str(), conditions, fields_from(fields));
    commit
}

fn with_insert(mut commit: Commit, record: &impl Record, if_exists: IfExists) -> Commit {
    commit.insert(record, if_exists).unwrap();
    commit
}

fn insert_of(record: &impl Record, if_exists: IfExists) -> Commit {
    with_insert(Commit::default(), record, if_exists)
}

fn new_frame(frame: RecordId, session: &str) -> LivenessFrame {
    LivenessFrame { id: frame, session: session.to_owned(), imprint_key: None, imprint: None, created: NOW }
}

/// Makes a commit that must not be refused.
async fn commit_done(store: &Arc<dyn Store>, commit: Commit) -> Vec<Option<FieldMap>> {
    match store.commit(commit).await.unwrap() {
        CommitOutcome::Done(stored) => stored,
        CommitOutcome::Refused(refusal) => panic!("refused: {refusal:?}"),
    }
}

/// Makes a commit that must be refused.
async fn commit_refused(store: &Arc<dyn Store>, commit: Commit) -> Refusal {
    match store.commit(commit).await.unwrap() {
        CommitOutcome::Done(stored) => panic!("not refused: {stored:?}"),
        CommitOutcome::Refused(refusal) => refusal,
    }
}

async fn read_profile(store: &Arc<dyn Store>, id: RecordId) -> Profile {
    store.profile(id, &Reach::Every).await.unwrap().unwrap()
}

/// Reads the keys that a query finds, in its order.
async fn read_keys(store: &Arc<dyn Store>, query: Query) -> Vec<String> {
    let key = query.kind.key_field();
    let stored = store.read(query).await.unwrap();
    let key_of = |json: &str| {
        let record: Value = serde_json::from_str(json).unwrap();
        record[key].as_str().unwrap().to_owned()
    };
    stored.iter().map(|stored| key_of(&stored.json)).collect()
}

/// Reads the keys that a query finds, page by page.
async fn read_keys_in_pages(store: &Arc<dyn Store>, query: &Query, limit: usize) -> Vec<String> {
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let page = Query { after, limit, ..query.clone() };
        let cursor = store.read(page.clone()).await.unwrap().last().map(|last| last.cursor.clone());
        let found = read_keys(store, page).await;
        assert!(found.len() <= limit);
        let is_last = found.len() < limit;
        keys.extend(found);
        if is_last {
            return keys;
        }
        after = cursor;
    }
}

// Conditions

#[tokio::test(flavor = "multi_thread")]
async fn refused_condition_changes_neither_record_nor_audit_trail() {
    for tested in open_stores().await {
        let store = &tested.store;
        let id = create_profile(store, "red", "u").await;
        let before = tested.list_events().await;
        for broken in [
            Condition::new("verification_status", Comparison::Is("verified".into()), Refusal::Stale),
            Condition::new("document_type", Comparison::Is("passport".into()), Refusal::Stale),
            Condition::new("created", Comparison::After(NOW), Refusal::Stale),
        ] {
            let field = broken.field;
            let country = Change::Update {
                kind: RecordKind::Profiles,
                key: id.to_string(),
                conditions: vec![Condition::exists(RecordKind::Profiles, Refusal::Missing), broken],
                fields: fields_from([("country", json!("UT"))]),
            };
            let mut commit = insert_of(&new_status_record(id, "", "pending"), IfExists::Refuse(Refusal::AlreadyExists));
            commit.insert(&new_event(), IfExists::Skip).unwrap();
            commit.changes.push(country);
            assert_eq!(commit_refused(store, commit).await, Refusal::Stale, "{field}");
        }
        assert_eq!(read_profile(store, id).await.country, None);
        assert!(store.list_status_records(id, &page_of(9)).await.unwrap().items.is_empty());
        assert_eq!(tested.list_events().await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn first_broken_condition_gives_the_refusal() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_profile(&store, "red", "u").await;
        let condition = |team: &str, refusal| Condition::new("team", Comparison::Is(team.into()), refusal);
        let conditions = vec![
            condition("red", Refusal::Missing),
            condition("blue", Refusal::Changed),
            condition("green", Refusal::Stale),
        ];
        let commit = profile_update(id, conditions, [("country", json!("UT"))]);
        assert_eq!(commit_refused(&store, commit).await, Refusal::Changed);
        let conditions = vec![condition("red", Refusal::Missing)];
        commit_done(&store, profile_update(id, conditions, [("country", json!("UT"))])).await;
        assert_eq!(read_profile(&store, id).await.country, known("UT"));
    }
}

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

async fn create_compared_profile(store: &Arc<dyn Store>) -> RecordId {
    let new = NewProfile { name: known("Ann"), document_type: known("passport"), ..new_profile("red", "u") };
    store.create_profile(new, new_event()).await.unwrap().id
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

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_conditional_updates_have_one_winner() {
    for tested in open_stores().await {
        if !tested.has_transactions() {
            continue; // PocketBase checks conditions just before the write.
        }
        let store = &tested.store;
        let id = create_profile(store, "", "u").await;
        for field in ["country", "phone_number"] {
            let updates = (0..12).map(|number| {
                let unset = Condition::new(field, Comparison::Is(Value::Null), Refusal::Changed);
                store.commit(profile_update(id, vec![unset], [(field, json!(number.to_string()))]))
            });
            let outcomes = join_all(updates).await;
            let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(CommitOutcome::Done(_)))).count();
            let refused = |outcome: &&_| matches!(outcome, Ok(CommitOutcome::Refused(Refusal::Changed)));
            assert_eq!((done, outcomes.iter().filter(refused).count()), (1, 11), "{field}: {outcomes:?}");
        }
    }
}

// Updates

#[tokio::test(flavor = "multi_thread")]
async fn update_replaces_its_fields_and_answers_the_whole_record() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_compared_profile(&store).await;
        // One column, one other field, and one of each together.
        let first = [("country", json!("UT"))];
        let second = [("document_type", json!("national_id"))];
        commit_done(&store, profile_update(id, Vec::new(), first)).await;
        commit_done(&store, profile_update(id, Vec::new(), second)).await;
        let both = [("name", Value::Null), ("gender", json!("female")), ("updated", json!(NOW.plus_seconds(5)))];
        let stored = commit_done(&store, profile_update(id, Vec::new(), both)).await;
        assert_eq!(stored.len(), 1);
        let answered: Profile = stored[0].clone().unwrap().into_object().unwrap();
        for profile in [answered, read_profile(&store, id).await] {
            assert_eq!((profile.id, profile.team.as_str(), profile.user_id.as_str()), (id, "red", "u"));
            assert_eq!((profile.name, profile.country), (None, known("UT")));
            assert_eq!((profile.document_type, profile.gender), (known("national_id"), known("female")));
            assert_eq!((profile.created, profile.updated), (NOW, NOW.plus_seconds(5)));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn update_of_a_missing_record_without_conditions_is_skipped() {
    for tested in open_stores().await {
        let store = &tested.store;
        let missing = profile_update(RecordId::random(), Vec::new(), [("country", json!("UT"))]);
        let stored = commit_done(store, with_insert(missing, &new_event(), IfExists::Skip)).await;
        assert!(stored.len() == 2 && stored[0].is_none() && stored[1].is_some(), "{stored:?}");
        assert_eq!(tested.list_events().await.len(), 1, "the rest of the commit is made");
        assert!(read_keys(store, Query::of_kind(RecordKind::Profiles)).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_record_breaks_every_condition() {
    for tested in open_stores().await {
        let store = &tested.store;
        for comparison in [
            Comparison::Is(Value::Null),
            Comparison::IsNot(Value::Null),
            Comparison::IsNot("x".into()),
            Comparison::NotIn(words(&["x"])),
        ] {
            let case = format!("{comparison:?}");
            let condition = Condition::new("name", comparison, Refusal::Changed);
            let commit = profile_update(RecordId::random(), vec![condition], [("country", json!("UT"))]);
            let commit = with_insert(commit, &new_event(), IfExists::Skip);
            assert_eq!(commit_refused(store, commit).await, Refusal::Changed, "{case}");
        }
        assert!(tested.list_events().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn update_that_repeats_a_unique_value_is_already_exists() {
    for tested in open_stores().await {
        let store = &tested.store;
        let (one, other) = (create_profile(store, "red", "u").await, create_profile(store, "red", "v").await);
        commit_done(store, profile_update(one, Vec::new(), [("handoff_code", json!("code"))])).await;
        let before = tested.list_events().await;
        for (field, value) in [("user_id", "u"), ("handoff_code", "code")] {
            let commit = profile_update(other, Vec::new(), [(field, json!(value)), ("country", json!("UT"))]);
            let commit = with_insert(commit, &new_event(), IfExists::Skip);
            assert_eq!(commit_refused(store, commit).await, Refusal::AlreadyExists, "{field}");
        }
        let profile = read_profile(store, other).await;
        assert_eq!((profile.user_id.as_str(), profile.handoff_code, profile.country), ("v", None, None));
        assert_eq!(tested.list_events().await, before);
    }
}

// Inserts

#[tokio::test(flavor = "multi_thread")]
async fn skipped_insert_leaves_the_existing_record() {
    for TestedStore { store, .. } in open_stores().await {
        let (known_frame, new) = (RecordId::random(), RecordId::random());
        let stored = commit_done(&store, insert_of(&new_frame(known_frame, "one"), IfExists::Skip)).await;
        assert!(stored[0].is_some());
        let commit = insert_of(&new_frame(known_frame, "two"), IfExists::Skip);
        let stored = commit_done(&store, with_insert(commit, &new_frame(new, "two"), IfExists::Skip)).await;
        assert!(stored.len() == 2 && stored[0].is_none() && stored[1].is_some(), "{stored:?}");
        for (session, frame) in [("one", known_frame), ("two", new)] {
            let frames = Query::of_kind(RecordKind::LivenessFrames).filter("session", Comparison::Is(session.into()));
            assert_eq!(read_keys(&store, frames).await, [frame.to_string()]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_insert_stores_nothing_of_its_commit() {
    for tested in open_stores().await {
        let store = &tested.store;
        let id = create_profile(store, "red", "u").await;
        let before = tested.list_events().await;
        let refuse = IfExists::Refuse(Refusal::CodeTaken);
        let same_key = new_profile("blue", "v").to_record(id, NOW);
        let same_user = new_profile("red", "u").to_record(RecordId::random(), NOW);
        for existing in [same_key, same_user] {
            let commit = insert_of(&existing, refuse);
            let commit = with_insert(commit, &new_status_record(id, "", "pending"), IfExists::Refuse(Refusal::Stale));
            let commit = with_insert(commit, &new_event(), IfExists::Skip);
            assert_eq!(commit_refused(store, commit).await, Refusal::CodeTaken, "{}", existing.team);
        }
        // The refused insert comes last: what comes before it is not stored either.
        let commit = profile_update(id, Vec::new(), [("country", json!("UT"))]);
        let commit = with_insert(commit, &new_profile("red", "u").to_record(RecordId::random(), NOW), refuse);
        assert_eq!(commit_refused(store, commit).await, Refusal::CodeTaken);
        assert_eq!(read_keys(store, Query::of_kind(RecordKind::Profiles)).await, [id.to_string()]);
        let profile = read_profile(store, id).await;
        assert_eq!((profile.team.as_str(), profile.country), ("red", None));
        assert!(store.list_status_records(id, &page_of(9)).await.unwrap().items.is_empty());
        assert_eq!(tested.list_events().await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inserted_record_reads_back_with_every_field() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_profile(&store, "", "u").await;
        let evidence = Evidence {
            document_number: known("No \"1\"\\"),
            country: known("UT"),
            date_of_birth: known("1990-01-15"),
            place_of_birth: known("Springfield"),
            fingerprint: known("{\"a\":[1]}"),
            claim: Claim { session_id: "t".to_owned(), confidence: Some(1.5), status: "c".to_owned() },
            ..new_evidence("s")
        };
        let record = evidence.into_record(RecordId::random(), id, "tester", NOW);
        let stored = commit_done(&store, insert_of(&record, IfExists::Refuse(Refusal::AlreadyExists))).await;
        let answered: VerificationRecord = stored[0].clone().unwrap().into_object().unwrap();
        let query = Query::by_key(RecordKind::VerificationHistory, record.id.as_str());
        let read = store.read(query).await.unwrap();
        let read: VerificationRecord = serde_json::from_str(&read[0].json).unwrap();
        let expected = serde_json::to_value(&record).unwrap();
        for record in [answered, read] {
            assert_eq!(serde_json::to_value(record).unwrap(), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn session_claim_is_unique_where_it_is_known() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_profile(&store, "", "u").await;
        let claim = Some(RecordId::random());
        let insert = |session_claim| {
            let record = VerificationRecord { session_claim, ..new_verification(id, "s") };
            insert_of(&record, IfExists::Refuse(Refusal::SessionUsed))
        };
        for unclaimed in [None, None, claim, Some(RecordId::random())] {
            commit_done(&store, insert(unclaimed)).await;
        }
        assert_eq!(commit_refused(&store, insert(claim)).await, Refusal::SessionUsed);
        assert_eq!(store.list_verification_records(id, &page_of(9)).await.unwrap().items.len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn followed_status_is_unique_within_a_profile() {
    for TestedStore { store, .. } in open_stores().await {
        let (mine, theirs) = (create_profile(&store, "", "u").await, create_profile(&store, "", "v").await);
        let followed = Some(RecordId::random());
        let insert = |profile, follows| {
            let record = StatusRecord { follows, ..new_status_record(profile, "", "pending") };
            insert_of(&record, IfExists::Refuse(Refusal::Stale))
        };
        for (profile, follows) in [(mine, None), (mine, None), (mine, followed), (theirs, followed)] {
            commit_done(&store, insert(profile, follows)).await;
        }
        assert_eq!(commit_refused(&store, insert(mine, followed)).await, Refusal::Stale);
        assert_eq!(store.list_status_records(mine, &page_of(9)).await.unwrap().items.len(), 3);
    }
}

// Deletes

#[tokio::test(flavor = "multi_thread")]
async fn delete_obeys_its_conditions() {
    for tested in open_stores().await {
        let store = &tested.store;
        store.put_setting(&new_setting("k", "1", true), &[], new_event()).await.unwrap().unwrap();
        let delete = |key: &str, conditions: Vec<Condition>| {
            let mut commit = Commit::default();
            commit.delete(RecordKind::Settings, key, conditions);
            with_insert(commit, &new_event(), IfExists::Skip)
        };
        let public = |public: bool| vec![Condition::new("public", Comparison::Is(public.into()), Refusal::Changed)];
        assert_eq!(commit_refused(store, delete("k", public(false))).await, Refusal::Changed);
        assert_eq!(store.settings().await.unwrap().len(), 1);
        let stored = commit_done(store, delete("k", public(true))).await;
        assert!(stored.len() == 2 && stored[0].is_none() && stored[1].is_some(), "{stored:?}");
        assert!(store.settings().await.unwrap().is_empty());

        assert_eq!(commit_refused(store, delete("k", public(true))).await, Refusal::Changed, "it is missing");
        let stored = commit_done(store, delete("k", Vec::new())).await;
        assert!(stored[0].is_none() && stored[1].is_some(), "{stored:?}");
        assert_eq!(tested.list_events().await.len(), 3);
    }
}

// Reading

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_kind_follow_insertion_order_by_cursor() {
    for TestedStore { store, .. } in open_stores().await {
        let mut made: Vec<(RecordKind, Vec<String>)> = Vec::new();
        let mut note = |kind: RecordKind, key: &str| match made.iter_mut().find(|(noted, _)| *noted == kind) {
            Some((_, keys)) => keys.push(key.to_owned()),
            None => made.push((kind, vec![key.to_owned()])),
        };
        for number in 0..5 {
            // PocketBase orders most records by their time.
            let now = Millis(NOW.0 + number);
            let profile = new_profile("", &format!("u{number}")).to_record(RecordId::random(), now);
            let status = StatusRecord { created: now, ..new_status_record(profile.id, "", "pending") };
            let verification = VerificationRecord { created: now, ..new_verification(profile.id, "") };
            let frame = LivenessFrame { created: now, ..new_frame(RecordId::random(), "s") };
            let event = AuditEvent { at: now, ..new_event() };
            note(RecordKind::Profiles, profile.id.as_str());
            note(RecordKind::StatusHistory, status.id.as_str());
            note(RecordKind::VerificationHistory, verification.id.as_str());
            note(RecordKind::LivenessFrames, frame.id.as_str());
            note(RecordKind::AuditEvents, event.id.as_str());
            let refuse = IfExists::Refuse(Refusal::AlreadyExists);
            commit_done(&store, insert_of(&profile, refuse)).await;
            commit_done(&store, insert_of(&status, refuse)).await;
            commit_done(&store, insert_of(&verification, refuse)).await;
            commit_done(&store, insert_of(&frame, refuse)).await;
            commit_done(&store, insert_of(&event, refuse)).await;
        }
        for (kind, keys) in made {
            let mut keys: Vec<String> = keys;
            for order in [Order::Oldest, Order::Newest] {
                let query = Query::of_kind(kind).ordered(order);
                for limit in [1, 2, 5] {
                    let case = format!("{kind:?} {order:?} {limit}");
                    assert_eq!(read_keys_in_pages(&store, &query, limit).await, keys, "{case}");
                }
                keys.reverse();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_ordered_by_a_column() {
    for TestedStore { store, .. } in open_stores().await {
        for (id, seconds) in [("b", 20), ("c", 30), ("a", 10)] {
            add_session(&store, &LivenessSession::new(id.to_owned(), None, NOW.plus_seconds(seconds))).await;
        }
        let sessions = |order| Query::of_kind(RecordKind::LivenessSessions).ordered(order);
        assert_eq!(read_keys(&store, sessions(Order::Ascending("expires"))).await, ["a", "b", "c"]);
        assert_eq!(read_keys(&store, sessions(Order::Descending("expires"))).await, ["c", "b", "a"]);
        assert_eq!(read_keys(&store, sessions(Order::Ascending("expires")).limited(2)).await, ["a", "b"]);
        assert_eq!(read_keys(&store, sessions(Order::Descending("expires")).limited(1)).await, ["c"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newest_verification_is_read_with_its_profile() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_profile(&store, "", "u").await;
        let read = async |with_newest_verification: bool| {
            let query = Query::by_key(RecordKind::Profiles, id.as_str());
            let mut found = store.read(Query { with_newest_verification, ..query }).await.unwrap();
            assert_eq!(found.len(), 1);
            found.remove(0).newest_verification
        };
        assert!(read(true).await.is_none());
        let newest = new_verification(id, "t");
        for (after, record) in [(0, new_verification(id, "s")), (1, newest.clone())] {
            let record = VerificationRecord { created: Millis(NOW.0 + after), ..record };
            record_verification(&store, record, WriteCondition::Always).await.unwrap();
        }
        assert!(read(false).await.is_none());
        let found: VerificationRecord = serde_json::from_str(&read(true).await.unwrap()).unwrap();
        assert_eq!((found.id, found.profile, found.liveness_session_id.as_str()), (newest.id, id, "t"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_read_alone_and_missing_keys_find_nothing() {
    for TestedStore { store, .. } in open_stores().await {
        let first = create_profile(&store, "", "u").await.to_string();
        let second = create_profile(&store, "", "v").await.to_string();
        let keys = Query { keys_only: true, ..Query::of_kind(RecordKind::Profiles) };
        let mut found = read_keys(&store, keys).await;
        found.sort();
        let mut expected = vec![first.clone(), second];
        expected.sort();
        assert_eq!(found, expected);
        let some = vec![first.as_str().into(), RecordId::random().as_str().into()];
        let query = Query::of_kind(RecordKind::Profiles).filter("id", Comparison::In(some));
        assert_eq!(read_keys(&store, query).await, [first]);
        let missing = Query::by_key(RecordKind::Profiles, RecordId::random().as_str());
        assert!(read_keys(&store, missing).await.is_empty());
    }
}
