//! What `Store::read` finds: pages in the order of insertion, orders by a column, records by key.

use identivia::records::RecordKind;
use identivia::records::liveness_frame::LivenessFrame;
use identivia::store::{Comparison, IfExists, Order, Query};

use super::commits::{commit_done, insert_of, new_frame, read_keys};
use super::*;

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
