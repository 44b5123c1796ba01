//! What every store shows: profiles and their lists, settings, whose a file is.

use identivia::domain::profile::ProfileFilter;

use super::*;

fn page(limit: usize) -> PageRequest {
    PageRequest { limit, cursor: None }
}

/// A profile of that user and name, made so many milliseconds after [`NOW`].
async fn named(store: &Arc<dyn Store>, team: &str, user: &str, name: &str, after: i64) -> RecordId {
    let text = str::to_owned;
    let new = NewProfile {
        team: text(team),
        user_id: text(user),
        name: text(name),
        document_number: format!("No {user}"),
        country: text(if user == "ann" { "UT" } else { "CH" }),
        email: format!("{user}@example.com"),
        ..NewProfile::default()
    };
    let event = Event { at: Millis(NOW.0 + after), ..event() };
    store.create_profile(RecordId::random(), new, event).await.unwrap().id
}

/// The users of a list, newest first.
async fn listed(store: &Arc<dyn Store>, reach: &Reach, filter: ProfileFilter) -> Vec<String> {
    let found = store.profiles(reach, filter, page(100)).await.unwrap();
    assert!(found.next.is_none());
    found.items.into_iter().map(|entry| entry.user_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_profiles_holds_what_its_filters_name() {
    for Tested { store, .. } in stores().await {
        let ann = named(&store, "red", "ann", "Ann 100%", 0).await;
        let bob = named(&store, "red", "bob", "Bob_Fox", 1).await;
        named(&store, "blue", "zoe", "ZOË ÄRZTIN İSTANBUL straße", 2).await;
        let pending =
            ProfileChange { verification_status: Some(VerificationStatus::Pending), ..ProfileChange::default() };
        let changing = store.change_profile(bob, &Reach::Every, OnlyIf::Always, pending, Attached::default(), event());
        assert!(changing.await.unwrap().is_ok());
        let decided = store.record_status(step(ann, "", "verified"), &Reach::Every, OnlyIf::Always, event());
        assert!(decided.await.unwrap().is_ok());

        let none = ProfileFilter::default;
        let text = str::to_owned;
        let red = Reach::Team(text("red"));
        assert_eq!(listed(&store, &Reach::Every, none()).await, ["zoe", "bob", "ann"]);
        assert_eq!(listed(&store, &red, none()).await, ["bob", "ann"]);
        let cases: [(ProfileFilter, &[&str]); 10] = [
            (ProfileFilter { status: text("verified"), ..none() }, &["ann"]),
            (ProfileFilter { status: text("unverified"), ..none() }, &["zoe"]),
            (ProfileFilter { verification_status: text("unverified"), ..none() }, &["zoe", "ann"]),
            (ProfileFilter { verification_status: text("pending"), ..none() }, &["bob"]),
            (ProfileFilter { country: text("CH"), ..none() }, &["zoe", "bob"]),
            (ProfileFilter { user_id: text("bob"), ..none() }, &["bob"]),
            (ProfileFilter { user_id: text("bo"), ..none() }, &[]),
            (ProfileFilter { created_after: Some(NOW), ..none() }, &["zoe", "bob"]),
            (ProfileFilter { created_before: Some(Millis(NOW.0 + 1)), ..none() }, &["ann"]),
            (ProfileFilter { country: text("CH"), q: text("fox"), status: text("pending"), ..none() }, &["bob"]),
        ];
        for (number, (filter, expected)) in cases.into_iter().enumerate() {
            assert_eq!(listed(&store, &Reach::Every, filter).await, expected, "case {number}");
        }
        let terms: [(&str, &[&str]); 14] = [
            ("ANN", &["ann"]),
            ("100%", &["ann"]),
            ("%", &["ann"]),
            ("_", &["bob"]),
            ("b_b", &[]),
            ("no BOB", &["bob"]),
            ("Example.COM", &["zoe", "bob", "ann"]),
            ("\\", &[]),
            ("'", &[]),
            // A to Z are the same in either case, and other letters only as they were written, in every store.
            ("zoË Ärztin", &["zoe"]),
            ("zoë", &[]),
            ("ärztin", &[]),
            ("İstanbul", &["zoe"]),
            ("STRASSE", &[]),
        ];
        for (term, expected) in terms {
            let filter = ProfileFilter { q: text(term), ..none() };
            assert_eq!(listed(&store, &Reach::Every, filter).await, expected, "{term}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_stay_what_they_are_while_profiles_are_added() {
    for Tested { store, .. } in stores().await {
        for number in 0..5 {
            named(&store, "", &format!("u{number}"), "n", number).await;
        }
        let mut seen = Vec::new();
        let mut cursor = None;
        for number in 0.. {
            let request = PageRequest { limit: 2, cursor };
            let found = store.profiles(&Reach::Every, ProfileFilter::default(), request).await.unwrap();
            seen.extend(found.items.into_iter().map(|entry| entry.user_id));
            named(&store, "", &format!("late{number}"), "n", 10 + number).await;
            cursor = found.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["u4", "u3", "u2", "u1", "u0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_are_one_profiles_newest_first_in_pages() {
    for Tested { store, .. } in stores().await {
        let (mine, theirs) = (create(&store, "", "u").await, create(&store, "", "v").await);
        let mut made = Vec::new();
        for (profile, after) in [(mine, 0), (theirs, 1), (mine, 2), (mine, 3)] {
            // PocketBase can only order what was made in different milliseconds.
            let created = Millis(NOW.0 + after);
            let status = StatusRecord { created, ..step(profile, "", "pending") };
            let record = NewVerification { created, ..verification(profile, "") };
            made.push((profile, status.id, record.id));
            let recording = store.record_status(status, &Reach::Every, OnlyIf::Always, event());
            assert!(recording.await.unwrap().is_ok());
            let recording =
                store.record_verification(record, &Reach::Every, OnlyIf::Always, Attached::default(), event());
            assert!(recording.await.unwrap().is_ok());
        }
        made.retain(|(profile, ..)| *profile == mine);
        made.reverse();
        let first = store.status_records(mine, page(2)).await.unwrap();
        let second = PageRequest { limit: 2, cursor: first.next.clone() };
        let second = store.status_records(mine, second).await.unwrap();
        assert!(first.next.is_some() && second.next.is_none());
        let ids: Vec<_> = first.items.iter().chain(&second.items).map(|record| record.id).collect();
        assert_eq!(ids, made.iter().map(|(_, status, _)| *status).collect::<Vec<_>>());
        let first = store.verification_records(mine, page(3)).await.unwrap();
        assert!(first.next.is_none(), "a page that is just full is the last");
        let ids: Vec<_> = first.items.iter().map(|record| record.id).collect();
        assert_eq!(ids, made.iter().map(|(.., record)| *record).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_shows_its_newest_record_within_reach() {
    for Tested { store, .. } in stores().await {
        let id = named(&store, "red", "ann", "Ann", 0).await;
        let red = Reach::Team("red".to_owned());
        let before = store.profile_view(id, &red).await.unwrap().unwrap();
        assert_eq!((before.name.as_str(), before.status.as_str(), before.created_at), ("Ann", "unverified", NOW));
        assert!(before.verification_history.is_none());
        let claim = Claim { session_id: "t".to_owned(), confidence: Some(1.5), status: "c".to_owned() };
        let confirmed = Confirmed { confidence: Some(98.25), status: "live".to_owned(), by: ConfirmedBy::Provider };
        let mut record = verification(id, "s");
        record.evidence = Evidence { claim, confirmed, name: "Änn".to_owned(), ..record.evidence };
        for record in [verification(id, "s"), record.clone()] {
            let recording = store.record_verification(record, &red, OnlyIf::Always, Attached::default(), event());
            assert!(recording.await.unwrap().is_ok());
        }
        let recording = store.record_status(step(id, "", "pending"), &red, OnlyIf::Always, event());
        assert!(recording.await.unwrap().is_ok());
        let after = store.profile_view(id, &red).await.unwrap().unwrap();
        let newest = after.verification_history.unwrap();
        assert_eq!((after.status.as_str(), after.verification_status.as_str()), ("pending", "unverified"));
        assert_eq!((newest.id, newest.liveness_confidence, newest.name.as_str()), (record.id, Some(98.25), "Änn"));
        assert!(store.profile_view(id, &Reach::Team("blue".to_owned())).await.unwrap().is_none());
        assert!(store.profile_view(RecordId::random(), &Reach::Every).await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_the_profiles_whose_record_names_it() {
    for tested in stores().await {
        let store = &tested.store;
        let id = create(store, "red", "u").await;
        let files = ProfileFiles { facial_video: "v.webm".to_owned(), ..ProfileFiles::default() };
        let change = ProfileChange { files, ..ProfileChange::default() };
        let attached = tested.attached(&["v.webm"]);
        let changing = store.change_profile(id, &Reach::Every, OnlyIf::Always, change, attached, event());
        let video = &changing.await.unwrap().unwrap().files.facial_video;
        let mut record = verification(id, "");
        record.document_back = "b.png".to_owned();
        let of_record = record.id;
        let attached = tested.attached(&["b.png"]);
        let recording = store.record_verification(record, &Reach::Every, OnlyIf::Always, attached, event());
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
            let owner = store.file_owner(collection, record, name, reach).await.unwrap();
            assert_eq!(owner, found.then_some(id), "{name} in {}", collection.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_in_the_order_of_their_bytes_and_the_last_word_counts() {
    for Tested { store, .. } in stores().await {
        for (key, value, public) in [("b", "1", false), ("a.b", "2", false), ("B", "3", true), ("_", "4", false)]
            .into_iter()
            .chain([("a-c", "5", false), ("b", "{\"x\":\"\\u0000\"}", true)])
        {
            let setting = Setting { key: key.to_owned(), value: value.to_owned(), public };
            store.put_setting(setting, NOW, event()).await.unwrap();
        }
        let settings = store.settings().await.unwrap();
        let keys: Vec<_> = settings.iter().map(|setting| setting.key.as_str()).collect();
        assert_eq!(keys, ["B", "_", "a-c", "a.b", "b"]);
        assert_eq!((settings[4].value.as_str(), settings[4].public), ("{\"x\":\"\\u0000\"}", true));
        assert!(store.delete_setting("a.b", event()).await.unwrap());
        assert_eq!(store.settings().await.unwrap().len(), 4);
    }
}
