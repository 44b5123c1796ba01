//! File intents: notes of uploads, whose files a sweeper removes when the upload fails. Stores that keep files themselves
//! have none.

use identivia::jobs::claim::ClaimOutcome;
use identivia::jobs::file_sweep::FileSweep;
use identivia::jobs::queue::JobKind as _;
use identivia::store::FileIntent;

use super::*;

fn new_intent(mark: &str, collection: Collection, record: RecordId) -> FileIntent {
    FileIntent { mark: mark.to_owned(), collection, record, name: String::new(), removable_from: None, created: NOW }
}

/// Claims all intents that may be removed, for a minute.
async fn claim_removable(store: &Arc<dyn Store>, now: Millis) -> Vec<FileIntent> {
    let mut claimed = Vec::new();
    while let ClaimOutcome::Claimed(job) =
        FileSweep::COLUMNS.claim_due_job(&**store, now, now.plus_seconds(60)).await.unwrap()
    {
        claimed.push(job.record);
    }
    claimed
}

fn photo_change(name: &str) -> ProfileChange {
    let files = ProfileFiles { facial_photo: name.to_owned(), ..ProfileFiles::default() };
    ProfileChange { files, ..ProfileChange::default() }
}

/// Opens the stores that have file intents.
async fn open_stores_with_intents() -> Vec<TestedStore> {
    open_stores().await.into_iter().filter(TestedStore::has_transactions).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_marked_for_removal_cannot_be_recorded() {
    for TestedStore { store, .. } in open_stores_with_intents().await {
        let id = create_profile(&store, "", "u").await;
        store.open_intent(&new_intent("markmarkmark", Collection::Profiles, id)).await.unwrap();
        store.mark_old_for_removal(Millis(NOW.0 + 1)).await.unwrap();
        let change = ProfileChange { country: known("UT"), ..photo_change("a_markmarkmark1.jpg") };
        let files = UploadedFiles { mark: known("markmarkmark"), ..UploadedFiles::default() };
        let outcome =
            store.change_profile(id, &Reach::Every, WriteCondition::Always, &change, files, new_event()).await;
        assert!(outcome.is_err());
        let profile = store.profile(id, &Reach::Every).await.unwrap().unwrap();
        assert_eq!((profile.facial_photo, profile.country), (None, None));
        assert_eq!(claim_removable(&store, NOW).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_upload_has_no_intent_any_more() {
    for TestedStore { store, .. } in open_stores_with_intents().await {
        let id = create_profile(&store, "", "u").await;
        store.open_intent(&new_intent("markmarkmark", Collection::Profiles, id)).await.unwrap();
        let files = UploadedFiles { mark: known("markmarkmark"), ..UploadedFiles::default() };
        let change = photo_change("a_markmarkmark1.jpg");
        let changing = store.change_profile(id, &Reach::Every, WriteCondition::Always, &change, files, new_event());
        assert!(changing.await.unwrap().is_ok());
        store.mark_old_for_removal(Millis(NOW.0 + 1)).await.unwrap();
        assert!(claim_removable(&store, NOW).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_change_leaves_its_intent_open() {
    for TestedStore { store, .. } in open_stores_with_intents().await {
        let id = create_profile(&store, "red", "u").await;
        store.open_intent(&new_intent("markmarkmark", Collection::Profiles, id)).await.unwrap();
        let files = UploadedFiles { mark: known("markmarkmark"), ..UploadedFiles::default() };
        let (change, blue) = (photo_change("a_markmarkmark1.jpg"), Reach::Team("blue".to_owned()));
        let changing = store.change_profile(id, &blue, WriteCondition::Always, &change, files, new_event());
        assert!(matches!(changing.await.unwrap(), Err(Refusal::Missing)));
        assert!(claim_removable(&store, NOW).await.is_empty(), "an open intent is not removable");
        store.mark_for_removal("markmarkmark").await.unwrap();
        assert_eq!(claim_removable(&store, NOW).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_sweepers_claim_each_intent_once_until_the_claim_ends() {
    for TestedStore { store, .. } in open_stores_with_intents().await {
        let record = create_profile(&store, "", "u").await;
        for number in 0..20 {
            let intent = new_intent(&format!("mark{number:08}"), Collection::Profiles, record);
            store.open_intent(&intent).await.unwrap();
        }
        store.mark_old_for_removal(Millis(NOW.0 + 1)).await.unwrap();
        let claims = join_all((0..8).map(|_| claim_removable(&store, NOW))).await;
        let claimed: usize = claims.iter().map(Vec::len).sum();
        assert_eq!(claimed, 20);
        assert_eq!(claim_removable(&store, NOW.plus_seconds(61)).await.len(), 20, "the claimant died");
        let marks: Vec<String> = (0..20).map(|number| format!("mark{number:08}")).collect();
        store.forget_intents(&marks).await.unwrap();
        assert!(claim_removable(&store, NOW.plus_seconds(200)).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_files_and_marked_uploads_are_removable() {
    for TestedStore { store, .. } in open_stores_with_intents().await {
        let id = create_profile(&store, "", "u").await;
        // The second change names the same file again: nothing is replaced.
        for name in ["a.png", "a.png", "b.png"] {
            assert!(change_profile(&store, id, WriteCondition::Always, photo_change(name)).await.is_ok());
        }
        for mark in ["markmark0001", "markmark0002"] {
            store.open_intent(&new_intent(mark, Collection::VerificationHistory, id)).await.unwrap();
        }
        store.mark_for_removal("markmark0001").await.unwrap();
        let mut claimed = claim_removable(&store, NOW).await;
        claimed.sort_by(|one, other| other.name.cmp(&one.name));
        let seen: Vec<_> = claimed.iter().map(|intent| (intent.collection, intent.record, &*intent.name)).collect();
        assert_eq!(seen, [(Collection::Profiles, id, "a.png"), (Collection::VerificationHistory, id, "")]);
        assert_eq!(claimed[1].mark, "markmark0001");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_change_replaces_no_file() {
    for TestedStore { store, .. } in open_stores_with_intents().await {
        let id = create_profile(&store, "", "u").await;
        assert!(change_profile(&store, id, WriteCondition::Always, photo_change("a.png")).await.is_ok());
        let decided = new_status_record(id, "", "verified");
        assert!(record_status(&store, decided, WriteCondition::Always).await.is_ok());
        let refused = change_profile(&store, id, WriteCondition::Undecided, photo_change("b.png")).await;
        assert!(matches!(refused, Err(Refusal::Decided)));
        assert!(claim_removable(&store, NOW).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reopened_intent_is_busy_while_a_sweeper_has_it() {
    for TestedStore { store, .. } in open_stores_with_intents().await {
        let intent = new_intent("profiles/a", Collection::Profiles, RecordId::random());
        assert!(store.reopen_intent("profiles/a", NOW).await.unwrap().is_none());
        store.open_intent(&intent).await.unwrap();
        assert!(store.open_intent(&intent).await.is_err(), "a mark is used once");
        let reopened = store.reopen_intent("profiles/a", NOW.plus_seconds(9)).await.unwrap().unwrap();
        assert_eq!((reopened.mark.as_str(), reopened.record), ("profiles/a", intent.record));
        store.mark_old_for_removal(NOW.plus_seconds(9)).await.unwrap();
        assert!(claim_removable(&store, NOW).await.is_empty(), "reopening makes it new");
        store.mark_for_removal("profiles/a").await.unwrap();
        assert!(matches!(store.reopen_intent("profiles/a", NOW).await, Err(StoreError::Busy)));
    }
}
