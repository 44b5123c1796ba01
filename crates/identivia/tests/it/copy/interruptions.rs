//! Copies that are killed, refused or impossible.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use super::contents::{VIDEO_BYTES, assert_answers_equal, fill_store, read_everything};
use super::{CopySide, assert_same, close_server, copy_command, output_text, read_contents, read_counts, run_copy};
use crate::ground::StoreKind;
use crate::services;
use crate::world::{file, video};

/// The names of files that records name, and of those that are stored.
async fn read_named_and_stored(url: &str, folder: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut session = PgConnection::connect(url).await.unwrap();
    let fields = "select value from (select body from profiles union all select body from verification_history \
        union all select body from liveness_sessions) records, json_each_text(body::json) \
        where key in ('document_front', 'document_back', 'facial_photo', 'facial_video', 'reference_image')";
    let named: Vec<String> = sqlx::query_scalar(fields).fetch_all(&mut session).await.unwrap();
    let stored = read_contents(folder).into_iter().map(|(path, _)| path.rsplit_once('/').unwrap().1.to_owned());
    let stored = stored.filter(|name| name != "store-marker");
    (named.into_iter().filter(|name| !name.is_empty()).collect(), stored.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_copy_continues_where_it_stopped() {
    let source = CopySide::new(StoreKind::Sqlite).await;
    let world = source.world().await;
    fill_store(&world).await;
    for n in 0..12 {
        let (id, _) = world.person(&format!("more {n}")).await;
        let form = Form::new().part("facial_video", file(video(VIDEO_BYTES), "me.webm"));
        world.operator().form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(200);
    }
    // A running server would poll its sessions meanwhile, which changes them.
    let answers = read_everything(&world).await;
    close_server(world, &source).await;
    for of in [StoreKind::Postgres, StoreKind::PocketBase, StoreKind::Sqlite] {
        let target = CopySide::new(of).await;
        let mut kills = 0;
        // Each attempt gets a third more time than the last: many early kills, few late ones.
        let mut time_to_live = Duration::from_millis(20);
        loop {
            let mut child =
                copy_command(&source, &target, &[]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            tokio::time::sleep(time_to_live).await;
            time_to_live = time_to_live * 4 / 3;
            if let Some(status) = child.try_wait().unwrap() {
                let said = output_text(&child.wait_with_output().unwrap());
                assert!(status.success(), "{of:?} after {kills} kills: {said}");
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
        }
        assert!(kills > 2, "{kills}");
        let said = assert_same(&run_copy(&source, &target, &[]).await);
        assert_eq!(read_counts(&said, "profiles"), [19, 19, 0, 19, 0], "{said}");
        if of == StoreKind::Postgres {
            let (named, stored) = read_named_and_stored(&target.store, &target.folder.path().join("data/files")).await;
            assert_eq!(named, stored);
        }
        assert_answers_equal(&read_everything(&target.world().await).await, &answers, &format!("{of:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_copy_to_one_database_is_refused() {
    let (source, target) = (CopySide::new(StoreKind::Sqlite).await, CopySide::new(StoreKind::Postgres).await);
    let world = source.world().await;
    world.person("one").await;
    let (_records, lock) = identivia::store::postgres::Postgres::open_for_copy(&target.store, 2).await.unwrap();
    let run = run_copy(&source, &target, &[]).await;
    assert!(output_text(&run).contains("--to: another copy to this database is under way"), "{}", output_text(&run));
    drop((_records, lock));
    assert_same(&run_copy(&source, &target, &[]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_copy_is_one_line_that_says_what_to_do() {
    let empty = services::pocketbase::PocketBase::start().await;
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_identivia"));
        command.env_clear().current_dir(folder.path()).stdin(Stdio::null()).arg("copy").args(arguments);
        command.env("PB_USER_EMAIL", &empty.email).env("PB_USER_PASSWORD", &empty.password);
        command
    };
    identivia::store::sqlite::Sqlite::open(folder.path()).unwrap();
    let newer = tempfile::tempdir().unwrap();
    identivia::store::sqlite::Sqlite::open(newer.path()).unwrap();
    let database = rusqlite::Connection::open(newer.path().join("identivia.db")).unwrap();
    database.execute("insert into migrations values ('9999_later')", []).unwrap();
    let newer = format!("sqlite:{}", newer.path().display());
    let postgres = services::postgres::database().await;
    let url = &empty.url;
    // What a field that is not there would hold, PocketBase drops without a word.
    let (_, older) = services::pocketbase::ready_made().await;
    let profiles = older.api(Method::GET, "/api/collections/profiles", Value::Null).await.expect(200);
    let fields = profiles["fields"].as_array().unwrap().iter().filter(|field| field["name"] != "document_name");
    let fields = json!({"fields": fields.collect::<Vec<_>>()});
    older.api(Method::PATCH, "/api/collections/profiles", fields).await.expect(200);
    for (arguments, line) in [
        (vec!["--from", "sqlite:.", "--to", "sqlite:./"], "--from and --to name the same store"),
        (vec!["--from", "sqlite:nowhere", "--to", "sqlite:b"], "--from: there is no identivia.db in nowhere"),
        (vec!["--from", &newer, "--to", "sqlite:b"], "newer version of this program (it has the migration 9999_later)"),
        (vec!["--from", "mysql://CANARY", "--to", "sqlite:b"], "--from: must be sqlite:FOLDER, postgres"),
        (vec!["--from", "sqlite:.", "--to", "postgres"], "--to: DATABASE_URL is not set"),
        (vec!["--from", "sqlite:.", "--to", "pocketbase"], "--to: POCKETBASE_URL is not set"),
        (vec!["--from", "sqlite:.", "--to", &postgres], "--to: PostgreSQL holds no files; say where they are"),
        (vec!["--from", "sqlite:.", "--to", url, "--to-files", "file:a"], "--to: PocketBase holds its files itself"),
        (vec!["--from", "sqlite:.", "--to", &postgres, "--to-files", "s3://a/b"], "--to: FILES_URL: must be file:"),
        (vec!["--from", "sqlite:.", "--to", url], "--to: missing are the collection profiles, "),
        (
            vec!["--from", "sqlite:.", "--to", &older.url],
            "--to: missing are the field profiles.document_name; make them",
        ),
        (vec!["--from", url, "--to", "sqlite:b"], "identivia pocketbase init"),
        (vec!["--from", &postgres, "--from-files", "file:a", "--to", "sqlite:b"], "holds no records of this program"),
        (vec!["--from", "sqlite:.", "--to", "http://example.com:1"], "POCKETBASE_URL: must be https://"),
    ] {
        let mut command = run(&arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = output_text(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(line) && said.trim().lines().count() == 1, "{arguments:?}: {said}");
        assert!(!said.contains("CANARY") && !said.contains("secret"), "{said}");
    }
}
