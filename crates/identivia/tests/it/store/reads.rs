//! What every store shows: profiles and their lists, settings, whose a file is.

use super::*;

/// Creates a profile of that user and name, so many milliseconds after [`NOW`].
async fn create_named_profile(store: &Arc<dyn Store>, team: &str, user: &str, name: &str, after: i64) -> RecordId {
    let new = NewProfile {
        name: known(name),
        document_number: Some(format!("No {user}")),
        country: known(if user == "ann" { "UT" } else { "CH" }),
        email: Some(format!("{user}@example.com")),
        ..new_profile(team, user)
    };
    let event = AuditEvent { at: Millis(NOW.0 + after), ..new_event() };
    store.create_profile(new, event).await.unwrap().id
}

/// Lists the users of the profiles that match, newest first.
async fn list_users(store: &Arc<dyn Store>, reach: &Reach, filter: ProfileFilter) -> Vec<String> {
    let found = store.list_profiles(reach, filter, &page_of(100)).await.unwrap();
    assert!(found.next.is_none());
    found.items.into_iter().map(|profile| profile.user_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_list_has_what_matches_its_filters() {
    for TestedStore { store, .. } in open_stores().await {
        let ann = create_named_profile(&store, "red", "ann", "Ann 100%", 0).await;
        let bob = create_named_profile(&store, "red", "bob", "Bob_Fox", 1).await;
        create_named_profile(&store, "blue", "zoe", "ZOË ÄRZTIN İSTANBUL straße", 2).await;
        let pending =
            ProfileChange { verification_status: Some(VerificationStatus::Pending), ..ProfileChange::default() };
        assert!(change_profile(&store, bob, WriteCondition::Always, pending).await.is_ok());
        let decided = new_status_record(ann, "", "verified");
        assert!(record_status(&store, decided, WriteCondition::Always).await.is_ok());

        let none = ProfileFilter::default;
        let red = Reach::Team("red".to_owned());
        assert_eq!(list_users(&store, &Reach::Every, none()).await, ["zoe", "bob", "ann"]);
        assert_eq!(list_users(&store, &red, none()).await, ["bob", "ann"]);
        let cases: [(ProfileFilter, &[&str]); 10] = [
            (ProfileFilter { status: StatusWord::parse("verified"), ..none() }, &["ann"]),
            (ProfileFilter { status: StatusWord::parse("unverified"), ..none() }, &["zoe"]),
            (ProfileFilter { verification_status: Some(VerificationStatus::Unverified), ..none() }, &["zoe"]),
            (ProfileFilter { verification_status: Some(VerificationStatus::Pending), ..none() }, &["bob"]),
            (ProfileFilter { country: known("CH"), ..none() }, &["zoe", "bob"]),
            (ProfileFilter { user_id: known("bob"), ..none() }, &["bob"]),
            (ProfileFilter { user_id: known("bo"), ..none() }, &[]),
            (ProfileFilter { created_after: Some(NOW), ..none() }, &["zoe", "bob"]),
            (ProfileFilter { created_before: Some(Millis(NOW.0 + 1)), ..none() }, &["ann"]),
            (
                ProfileFilter { country: known("CH"), q: known("fox"), status: StatusWord::parse("pending"), ..none() },
                &["bob"],
            ),
        ];
        for (number, (filter, expected)) in cases.into_iter().enumerate() {
            assert_eq!(list_users(&store, &Reach::Every, filter).await, expected, "case {number}");
        }
        let terms: [(&str, &[&str]); 16] = [
            ("ANN", &["ann"]),
            ("100%", &["ann"]),
            ("%", &[]),
            ("_", &[]),
            ("Fox bob", &["bob"]),
            ("bo", &[]),
            ("b_b", &[]),
            ("no BOB", &["bob"]),
            ("Example.COM", &["zoe", "bob", "ann"]),
            ("\\", &[]),
            ("'", &[]),
            // Whole words, whatever their case, accents and normal form, in every store.
            ("zoË Ärztin", &["zoe"]),
            ("zoë", &["zoe"]),
            ("arztin", &["zoe"]),
            ("İstanbul", &["zoe"]),
            ("STRASSE", &["zoe"]),
        ];
        for (term, expected) in terms {
            let filter = ProfileFilter { q: known(term), ..none() };
            assert_eq!(list_users(&store, &Reach::Every, filter).await, expected, "{term}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_stay_the_same_while_profiles_are_added() {
    for TestedStore { store, .. } in open_stores().await {
        for number in 0..5 {
            create_named_profile(&store, "", &format!("u{number}"), "n", number).await;
        }
        let mut seen = Vec::new();
        let mut cursor = None;
        for number in 0.. {
            let request = PageRequest { limit: 2, cursor };
            let found = store.list_profiles(&Reach::Every, ProfileFilter::default(), &request).await.unwrap();
            seen.extend(found.items.into_iter().map(|profile| profile.user_id));
            create_named_profile(&store, "", &format!("late{number}"), "n", 10 + number).await;
            cursor = found.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["u4", "u3", "u2", "u1", "u0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_are_paged_per_profile_newest_first() {
    for TestedStore { store, .. } in open_stores().await {
        let (mine, theirs) = (create_profile(&store, "", "u").await, create_profile(&store, "", "v").await);
        let mut made = Vec::new();
        for (profile, after) in [(mine, 0), (theirs, 1), (mine, 2), (mine, 3)] {
            // PocketBase can only order what was made in different milliseconds.
            let created = Millis(NOW.0 + after);
            let status = StatusRecord { created, ..new_status_record(profile, "", "pending") };
            let record = VerificationRecord { created, ..new_verification(profile, "") };
            made.push((profile, status.id, record.id));
            assert!(record_status(&store, status, WriteCondition::Always).await.is_ok());
            assert!(record_verification(&store, record, WriteCondition::Always).await.is_ok());
        }
        made.retain(|(profile, ..)| *profile == mine);
        made.reverse();
        let first = store.list_status_records(mine, &page_of(2)).await.unwrap();
        let second = PageRequest { limit: 2, cursor: first.next.clone() };
        let second = store.list_status_records(mine, &second).await.unwrap();
        assert!(first.next.is_some() && second.next.is_none());
        let ids: Vec<_> = first.items.iter().chain(&second.items).map(|record| record.id).collect();
        assert_eq!(ids, made.iter().map(|(_, status, _)| *status).collect::<Vec<_>>());
        let first = store.list_verification_records(mine, &page_of(3)).await.unwrap();
        assert!(first.next.is_none(), "a page that is just full is the last");
        let ids: Vec<_> = first.items.iter().map(|record| record.id).collect();
        assert_eq!(ids, made.iter().map(|(.., record)| *record).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_view_has_the_newest_records_within_reach() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_named_profile(&store, "red", "ann", "Ann", 0).await;
        let red = Reach::Team("red".to_owned());
        let before = view_profile(&store, id, &red).await.unwrap();
        assert_eq!((before.name.as_deref(), before.status.as_str()), (Some("Ann"), "unverified"));
        assert_eq!(before.created_at, NOW);
        assert!(before.verification_history.is_none());
        let claim = Claim { session_id: "t".to_owned(), confidence: Some(1.5), status: "c".to_owned() };
        let confirmed = Confirmed { confidence: Some(98.25), status: "live".to_owned(), by: ConfirmedBy::Provider };
        let evidence = Evidence { claim, confirmed, name: known("Änn"), ..new_evidence("s") };
        let record = evidence.into_record(RecordId::random(), id, "tester", NOW);
        for record in [new_verification(id, "s"), record.clone()] {
            let files = UploadedFiles::default();
            let recording = store.record_verification(record, &red, WriteCondition::Always, files, new_event());
            assert!(recording.await.unwrap().is_ok());
        }
        let step = new_status_record(id, "", "pending");
        let recording = store.record_status(step, &red, WriteCondition::Always, new_event());
        assert!(recording.await.unwrap().is_ok());
        let after = view_profile(&store, id, &red).await.unwrap();
        let newest = after.verification_history.unwrap();
        assert_eq!((after.status.as_str(), after.verification_status), ("pending", VerificationStatus::Unverified));
        assert_eq!((newest.id, newest.liveness_confidence), (record.id, Some(98.25)));
        assert_eq!(newest.name.as_deref(), Some("Änn"));
        assert!(view_profile(&store, id, &Reach::Team("blue".to_owned())).await.is_none());
        assert!(view_profile(&store, RecordId::random(), &Reach::Every).await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn file_owner_is_the_profile_whose_record_names_the_file() {
    for tested in open_stores().await {
        let store = &tested.store;
        let id = create_profile(store, "red", "u").await;
        let files = ProfileFiles { facial_video: "v.webm".to_owned(), ..ProfileFiles::default() };
        let change = ProfileChange { files, ..ProfileChange::default() };
        let staged = tested.stage_files(&["v.webm"]);
        let changing = store.change_profile(id, &Reach::Every, WriteCondition::Always, &change, staged, new_event());
        let video = &changing.await.unwrap().unwrap().facial_video.unwrap();
        let mut record = new_verification(id, "");
        record.document_back = "b.png".to_owned();
        let of_record = record.id;
        let staged = tested.stage_files(&["b.png"]);
        let recording = store.record_verification(record, &Reach::Every, WriteCondition::Always, staged, new_event());
        let back = &recording.await.unwrap().unwrap().document_back;
        let (profiles, history) = (Collection::Profiles, Collection::VerificationHistory);
        let (every, red, blue) = (Reach::Every, Reach::Team("red".to_owned()), Reach::Team("blue".to_owned()));
        for (collection, record, name, reach, found) in [
            (profiles, id, video, &every, true),
            (profiles, id, video, &red, true),
            (profiles, id, video, &blue, false),
            (profiles, id, back, &every, false),
            (profiles, of_record, video, &every, false),
            (history, of_record, back, &every, true),
            (history, of_record, back, &red, true),
            (history, of_record, back, &blue, false),
            (history, of_record, video, &every, false),
            (history, id, back, &every, false),
        ] {
            let owner = store.file_owner(collection, record, name, reach).await.unwrap().map(|(owner, _)| owner);
            assert_eq!(owner, found.then_some(id), "{name} in {}", collection.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_ordered_by_bytes_and_the_last_value_counts() {
    for TestedStore { store, .. } in open_stores().await {
        for (key, value, public) in [("b", "1", false), ("a.b", "2", false), ("B", "3", true), ("_", "4", false)]
            .into_iter()
            .chain([("a-c", "5", false), ("b", "{\"x\":\"\\u0000\"}", true)])
        {
            store.put_setting(&new_setting(key, value, public), &[], new_event()).await.unwrap().unwrap();
        }
        let settings = store.settings().await.unwrap();
        let keys: Vec<_> = settings.iter().map(|setting| setting.key.as_str()).collect();
        assert_eq!(keys, ["B", "_", "a-c", "a.b", "b"]);
        assert_eq!((settings[4].value.get(), settings[4].public), ("{\"x\":\"\\u0000\"}", true));
        assert!(store.delete_setting("a.b", new_event()).await.unwrap());
        assert_eq!(store.settings().await.unwrap().len(), 4);
    }
}
