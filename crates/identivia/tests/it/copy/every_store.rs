//! Copies from each store to each other one: every answer is the same afterwards, and the source is only read.

use std::collections::BTreeSet;

use identivia::records::console_user::{ConsoleRole, ConsoleUser, PasskeyFactor};
use identivia::records::id::RecordId;
use identivia::store::console::UserWrite;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use super::contents::{ODD, assert_answers_equal, assert_goes_on, fill_store, read_everything, read_whole_list};
use super::{CopySide, EVERY_KIND, assert_same, read_contents, read_counts, run_copy};
use crate::ground::StoreKind;
use crate::reviews;
use crate::services::proxy::Proxy;
use crate::world::World;

/// Copies from one kind of store to every kind, and compares what servers on both sides answer.
async fn assert_moves_from(of: StoreKind) {
    let source = CopySide::new(of).await;
    let world = source.world().await;
    fill_store(&world).await;
    let answers = read_everything(&world).await;
    for to in EVERY_KIND {
        let target = CopySide::new(to).await;
        let said = assert_same(&run_copy(&source, &target, &[]).await);
        let [there, _, copied, before, different] = read_counts(&said, "status_history")[..] else { panic!("{said}") };
        assert_eq!((there, copied, before, different), (9, 9, 0, 0), "{of:?} {to:?}");
        assert!(said.contains("files: 15 with the same SHA-256"), "{said}");
        for odd in ODD {
            assert!(!said.contains(odd), "{said}");
        }
        let again = assert_same(&run_copy(&source, &target, &[]).await);
        assert_eq!(read_counts(&again, "status_history"), [9, 9, 0, 9, 0], "{again}");
        assert_same(&run_copy(&source, &target, &["--check"]).await);

        let moved = target.world().await;
        assert_answers_equal(&read_everything(&moved).await, &answers, &format!("{of:?} to {to:?}"));
        assert_goes_on(&moved, &answers).await;
    }
    assert_answers_equal(&read_everything(&world).await, &answers, "the source");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_copies_to_every_store() {
    assert_moves_from(StoreKind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_copy_to_s3_and_back() {
    let source = CopySide::new(StoreKind::Sqlite).await;
    let world = source.world().await;
    fill_store(&world).await;
    let answers = read_everything(&world).await;
    let bucket = CopySide::with_bucket().await;
    let said = assert_same(&run_copy(&source, &bucket, &[]).await);
    assert!(said.contains("files: 15 with the same SHA-256"), "{said}");
    assert_same(&run_copy(&source, &bucket, &[]).await);
    let moved = bucket.world().await;
    assert_answers_equal(&read_everything(&moved).await, &answers, "in S3");
    let back = CopySide::new(StoreKind::Sqlite).await;
    assert_same(&run_copy(&bucket, &back, &[]).await);
    assert_answers_equal(&read_everything(&back.world().await).await, &answers, "and back");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_copies_to_every_store() {
    assert_moves_from(StoreKind::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pocketbase_copies_to_every_store() {
    assert_moves_from(StoreKind::PocketBase).await;
}

/// The console's users, and every review with its notes, as a new super admin sees them.
async fn read_console(world: &World, user: RecordId) -> Value {
    let admin = world.console(ConsoleRole::SuperAdmin).await;
    let users = read_whole_list(&admin, "/api/console/users").await;
    let mut all = json!({"user": users.into_iter().find(|other| other["id"] == user.as_str())});
    for state in ["claimed", "decided"] {
        for row in reviews::list(&admin, state).await {
            let id = row["id"].as_str().unwrap();
            let mut review = admin.get(&format!("/api/reviews/{id}")).await.expect(200);
            // Each file is compared by the copy itself, and this read is in the timeline.
            for part in ["images", "timeline"] {
                review["data"][part] = Value::Null;
            }
            all[state] = review;
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn reviews_copy_between_all_stores_and_users_between_sql_stores() {
    let source = CopySide::new(StoreKind::Sqlite).await;
    let world = source.world().await;
    let reviewer = world.sign_in(ConsoleRole::Reviewer, None).await;
    let passkey = PasskeyFactor {
        id: RecordId::random(),
        name: "Key".to_owned(),
        credential_id: "AAAA".to_owned(),
        public_key: "AAAA".to_owned(),
        sign_count: 0,
        created: world.clock.now(),
        last_used: None,
    };
    let with_passkey = ConsoleUser { passkeys: vec![passkey], ..reviewer.user.clone() };
    let (console, now) = (&world.app.console, world.clock.now());
    console.replace_user(&reviewer.user, with_passkey, &UserWrite::default(), now, &[]).await.unwrap().unwrap();
    for user in ["one", "two"] {
        reviews::submit(&world, user, None).await;
    }
    for (number, review) in reviews::list(&reviewer.browser, "open").await.iter().enumerate() {
        let case = reviews::claim(&reviewer.browser, review).await;
        let note = json!({"text": "The hologram is missing"});
        reviews::act(&reviewer.browser, review, "notes", note).await.expect(201);
        if number == 0 {
            reviews::decide(&reviewer.browser, &case, "reject", json!({"reasons": ["document_expired"]}))
                .await
                .expect(200);
        }
    }
    world.clock.advance(60);
    reviews::run_decisions(&world).await;
    let before = read_console(&world, reviewer.user.id).await;
    assert_eq!(before["user"]["factors"], json!(["passkey"]));
    assert!(before["user"].is_object() && before["claimed"].is_object() && before["decided"].is_object(), "{before}");

    let target = CopySide::new(StoreKind::Postgres).await;
    let said = assert_same(&run_copy(&source, &target, &[]).await);
    for (kind, count) in [("reviews", 2), ("review_notes", 2), ("console_credentials", 1)] {
        assert_eq!(read_counts(&said, kind), [count, count, count, 0, 0], "{said}");
    }
    let moved = target.world().await;
    assert_answers_equal(&read_console(&moved, reviewer.user.id).await, &before, "in PostgreSQL");

    let pocketbase = CopySide::new(StoreKind::PocketBase).await;
    let said = assert_same(&run_copy(&source, &pocketbase, &[]).await);
    assert!(
        said.contains("note: console_credentials: 1 stay on the source, because PocketBase keeps none\n"),
        "{said}"
    );
    let back = CopySide::new(StoreKind::Sqlite).await;
    assert_same(&run_copy(&pocketbase, &back, &[]).await);
    let mut without_user = before;
    without_user["user"] = Value::Null;
    for (side, name) in [(&pocketbase, "in PocketBase"), (&back, "and back")] {
        let moved = side.world().await;
        assert_answers_equal(&read_console(&moved, reviewer.user.id).await, &without_user, name);
        // A copied review goes on where it was.
        let admin = moved.console(ConsoleRole::Admin).await;
        let claimed = reviews::list(&admin, "claimed").await.remove(0);
        let force = json!({"version": claimed["version"], "force": true, "reason": "Moved"});
        reviews::act(&admin, &claimed, "claim", force).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_only_reads_its_source() {
    let [sqlite, postgres, mut pocketbase] = [
        CopySide::new(StoreKind::Sqlite).await,
        CopySide::new(StoreKind::Postgres).await,
        CopySide::new(StoreKind::PocketBase).await,
    ];
    let world = sqlite.world().await;
    fill_store(&world).await;
    let before = read_contents(sqlite.folder.path());
    assert_same(&run_copy(&sqlite, &postgres, &[]).await);
    assert!(before == read_contents(sqlite.folder.path()), "SQLite");

    // From here on every sign-in can only read.
    let mut session = PgConnection::connect(&postgres.store).await.unwrap();
    let database = postgres.store.rsplit_once('/').unwrap().1;
    let closed = format!("alter database \"{database}\" set default_transaction_read_only = on");
    sqlx::query(sqlx::AssertSqlSafe(closed)).execute(&mut session).await.unwrap();
    let before = read_contents(postgres.folder.path());
    assert_same(&run_copy(&postgres, &pocketbase, &[]).await);
    assert!(before == read_contents(postgres.folder.path()), "PostgreSQL");

    let proxy = Proxy::before(&pocketbase.store).await;
    pocketbase.store = proxy.url(&pocketbase.store);
    let target = CopySide::new(StoreKind::Sqlite).await;
    assert_same(&run_copy(&pocketbase, &target, &[]).await);
    let asked: BTreeSet<String> = proxy.requests().into_iter().filter(|request| !request.starts_with("GET ")).collect();
    // Signing in, proving that the token is alive, and the token for files: none of them changes anything.
    let harmless = ["_superusers/auth-refresh", "_superusers/auth-with-password", "/files/token"];
    assert!(asked.iter().all(|request| harmless.iter().any(|end| request.ends_with(end))), "{asked:?}");
    assert_eq!(asked.len(), harmless.len());
}
