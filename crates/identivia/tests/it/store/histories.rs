//! What every store does with histories: status records, verification records and their audit events.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn undecided_condition_refuses_changes_of_a_decided_profile() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_profile(&store, "", "u").await;
        let verified =
            ProfileChange { verification_status: Some(VerificationStatus::Verified), ..ProfileChange::default() };
        let changed = change_profile(&store, id, WriteCondition::Undecided, verified).await;
        assert!(matches!(changed, Ok(profile) if profile.is_decided()));
        let refused = change_profile(&store, id, WriteCondition::Undecided, country_change("UT")).await;
        assert!(matches!(refused, Err(Refusal::Decided)));
        let allowed = change_profile(&store, id, WriteCondition::Always, country_change("UT")).await;
        assert!(matches!(allowed, Ok(profile) if profile.country.as_deref() == Some("UT")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_steps_from_one_status_record_one() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_profile(&store, "", "u").await;
        let steps = (0..20).map(|_| {
            let step = new_status_record(id, "unverified", "pending");
            store.record_status(step, &Reach::Every, WriteCondition::Undecided, new_event())
        });
        let outcomes = join_all(steps).await;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Ok(_)))).count();
        assert_eq!(done, 1);
        assert_eq!(store.list_status_records(id, &page_of(100)).await.unwrap().items.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_cursor_is_bad_cursor() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_profile(&store, "", "u").await;
        for cursor in ["x", "-1", "0", "1.2.3", "99999999999999999999"] {
            let page = PageRequest { limit: 1, cursor: known(cursor) };
            assert!(matches!(store.list_status_records(id, &page).await, Err(StoreError::BadCursor)), "{cursor}");
            let list = store.list_profiles(&Reach::Every, ProfileFilter::default(), &page);
            assert!(matches!(list.await, Err(StoreError::BadCursor)), "{cursor}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_one_millisecond_are_listed_in_insertion_order() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_profile(&store, "", "u").await;
        for number in 0..30 {
            let record = new_status_record(id, "pending", &format!("step_{number}"));
            record_status(&store, record, WriteCondition::Always).await.unwrap();
        }
        for limit in [1, 4, 10, 30] {
            let (mut listed, mut cursor) = (Vec::new(), None);
            loop {
                let page = store.list_status_records(id, &PageRequest { limit, cursor }).await.unwrap();
                listed.extend(page.items.into_iter().map(|record| record.new_status.as_str().to_owned()));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            let made: Vec<String> = (0..30).rev().map(|number| format!("step_{number}")).collect();
            assert_eq!(listed, made, "{limit}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn undecided_condition_refuses_records_of_a_decided_profile() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_profile(&store, "", "u").await;
        let decided = new_status_record(id, "unverified", "rejected");
        assert!(record_status(&store, decided, WriteCondition::Always).await.is_ok());
        let late = new_status_record(id, "rejected", "pending");
        let refused = record_status(&store, late.clone(), WriteCondition::Undecided).await;
        assert!(matches!(refused, Err(Refusal::Decided)));
        let record = || new_verification(id, "unknown");
        let refused = record_verification(&store, record(), WriteCondition::Undecided).await;
        assert!(matches!(refused, Err(Refusal::Decided)));
        assert_eq!(store.list_status_records(id, &page_of(100)).await.unwrap().items.len(), 1);
        assert_eq!(store.list_verification_records(id, &page_of(100)).await.unwrap().items.len(), 0);

        assert!(record_status(&store, late, WriteCondition::Always).await.is_ok());
        assert!(record_verification(&store, record(), WriteCondition::Always).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_records_use_one_session_once() {
    for TestedStore { store, .. } in open_stores().await {
        let (mine, theirs) = (create_profile(&store, "", "u").await, create_profile(&store, "", "v").await);
        add_session(&store, &new_session("s", Some(mine))).await;
        let record = |profile| {
            let files = UploadedFiles::default();
            let record = new_verification(profile, "s");
            store.record_verification(record, &Reach::Every, WriteCondition::Undecided, files, new_event())
        };
        assert!(matches!(record(theirs).await.unwrap(), Err(Refusal::ForeignSession)));
        let outcomes = join_all((0..20).map(|_| record(mine))).await;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Ok(_)))).count();
        let used = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Err(Refusal::SessionUsed)))).count();
        assert_eq!((done, used), (1, 19));
        assert_eq!(store.list_verification_records(mine, &page_of(100)).await.unwrap().items.len(), 1);
        assert_eq!(store.list_verification_records(theirs, &page_of(100)).await.unwrap().items.len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn status_record_that_names_a_foreign_verification_is_refused() {
    for TestedStore { store, .. } in open_stores().await {
        let (mine, theirs) = (create_profile(&store, "", "mine").await, create_profile(&store, "", "theirs").await);
        for (profile, is_theirs) in [(mine, false), (theirs, true)] {
            let record = new_verification(profile, "unknown");
            let named = Some(record.id);
            assert!(record_verification(&store, record, WriteCondition::Always).await.is_ok());
            let step = StatusRecord { verification: named, ..new_status_record(mine, "", "pending") };
            let recorded = record_status(&store, step, WriteCondition::Always).await;
            assert_eq!(matches!(recorded, Err(Refusal::UnknownVerification)), is_theirs);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_events_are_written_only_with_their_change() {
    for tested in open_stores().await {
        let store = &tested.store;
        let event_of = |detail: &str| new_event().with_detail(detail);
        let id = store.create_profile(new_profile("", "u"), event_of("created")).await.unwrap().id;
        store.create_profile(new_profile("", "u"), event_of("existed")).await.unwrap();
        for (team, detail) in [("red", "out of reach"), ("", "changed")] {
            let reach = Reach::Team(team.to_owned());
            let (change, files) = (country_change("UT"), UploadedFiles::default());
            let changing = store.change_profile(id, &reach, WriteCondition::Always, &change, files, event_of(detail));
            assert_eq!(changing.await.unwrap().is_ok(), team.is_empty());
        }
        if tested.has_transactions() {
            let late = UploadedFiles { mark: known("nobodysmark1"), ..UploadedFiles::default() };
            let change = country_change("CH");
            let changing =
                store.change_profile(id, &Reach::Every, WriteCondition::Always, &change, late, event_of("late"));
            assert!(matches!(changing.await, Err(StoreError::Busy)));
        }
        let profile = store.profile(id, &Reach::Every).await.unwrap().unwrap();
        assert_eq!(profile.country.as_deref(), Some("UT"));

        record_audited_histories(store, id).await;
        let setting = new_setting("k", "1", true);
        store.put_setting(&setting, &[], event_of("set")).await.unwrap().unwrap();
        for detail in ["removed", "missing"] {
            assert_eq!(store.delete_setting("k", event_of(detail)).await.unwrap(), detail == "removed");
        }
        let refused = AuditEvent::new(EventKind::TrustRefused, NOW, "tester").with_detail("noted");
        store.record_event(&refused).await.unwrap();

        let details: Vec<String> = tested.list_events().await.into_iter().map(|(_, detail)| detail).collect();
        let expected = ["created", "changed", "status", "session", "verification", "set", "removed", "noted"];
        assert_eq!(details, expected);
    }
}

/// Adds a status record, a session and a verification record, and has one more of each refused.
async fn record_audited_histories(store: &Arc<dyn Store>, id: RecordId) {
    let event_of = |detail: &str| new_event().with_detail(detail);
    let unknown = StatusRecord { verification: Some(RecordId::random()), ..new_status_record(id, "", "pending") };
    let recording = store.record_status(unknown, &Reach::Every, WriteCondition::Always, event_of("of no record"));
    assert!(matches!(recording.await.unwrap(), Err(Refusal::UnknownVerification)));
    let step = new_status_record(id, "", "pending");
    let recording = store.record_status(step, &Reach::Every, WriteCondition::Always, event_of("status"));
    assert!(recording.await.unwrap().is_ok());
    let session = new_session("s", Some(id));
    assert!(store.add_session(&session, event_of("session")).await.unwrap().is_ok());
    let again = store.add_session(&session, event_of("session twice")).await.unwrap();
    assert_eq!(again, Err(Refusal::AlreadyExists));
    for detail in ["verification", "session used"] {
        let (record, files) = (new_verification(id, "s"), UploadedFiles::default());
        let recording =
            store.record_verification(record, &Reach::Every, WriteCondition::Always, files, event_of(detail));
        assert_eq!(recording.await.unwrap().is_ok(), detail == "verification");
    }
}
