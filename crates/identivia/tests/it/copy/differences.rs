//! Copies to a store that holds something already: differences are reported, and nothing is overwritten.

use serde_json::{Value, json};

use super::contents::{fill_store, give_files};
use super::{CopySide, EVERY_KIND, assert_same, close_server, output_text, read_contents, run_copy};
use crate::ground::StoreKind;

#[tokio::test(flavor = "multi_thread")]
async fn differences_are_reported_and_nothing_is_overwritten() {
    for of in EVERY_KIND {
        let (source, target) = (CopySide::new(StoreKind::Sqlite).await, CopySide::new(of).await);
        let world = source.world().await;
        let (id, _) = world.person("one").await;
        world.operator().put("/api/settings/k", json!({"value": 1})).await.expect(200);
        assert_same(&run_copy(&source, &target, &[]).await);
        world.operator().patch(&format!("/api/profiles/{id}"), json!({"country": "CANARY"})).await.expect(200);
        let (other, _) = world.person("two").await;
        // The same user as the target's own server makes it.
        let moved = target.world().await;
        let (own, _) = moved.person("two").await;
        assert_ne!(own, other);
        close_server(moved, &target).await;
        let run = run_copy(&source, &target, &[]).await;
        let said = output_text(&run);
        assert_eq!(run.status.code(), Some(1), "{said}");
        for line in [
            format!("profiles {id}: different: country, updated\n"),
            format!("profiles {other}: not copied: another profile has its team and userID\n"),
            "profiles: 1 on the target alone\n".to_owned(),
            "identivia: the two sides are not the same: 2 records and 0 files are missing or different".to_owned(),
        ] {
            assert!(said.contains(&line), "{line} in {said}");
        }
        assert!(!said.contains("CANARY"), "{said}");
        let moved = target.world().await;
        let kept = moved.operator().get(&format!("/api/profiles/{id}")).await.expect(200);
        assert_eq!(kept["data"]["country"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn comparison_finds_every_change_and_changes_nothing() {
    let (source, target) = (CopySide::new(StoreKind::Postgres).await, CopySide::new(StoreKind::Sqlite).await);
    let world = source.world().await;
    fill_store(&world).await;
    assert_same(&run_copy(&source, &target, &[]).await);
    let data = target.folder.path().join("data");
    let database = rusqlite::Connection::open(data.join("identivia.db")).unwrap();
    let id = |statement: &str| database.query_row(statement, [], |row| row.get::<_, String>(0)).unwrap();
    let (event, status) = (id("select id from audit_events limit 1"), id("select id from status_history limit 1"));
    let (front, video) = (
        id("select 'profiles/' || id || '/' || (body ->> 'document_front') from profiles \
            where body ->> 'document_front' != '' limit 1"),
        id("select 'profiles/' || id || '/' || (body ->> 'facial_video') from profiles \
            where body ->> 'document_front' != '' limit 1"),
    );
    let tampering = "update audit_events set at = at + 1 where id = (select id from audit_events limit 1); \
        delete from status_history where id = (select id from status_history limit 1); \
        update profiles set recorded_status = 'x' where recorded_status = 'step_7'; \
        update settings set body = json_set(body, '$.public', json('false')) where key = 'key.0'; \
        update liveness_sessions set body = json_remove(body, '$.confidence') where id = 'unused too'; \
        update verification_history set body = json_set(body, '$.claimed_liveness_confidence', 12.6) \
            where body ->> 'liveness_session_id' = 'used'";
    database.execute_batch(tampering).unwrap();
    let mut bytes = std::fs::read(data.join("files").join(&video)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(data.join("files").join(&video), bytes).unwrap();
    std::fs::remove_file(data.join("files").join(&front)).unwrap();

    let before = read_contents(target.folder.path());
    let run = run_copy(&source, &target, &["--check"]).await;
    let said = output_text(&run);
    assert!(before == read_contents(target.folder.path()), "a comparison changes nothing");
    assert_eq!(run.status.code(), Some(1), "{said}");
    let owner = video.split('/').nth(1).unwrap();
    for line in [
        format!("profiles {owner}: different: document_front, facial_video\n"),
        ": different: recorded_status\n".to_owned(),
        format!("audit_events {event}: different: at\n"),
        format!("status_history {status}: not on the target\n"),
        "settings key.0: different: public\n".to_owned(),
        "liveness_sessions unused too: different: confidence\n".to_owned(),
        ": different: claimed_liveness_confidence\n".to_owned(),
        "7 records and 2 files are missing or different, 0 records are on the target alone".to_owned(),
    ] {
        assert!(said.contains(&line), "{line} in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_copy_without_their_files_when_both_stores_share_them() {
    let (source, mut target) = (CopySide::new(StoreKind::Sqlite).await, CopySide::new(StoreKind::Postgres).await);
    let world = source.world().await;
    fill_store(&world).await;
    let files = source.folder.path().join("data/files");
    let before = read_contents(&files);
    target.files = Some(format!("file:{}", files.display()));
    let said = assert_same(&run_copy(&source, &target, &[]).await);
    assert!(said.contains("15 files") && before == read_contents(&files), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_unnamed_file_is_neither_replaced_nor_removed() {
    let (source, target) = (CopySide::new(StoreKind::Sqlite).await, CopySide::new(StoreKind::Postgres).await);
    let world = source.world().await;
    let (id, _) = world.person("one").await;
    give_files(&world.operator(), &id).await;
    let (from, to) =
        (source.folder.path().join("data/files/profiles"), target.folder.path().join("data/files/profiles"));
    std::fs::create_dir_all(to.join(&id)).unwrap();
    let (last, _) = read_contents(&from).pop().unwrap();
    let name = last.rsplit_once('/').unwrap().1;
    std::fs::write(to.join(&id).join(name), "somebody's").unwrap();
    let run = run_copy(&source, &target, &[]).await;
    assert_eq!(run.status.code(), Some(1));
    assert!(
        output_text(&run).contains("a file with this name exists, and no record names it"),
        "{}",
        output_text(&run)
    );
    let kept = read_contents(&to);
    assert_eq!((kept.len(), kept[0].1.as_slice()), (1, b"somebody's".as_slice()));
    std::fs::remove_dir_all(to.join(&id)).unwrap();
    assert_same(&run_copy(&source, &target, &[]).await);
}
