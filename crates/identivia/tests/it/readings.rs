//! Kept readings: the pictures of a profile are read once, for the page, the record and another try, and not for anyone else.

use std::sync::Arc;

use identivia::providers::documents::kept_readings::ReadingCounts;
use identivia::providers::local_engines::LocalEngines;
use identivia::records::document_reading::StoredReading;
use identivia::records::id::RecordId;
use identivia::records::{FieldMap, RecordKind};
use identivia::server::StartOptions;
use identivia::store::document_readings::MAX_READINGS_OF_PROFILE;
use identivia::store::sqlite::Sqlite;
use identivia::store::{Commit, Query, Store};
use identivia::work::holder::WorkHolder;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};
use vision::document::DocumentEngines;

use crate::pictures::jpeg_with_metadata;
use crate::resubmission::{ask, send_pictures, show_face, submit, submitted};
use crate::world::{Caller, World, engines, file, free_ledger, picture, small_picture, texts};

/// The pictures of a document's sides as they are sent.
#[derive(Clone)]
struct Sides {
    front: Vec<u8>,
    back: Option<Vec<u8>>,
}

impl Sides {
    fn of_front(front: Vec<u8>) -> Self {
        Self { front, back: None }
    }

    fn add_to(&self, form: Form) -> Form {
        let form = form.part("document_front", file(self.front.clone(), "front.jpg"));
        match &self.back {
            Some(back) => form.part("document_back", file(back.clone(), "back.jpg")),
            None => form,
        }
    }
}

async fn read_for_page(caller: &Caller<'_>, sides: &Sides) -> Value {
    let answer = caller.form(Method::POST, "/api/ollama/document-analysis", sides.add_to(Form::new())).await;
    let mut data = answer.expect(200)["data"].take();
    // The name and size of the file as sent.
    data.as_object_mut().unwrap().remove("document");
    data
}

/// Sends the pictures to the profile, and has a record made of them and checked; gives the record.
async fn check_record_of_profile(world: &World, id: &str, browser: &Caller<'_>, sides: &Sides) -> Value {
    let form = sides.add_to(Form::new()).part("facial_photo", file(picture("portrait.jpg"), "photo.jpg"));
    browser.form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(200);
    let kind = if sides.back.is_some() { "national_id" } else { "passport" };
    let form = texts(&[
        ("liveness_session_id", "elsewhere"),
        ("liveness_confidence", "95"),
        ("liveness_status", "live"),
        ("document_type", kind),
    ]);
    let path = format!("/api/verification_history/{id}");
    world.operator().form(Method::POST, &path, form).await.expect(201);
    assert!(world.run_next_checks().await);
    let list = world.operator().get(&path).await.expect(200);
    assert_eq!(list["data"][0]["checks_status"], "done");
    list["data"][0].clone()
}

fn counts(world: &World) -> (u64, u64) {
    let ReadingCounts { read, kept } = world.app.readings.counts();
    (read, kept)
}

/// Where readings are kept: with PocketBase in a database of the server's own.
fn store_of_readings(world: &World) -> Arc<dyn Store> {
    match &world.app.pocketbase {
        Some(_) => Arc::new(Sqlite::open_deliveries(&world.folder.path().join("data")).unwrap()),
        None => world.app.store.clone(),
    }
}

async fn count_rows(world: &World) -> usize {
    store_of_readings(world).read(Query::of_kind(RecordKind::DocumentReadings)).await.unwrap().len()
}

async fn stored_readings(world: &World, id: &str) -> Vec<StoredReading> {
    store_of_readings(world).document_readings(RecordId::parse(id).unwrap()).await.unwrap()
}

async fn change_newest_reading(world: &World, id: &str, field: &'static str, value: Value) {
    let newest = stored_readings(world, id).await.remove(0);
    let mut commit = Commit::default();
    let fields = FieldMap::from([(field, value)]);
    commit.update(RecordKind::DocumentReadings, newest.id.as_str(), Vec::new(), fields);
    store_of_readings(world).commit(commit).await.unwrap();
}

/// Reads for the page, then for the record; another profile's record is the same without the first reading.
async fn assert_record_is_not_read_again(sides: Sides) {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let first = read_for_page(&browser, &sides).await;
    assert_eq!(counts(&world), (1, 0));
    let checked = check_record_of_profile(&world, &id, &browser, &sides).await;
    assert_eq!(counts(&world).0, 1, "the record's checks read nothing again");
    let (other_id, other) = world.person("two").await;
    let anew = check_record_of_profile(&world, &other_id, &other, &sides).await;
    assert_eq!(counts(&world).0, 2, "the same pictures of another profile are read");
    assert_eq!(checked["checks"], anew["checks"], "nothing is better or worse for having been kept");
    let findings = checked["checks"][0]["findings"].as_array().unwrap();
    let edited = findings.iter().find(|finding| finding["code"] == "edited").unwrap();
    assert_eq!((&edited["outcome"], &edited["evidence"]["front"]), (&json!("warn"), &json!("Photoshop")));

    // After a reload the page sends the stored picture, which is the same one without its tags.
    let stored = browser.patch(&format!("/api/profiles/{id}"), json!({})).await.expect(200);
    let download = async |field: &str| {
        let name = stored["data"][field].as_str().unwrap();
        browser.get(&format!("/api/files/profiles/{id}/{name}")).await.bytes
    };
    let front = download("document_front").await;
    assert_ne!(front, sides.front);
    let back = if sides.back.is_some() { Some(download("document_back").await) } else { None };
    let again = read_for_page(&browser, &Sides { front, back }).await;
    assert_eq!(first["analysis_json"]["document_number"], again["analysis_json"]["document_number"]);
    assert_eq!(read_for_page(&browser, &sides).await, first);
    assert_eq!(counts(&world).0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn passport_read_for_the_page_is_not_read_again_for_its_record() {
    let front = jpeg_with_metadata(&picture("passport.jpg"), "Adobe Photoshop 25");
    assert_record_is_not_read_again(Sides::of_front(front)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn card_read_for_the_page_is_not_read_again_for_its_record() {
    let front = jpeg_with_metadata(&picture("id-front.jpg"), "Adobe Photoshop 25");
    assert_record_is_not_read_again(Sides { front, back: Some(picture("id-back.jpg")) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn picture_whose_tags_were_removed_for_the_page_is_still_edited_in_its_record() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    // The turn is a part of what is drawn: both have the same.
    let [clean, edited] =
        ["a camera", "Adobe Photoshop 25"].map(|program| jpeg_with_metadata(&picture("portrait.jpg"), program));
    read_for_page(&browser, &Sides::of_front(clean)).await;
    let record = check_record_of_profile(&world, &id, &browser, &Sides::of_front(edited)).await;
    assert_eq!(counts(&world).0, 1);
    let findings = record["checks"][0]["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["code"] == "edited").unwrap();
    assert_eq!(found["outcome"], "warn");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sides_are_another_reading() {
    let world = World::new().await;
    let (_, browser) = world.person("one").await;
    let (front, back) = (small_picture(10), small_picture(20));
    let both = Sides { front: front.clone(), back: Some(back.clone()) };
    let swapped = Sides { front: back, back: Some(front.clone()) };
    for sides in [&both, &swapped, &Sides::of_front(front)] {
        let before = counts(&world);
        read_for_page(&browser, sides).await;
        assert_eq!(counts(&world), (before.0 + 1, before.1));
        read_for_page(&browser, sides).await;
        assert_eq!(counts(&world), (before.0 + 1, before.1 + 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_reading_and_one_of_another_version_are_read_again() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let sides = Sides::of_front(small_picture(10));
    let first = read_for_page(&browser, &sides).await;
    let (_, other) = world.person("two").await;
    read_for_page(&other, &Sides::of_front(small_picture(20))).await;
    let before = counts(&world).0;
    for (number, (field, value)) in [
        ("reading", json!("bm8gcmVhZGluZw==")),
        ("reading", json!("?")),
        ("reading", json!("")),
        ("reading", json!({"no": "text"})),
        ("version", json!("of another program")),
        ("pictures", json!("of other pictures")),
        ("expires", json!(world.clock.now())),
    ]
    .into_iter()
    .enumerate()
    {
        change_newest_reading(&world, &id, field, value.clone()).await;
        assert_eq!(read_for_page(&browser, &sides).await, first, "{field}: {value}");
        assert_eq!(counts(&world), (before + 1 + number as u64, 0), "{field}: {value}");
    }
    read_for_page(&browser, &sides).await;
    assert_eq!(counts(&world).1, 1, "the last one is whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn version_follows_from_the_weights_and_their_thresholds() {
    let models = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models"));
    let manifest: Value = serde_json::from_slice(&std::fs::read(models.join("manifest.json")).unwrap()).unwrap();
    let mut entry =
        manifest["models"].as_array().unwrap().iter().find(|model| model["name"] == "ocr-detect").unwrap().clone();
    let folder = tempfile::tempdir().unwrap();
    let name = entry["file"].as_str().unwrap().to_owned();
    std::fs::copy(models.join(&name), folder.path().join(&name)).unwrap();
    let mut version = |threshold: Value| {
        entry["threshold"] = threshold;
        let text = json!({ "models": [entry] }).to_string();
        std::fs::write(folder.path().join("manifest.json"), text).unwrap();
        let engines = LocalEngines::load(Some(folder.path()), 1, free_ledger()).unwrap();
        DocumentEngines { text: &engines.text, faces: &engines.faces }.describe_version()
    };
    let embedded = engines();
    let embedded = DocumentEngines { text: &embedded.text, faces: &embedded.faces }.describe_version();
    let (own, strict) = (version(json!(0.29)), version(json!(0.31)));
    assert!(own != strict && own != embedded && strict != embedded, "{own} {strict} {embedded}");
    assert_eq!(embedded.len(), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn document_that_another_try_copies_is_not_read_again() {
    let world = World::with_liveness().await;
    let (id, browser) = submitted(&world, "one").await;
    assert!(world.run_next_checks().await);
    let (read, kept) = counts(&world);
    // Checks that found no free engine for the faces have found the reading of their first attempt.
    assert_eq!(read, 1);
    world.clock.advance(1);
    ask(&world, &id, json!({"steps": ["face"]})).await.expect(201);
    world.clock.advance(1);
    send_pictures(&browser, &id, &[("facial_photo", 50)]).await;
    let session = show_face(&world, &browser).await;
    submit(&browser, &id, &session).await.expect(201);
    assert!(world.run_next_checks().await);
    let after = counts(&world);
    assert!(after.0 == 1 && after.1 > kept, "{after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_reading_takes_no_engine_and_no_processor_time() {
    let own = LocalEngines::load(None, 2, free_ledger()).unwrap();
    let world = World::with_options(StartOptions { engines: Some(own.clone()), ..StartOptions::default() }).await;
    let (_, browser) = world.person("one").await;
    let sides = Sides::of_front(small_picture(10));
    read_for_page(&browser, &sides).await;
    let _busy = (
        own.acquire_permit(WorkHolder::Machine { team: None }).await.unwrap_or_else(|_| panic!("no permit")),
        own.acquire_permit(WorkHolder::Machine { team: None }).await.unwrap_or_else(|_| panic!("no second permit")),
    );
    read_for_page(&browser, &sides).await;
    let other = Sides::of_front(small_picture(20)).add_to(Form::new());
    let refused = browser.form(Method::POST, "/api/ollama/document-analysis", other).await;
    assert_eq!(refused.status, 503, "other pictures wait for an engine: {}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_go_with_their_profile() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let (other_id, other) = world.person("two").await;
    for caller in [&browser, &other] {
        read_for_page(caller, &Sides::of_front(small_picture(10))).await;
        read_for_page(caller, &Sides::of_front(small_picture(20))).await;
    }
    assert_eq!(count_rows(&world).await, 4);
    let mut commit = Commit::default();
    commit.delete(RecordKind::Profiles, &id, Vec::new());
    world.app.store.commit(commit).await.unwrap();
    if world.app.pocketbase.is_some() {
        // They are in another database, whose clean-up finds that the profile is gone.
        world.app.readings.remove_old_readings().await.unwrap();
    }
    assert_eq!(stored_readings(&world, &id).await.len(), 0);
    assert_eq!(stored_readings(&world, &other_id).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_keeps_its_last_readings_and_a_machine_token_none() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let sides = |shade: usize| Sides::of_front(small_picture(10 + shade as u8));
    read_for_page(&world.operator(), &sides(0)).await;
    assert_eq!(count_rows(&world).await, 0, "a machine token's pictures belong to no profile");
    for shade in 0..=MAX_READINGS_OF_PROFILE + 1 {
        read_for_page(&browser, &sides(shade)).await;
        world.clock.advance(1);
    }
    assert_eq!((stored_readings(&world, &id).await.len(), count_rows(&world).await), (6, 6));
    let before = counts(&world);
    read_for_page(&browser, &sides(MAX_READINGS_OF_PROFILE + 1)).await;
    assert_eq!(counts(&world), (before.0, before.1 + 1));
    read_for_page(&browser, &sides(0)).await;
    assert_eq!(counts(&world), (before.0 + 1, before.1 + 1), "the oldest made room");
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_lasts_a_day_and_a_month_once_a_record_was_checked() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let (other_id, other) = world.person("two").await;
    let sides = Sides::of_front(small_picture(10));
    read_for_page(&browser, &sides).await;
    read_for_page(&other, &sides).await;
    check_record_of_profile(&world, &id, &browser, &sides).await;
    let remove = async || world.app.readings.remove_old_readings().await.unwrap();
    assert_eq!(remove().await, 0);
    world.clock.advance(86_400);
    assert_eq!(remove().await, 1);
    assert_eq!((stored_readings(&world, &id).await.len(), stored_readings(&world, &other_id).await.len()), (1, 0));
    world.clock.advance(28 * 86_400);
    assert_eq!(remove().await, 0);
    world.clock.advance(86_400);
    assert_eq!((remove().await, count_rows(&world).await), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn oldest_readings_of_all_profiles_make_room() {
    let world = World::new().await;
    let mut people = Vec::new();
    for name in ["one", "two", "three"] {
        let (id, browser) = world.person(name).await;
        read_for_page(&browser, &Sides::of_front(small_picture(10))).await;
        people.push(id);
    }
    let store = store_of_readings(&world);
    assert_eq!(store.remove_old_readings(world.clock.now(), 2).await.unwrap(), 1);
    assert_eq!(stored_readings(&world, &people[0]).await.len(), 0);
    assert_eq!(count_rows(&world).await, 2);
}

/// The stored form says what the document says: no answer of the API may.
#[tokio::test(flavor = "multi_thread")]
async fn reading_is_in_no_answer_and_holds_no_plain_text() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    check_record_of_profile(&world, &id, &browser, &Sides::of_front(small_picture(10))).await;
    let kept = stored_readings(&world, &id).await.remove(0);
    assert!(kept.reading.len() < 64 * 1024 && kept.pictures.len() == 64);
    for path in [format!("/api/profiles/{id}"), format!("/api/verification_history/{id}"), "/api/events".to_owned()] {
        let shown = world.operator().get(&path).await.expect(200).to_string();
        assert!(!shown.contains(&kept.pictures) && !shown.contains(&kept.reading), "{path}");
    }
}
