//! What every store does with writes of profiles and with counts: one profile for each user, changes of fields, a restart.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn one_profile_is_created_per_user_and_team() {
    for TestedStore { store, .. } in open_stores().await {
        let first = create_profile(&store, "red", "u").await;
        assert_eq!(create_profile(&store, "red", "u").await, first);
        assert_ne!(create_profile(&store, "blue", "u").await, first);
        assert!(store.profile(first, &Reach::Team("red".to_owned())).await.unwrap().is_some());
        assert!(store.profile(first, &Reach::Team("blue".to_owned())).await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reopened_store_has_all_records() {
    for tested in open_stores().await {
        let id = create_profile(&tested.store, "", "u").await;
        let TestedStore { store, .. } = &tested.reopen().await;
        assert!(store.profile(id, &Reach::Every).await.unwrap().is_some());
        store.check_ready().await.unwrap();
    }
}

/// The texts that a change may set. PocketBase makes `b_<10 letters>.png` of `b.png`: only the first letter of a file's
/// name counts.
fn changed_texts(profile: &Profile) -> [Option<&str>; 4] {
    [
        Some(profile.verification_status.word()),
        profile.document_type.as_deref(),
        profile.country.as_deref(),
        profile.facial_photo.as_deref().map(|name| &name[..1]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_change_keeps_the_fields_that_it_does_not_name() {
    for tested in open_stores().await {
        let store = &tested.store;
        let id = create_profile(store, "", "u").await;
        let change = async |change: ProfileChange| {
            let files = tested.stage_files(&["a.png", "b.png", "c.png"]);
            let changing = store.change_profile(id, &Reach::Every, WriteCondition::Always, &change, files, new_event());
            changing.await.unwrap().unwrap()
        };
        let files = |document_front: &str, facial_photo: &str| ProfileFiles {
            document_front: document_front.to_owned(),
            facial_photo: facial_photo.to_owned(),
            ..ProfileFiles::default()
        };
        let claim = Claim { session_id: "s".to_owned(), confidence: Some(12.5), status: "live".to_owned() };
        let confirmed = Confirmed { confidence: Some(99.0), status: "x".to_owned(), by: ConfirmedBy::MachineToken };
        let first = change(ProfileChange {
            verification_status: Some(VerificationStatus::Pending),
            document_type: known("passport"),
            country: known("UT"),
            files: files("a.png", "b.png"),
            claim: Some(claim),
            claimed_result: "{}".to_owned(),
            confirmed: Some(("s".to_owned(), confirmed)),
            ..ProfileChange::default()
        })
        .await;
        assert_eq!(changed_texts(&first), ["pending", "passport", "UT", "b"].map(Some));
        let second =
            change(ProfileChange { country: known(""), files: files("c.png", ""), ..ProfileChange::default() }).await;
        assert_eq!(changed_texts(&second), [Some("pending"), Some("passport"), None, Some("b")]);
        assert_eq!((&second.document_front.unwrap()[..1], second.updated), ("c", NOW));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn window_counts_are_shared_where_several_servers_can_run() {
    for tested in open_stores().await {
        let store = &tested.store;
        let counted = join_all((0..20).map(|_| store.count_in_window("a", NOW, 60))).await;
        let mut counts: Vec<_> = counted.into_iter().map(|count| count.unwrap()).collect();
        let Ground::Postgres { url, .. } = &tested.ground else {
            assert!(counts.iter().all(Option::is_none), "one process uses the folder alone, or the store cannot count");
            continue;
        };
        counts.sort_by_key(|count| count.unwrap().count);
        let ends = NOW.plus_seconds(60);
        let expected: Vec<_> = (1..=20).map(|count| Some(WindowCount { count, ends })).collect();
        assert_eq!(counts, expected);
        assert_eq!(store.count_in_window("b", NOW, 60).await.unwrap().unwrap().count, 1);
        let again = store.count_in_window("a", ends, 60).await.unwrap().unwrap();
        assert_eq!(again, WindowCount { count: 1, ends: ends.plus_seconds(60) }, "a new window");
        let mut database = sqlx::PgConnection::connect(url).await.unwrap();
        let kept: Vec<String> =
            sqlx::query_scalar("select key from token_failures").fetch_all(&mut database).await.unwrap();
        assert_eq!(kept, ["a"], "windows that have ended are removed");
    }
}
