//! Copies from and to a PocketBase that its owner has set up in another way.

use identivia::records::id::RecordId;
use identivia::store::Refusal;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use super::contents::{add_sessions, fill_store, use_session};
use super::{CopySide, assert_same, output_text, read_counts, run_copy};
use crate::ground::StoreKind;
use crate::services;

/// A PocketBase with collections of its owner's making, whose times it sets itself, and without the batch API.
async fn start_older_pocketbase() -> CopySide {
    let service = services::pocketbase::PocketBase::start().await;
    let autodate =
        |name: &str| json!({"name": name, "type": "autodate", "onCreate": true, "onUpdate": name == "updated"});
    let text = |name: &str| json!({"name": name, "type": "text"});
    let file = json!({"name": "document_front", "type": "file", "maxSelect": 1, "protected": true});
    let fields = json!([text("userID"), text("name"), file, autodate("created"), autodate("updated")]);
    let profiles = json!({"name": "profiles", "type": "base", "fields": fields});
    service.api(Method::POST, "/api/collections", profiles).await.expect(200);
    let store = service.store();
    store.init_schema(None).await.unwrap();
    CopySide::on_pocketbase(service, store)
}

#[tokio::test(flavor = "multi_thread")]
async fn times_survive_in_a_pocketbase_that_sets_its_own() {
    let (source, target) = (CopySide::new(StoreKind::Sqlite).await, start_older_pocketbase().await);
    let world = source.world().await;
    fill_store(&world).await;
    let said = assert_same(&run_copy(&source, &target, &[]).await);
    assert!(!said.contains("by itself"), "{said}");
    let service = target.pocketbase.as_ref().unwrap();
    let profiles = service.api(Method::GET, "/api/collections/profiles/records", Value::Null).await.expect(200);
    for profile in profiles["items"].as_array().unwrap() {
        assert_ne!(profile["api_created"], profile["created"], "PocketBase's own time is that of the copy");
    }
    let again = assert_same(&run_copy(&source, &target, &[]).await);
    assert_eq!(read_counts(&again, "audit_events")[2], 0, "{again}");
    let back = CopySide::new(StoreKind::Postgres).await;
    assert_same(&run_copy(&target, &back, &[]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn unfit_record_is_reported_and_the_rest_is_copied() {
    let (source, target) = (start_older_pocketbase().await, CopySide::new(StoreKind::Sqlite).await);
    let service = source.pocketbase.as_ref().unwrap();
    let token = service.superuser_token().await;
    let pdf = reqwest::multipart::Part::bytes(b"%PDF-1.7".to_vec()).file_name("secret name.pdf");
    let records = format!("{}/api/collections/profiles/records", service.url);
    let form = Form::new().text("id", "withapdf0000000").text("userID", "u").part("document_front", pdf);
    let made = reqwest::Client::new().post(&records).header("authorization", &token).multipart(form).send().await;
    assert_eq!(made.unwrap().status(), 200);
    let other = json!({"id": "without00000000", "userID": "v", "name": "A"});
    service.api(Method::POST, "/api/collections/profiles/records", other).await.expect(200);
    let run = run_copy(&source, &target, &[]).await;
    let said = output_text(&run);
    assert_eq!((run.status.code(), read_counts(&said, "profiles")), (Some(1), vec![2, 1, 1, 0, 1]), "{said}");
    assert!(said.contains("profiles withapdf0000000: not copied: the name of its document_front"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn session_used_only_by_its_record_stays_used_after_a_copy() {
    let (source, target) = (CopySide::new(StoreKind::PocketBase).await, CopySide::new(StoreKind::Sqlite).await);
    let world = source.world().await;
    let (id, _) = world.person("one").await;
    let profile = RecordId::parse(&id).unwrap();
    add_sessions(&world, profile).await;
    let service = source.pocketbase.as_ref().unwrap();
    let listed = service.api(Method::GET, "/api/collections/liveness_sessions/records", Value::Null).await.expect(200);
    for session in listed["items"].as_array().unwrap() {
        let path = format!("/api/collections/liveness_sessions/records/{}", session["id"].as_str().unwrap());
        service.api(Method::PATCH, &path, json!({"used_by": ""})).await.expect(200);
    }
    assert_same(&run_copy(&source, &target, &[]).await);
    let moved = target.world().await;
    assert_eq!(use_session(&*moved.app.store, profile, "used").await, Err(Refusal::SessionUsed));
    assert_eq!(use_session(&*moved.app.store, profile, "unused").await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn service_user_copies_in_both_directions() {
    let mut service = services::pocketbase::PocketBase::start().await;
    let user =
        json!({"email": "service@example.com", "password": "another password", "passwordConfirm": "another password"});
    service.api(Method::POST, "/api/collections/users/records", user).await.expect(200);
    let store = service.store();
    assert!(store.init_schema(Some("service@example.com")).await.unwrap().complete);
    (service.email, service.password) = ("service@example.com".to_owned(), "another password".to_owned());
    let middle = CopySide::on_pocketbase(service, store);
    let (source, target) = (CopySide::new(StoreKind::Sqlite).await, CopySide::new(StoreKind::Sqlite).await);
    let world = source.world().await;
    fill_store(&world).await;
    assert_same(&run_copy(&source, &middle, &[]).await);
    assert_same(&run_copy(&middle, &target, &[]).await);
}
