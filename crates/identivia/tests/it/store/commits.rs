//! The rules of `Store::commit`: conditions, unique values, skipped and missing records.

use identivia::records::liveness_frame::LivenessFrame;
use identivia::records::{FieldMap, Record, RecordKind};
use identivia::store::{Change, Commit, CommitOutcome, Comparison, Condition, IfExists, Query};
use serde_json::{Value, json};

use super::*;

fn fields_from<const N: usize>(fields: [(&str, Value); N]) -> FieldMap {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(super) fn words(words: &[&str]) -> Vec<Value> {
    words.iter().map(|word| (*word).into()).collect()
}

/// An update of one profile.
pub(super) fn profile_update<const N: usize>(
    id: RecordId,
    conditions: Vec<Condition>,
    fields: [(&str, Value); N],
) -> Commit {
    let mut commit = Commit::default();
    commit.update(RecordKind::Profiles, id.as_str(), conditions, fields_from(fields));
    commit
}

fn with_insert(mut commit: Commit, record: &impl Record, if_exists: IfExists) -> Commit {
    commit.insert(record, if_exists).unwrap();
    commit
}

pub(super) fn insert_of(record: &impl Record, if_exists: IfExists) -> Commit {
    with_insert(Commit::default(), record, if_exists)
}

pub(super) fn new_frame(frame: RecordId, session: &str) -> LivenessFrame {
    LivenessFrame { id: frame, session: session.to_owned(), imprint_key: None, imprint: None, created: NOW }
}

/// Makes a commit that must not be refused.
pub(super) async fn commit_done(store: &Arc<dyn Store>, commit: Commit) -> Vec<Option<FieldMap>> {
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
pub(super) async fn read_keys(store: &Arc<dyn Store>, query: Query) -> Vec<String> {
    let key = query.kind.key_field();
    let stored = store.read(query).await.unwrap();
    let key_of = |json: &str| {
        let record: Value = serde_json::from_str(json).unwrap();
        record[key].as_str().unwrap().to_owned()
    };
    stored.iter().map(|stored| key_of(&stored.json)).collect()
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

pub(super) async fn create_compared_profile(store: &Arc<dyn Store>) -> RecordId {
    let new = NewProfile { name: known("Ann"), document_type: known("passport"), ..new_profile("red", "u") };
    store.create_profile(new, new_event()).await.unwrap().id
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
