//! PostgreSQL that stops, hangs, refuses or is waited for: callers get 503 in time, nothing is doubled, and the server goes
//! on by itself once the database does.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use identivia::domain::event::EventKind;
use identivia::records::audit_event::AuditEvent;
use identivia::records::id::RecordId;
use identivia::records::liveness_session::{LivenessSession, SessionStatus};
use identivia::store::postgres::Postgres;
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::command;
use crate::services::postgres;
use crate::services::proxy::Proxy;
use crate::world::{Answer, GIVEN_UP_WITHIN, World};

/// The longest that any answer may take.
const LONGEST: Duration = GIVEN_UP_WITHIN;
/// How soon a server must serve again once its database does.
const BACK_WITHIN: Duration = GIVEN_UP_WITHIN;

async fn start_world(url: &str, connections: &str) -> World {
    World::with(&["--database-url", url, "--database-connections", connections], true).await
}

/// A number that the database tells.
async fn select_number(url: &str, question: &'static str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(question).fetch_one(&mut connection).await.unwrap()
}

/// Asserts that a request was served, or put off as it should be. Says whether it was served.
#[track_caller]
fn is_served(answer: &Answer, since: Instant) -> bool {
    let took = since.elapsed();
    assert!(took < LONGEST, "{took:?} for {answer:?}");
    let put_off = answer.status == 503 && !answer.header("retry-after").is_empty();
    assert!(put_off || matches!(answer.status, 200 | 201), "{answer:?}");
    !put_off
}

/// Creates profiles, each tried until it is answered, reads them and changes their status, until told to stop.
/// Gives the ids that were acknowledged and how many requests were put off.
async fn load_server(world: &World, name: usize, stop: &AtomicBool) -> (BTreeSet<String>, usize) {
    let (operator, mut ids, mut put_off) = (world.operator(), BTreeSet::new(), 0);
    for number in 0.. {
        let user = json!({"userID": format!("{name}-{number}")});
        while !stop.load(Ordering::SeqCst) {
            let begun = Instant::now();
            let created = operator.post("/api/profiles/create", user.clone()).await;
            if !is_served(&created, begun) {
                put_off += 1;
                continue;
            }
            let id = created.body["id"].as_str().unwrap().to_owned();
            let begun = Instant::now();
            let step = json!({"previous_status": "unverified", "new_status": "pending", "notes": "n"});
            let recorded = operator.post(&format!("/api/status_history/{id}"), step).await;
            put_off += usize::from(!is_served(&recorded, begun));
            let begun = Instant::now();
            let read = operator.get(&format!("/api/profiles/{id}")).await;
            put_off += usize::from(!is_served(&read, begun));
            ids.insert(id);
            break;
        }
        if stop.load(Ordering::SeqCst) {
            break;
        }
    }
    (ids, put_off)
}

/// Loads a server while `trouble` runs, which gives back a database that is well; then asserts what must hold.
async fn assert_survives(world: &World, url: &str, trouble: impl Future<Output = ()>) {
    let stop = AtomicBool::new(false);
    let ending = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        trouble.await;
        let begun = Instant::now();
        while !is_served(&world.operator().get("/api/settings").await, begun) {
            assert!(begun.elapsed() < BACK_WITHIN, "not back within {BACK_WITHIN:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stop.store(true, Ordering::SeqCst);
    };
    let ((), loaded) = tokio::join!(ending, join_all((0..8).map(|name| load_server(world, name, &stop))));
    let put_off: usize = loaded.iter().map(|(_, put_off)| put_off).sum();
    assert!(put_off > 0, "no request met the trouble");
    assert_eq!(select_number(url, "select count(*) - count(distinct user_id) from profiles").await, 0, "doubled");
    let orphans = "select count(*) from profiles where id not in \
        (select profile from audit_events where kind = 'profile.created')";
    assert_eq!(select_number(url, orphans).await, 0, "a profile without its event");
    let orphans = "select count(*) from status_history s where not exists \
        (select from audit_events e where e.profile = s.profile and kind = 'status.recorded')";
    assert_eq!(select_number(url, orphans).await, 0, "a status without its event");
    let acknowledged: BTreeSet<String> = loaded.into_iter().flat_map(|(ids, _)| ids).collect();
    assert!(!acknowledged.is_empty());
    let mut connection = PgConnection::connect(url).await.unwrap();
    let kept: Vec<String> = sqlx::query_scalar("select id from profiles").fetch_all(&mut connection).await.unwrap();
    let kept: BTreeSet<String> = kept.into_iter().collect();
    assert!(acknowledged.is_subset(&kept), "acknowledged and gone: {:?}", acknowledged.difference(&kept));
    assert_eq!(world.operator().get("/readyz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_database_is_503_until_it_is_back() {
    let cluster = postgres::Postgres::own();
    let url = cluster.database().await;
    let world = start_world(&url, "4").await;
    assert_survives(&world, &url, async {
        tokio::task::block_in_place(|| cluster.stop());
        assert_eq!(world.operator().get("/readyz").await.status, 503);
        tokio::time::sleep(Duration::from_millis(500)).await;
        tokio::task::block_in_place(|| cluster.start());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_database_is_503_until_it_is_back() {
    let cluster = postgres::Postgres::own();
    let url = cluster.database().await;
    let world = start_world(&url, "4").await;
    assert_survives(&world, &url, async {
        tokio::task::block_in_place(|| cluster.pause());
        tokio::time::sleep(Duration::from_secs(11)).await;
        tokio::task::block_in_place(|| cluster.resume());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_network_is_503_and_its_connections_are_closed() {
    let url = postgres::database().await;
    let mut proxy = Proxy::before(&url).await;
    let world = start_world(&proxy.url(&url), "4").await;
    // One of the pool's four is open: the start has read which file store belongs to the database.
    let before = proxy.connections() - 1;
    assert_survives(&world, &url, async {
        let used = proxy.connections();
        assert!(used > before && used <= before + 4);
        proxy.hang().await;
        tokio::time::sleep(Duration::from_secs(11)).await;
        proxy.pass().await;
    })
    .await;
    assert!(proxy.connections() > before + 4, "what hung was used again");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_for_a_lock_do_not_pile_up() {
    let url = postgres::database().await;
    let world = start_world(&url, "2").await;
    let (id, _) = world.person("u").await;
    let path = format!("/api/profiles/{id}");
    let operator = world.operator();
    let mut other = PgConnection::connect(&url).await.unwrap();
    other.execute("begin; lock table profiles in access exclusive mode").await.unwrap();
    let begun = Instant::now();
    let answers = join_all((0..50).map(|_| operator.get(&path))).await;
    assert!(answers.iter().all(|answer| !is_served(answer, begun)), "{answers:?}");
    let sessions = "select count(*) from pg_stat_activity \
        where application_name = 'identivia' and datname = current_database()";
    assert!(select_number(&url, sessions).await <= 2);
    let waiting = "select count(*) from pg_locks where not granted and relation = 'profiles'::regclass";
    assert_eq!(select_number(&url, waiting).await, 0, "given up here and still waited for there");
    other.execute("rollback").await.unwrap();
    let begun = Instant::now();
    operator.get(&path).await.expect(200);
    assert!(begun.elapsed() < GIVEN_UP_WITHIN);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_requests_free_their_connections_and_leave_whole_commits() {
    let url = postgres::database().await;
    let world = start_world(&url, "2").await;
    let (id, _) = world.person("u").await;
    let (path, history) = (format!("/api/profiles/{id}"), format!("/api/status_history/{id}"));
    let operator = world.operator();
    let mut other = PgConnection::connect(&url).await.unwrap();
    other.execute("begin; lock table profiles in access exclusive mode").await.unwrap();
    let soon = Duration::from_millis(100);
    let step = json!({"previous_status": "unverified", "new_status": "pending", "notes": "n"});
    for _ in 0..5 {
        assert!(tokio::time::timeout(soon, operator.get(&path)).await.is_err());
        assert!(tokio::time::timeout(soon, operator.post(&history, step.clone())).await.is_err());
    }
    let sessions = "select count(*) from pg_stat_activity \
        where application_name = 'identivia' and datname = current_database()";
    assert!(select_number(&url, sessions).await <= 2);
    other.execute("rollback").await.unwrap();
    let begun = Instant::now();
    operator.get(&path).await.expect(200);
    assert!(begun.elapsed() < GIVEN_UP_WITHIN);
    let halves = "select (select count(*) from status_history) - \
        (select count(*) from audit_events where kind = 'status.recorded')";
    assert_eq!(select_number(&url, halves).await, 0);
    let open = "select count(*) from pg_stat_activity where state like 'idle in transaction%' \
        and application_name = 'identivia' and datname = current_database()";
    assert_eq!(select_number(&url, open).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlock_victim_is_503() {
    let url = postgres::database().await;
    let world = start_world(&url, "2").await;
    let (id, _) = world.person("u").await;
    let operator = world.operator();
    let profile = RecordId::parse(&id);
    let session = LivenessSession::new("s".to_owned(), profile, world.clock.now());
    let session = LivenessSession { status: SessionStatus::Succeeded, ..session };
    let event = AuditEvent::new(EventKind::SessionCreated, world.clock.now(), "tester");
    world.app.store.add_session(&session, event).await.unwrap().unwrap();
    let mut other = PgConnection::connect(&url).await.unwrap();
    other.execute("begin").await.unwrap();
    other.execute("update liveness_sessions set status = 'FAILED' where id = 's'").await.unwrap();
    let form = crate::world::texts(&[
        ("liveness_session_id", "s"),
        ("liveness_confidence", "90"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
    ]);
    let picture = || crate::world::file(crate::world::small_picture(1), "a.png");
    let form = form.part("document_front", picture()).part("facial_photo", picture());
    let path = format!("/api/verification_history/{id}");
    let recording = operator.form(reqwest::Method::POST, &path, form);
    let closing_the_circle = async {
        let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' \
            and datname = current_database()";
        while select_number(&url, waiting).await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        sqlx::query("update profiles set name = 'x' where id = $1").bind(&id).execute(&mut other).await
    };
    let begun = Instant::now();
    let (answer, others) = tokio::join!(recording, closing_the_circle);
    // The server searches for deadlocks a second after a wait begins.
    assert!(others.is_ok() && !is_served(&answer, begun), "{answer:?}");
    other.execute("commit").await.unwrap();
    world.await_stored_files(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_together_migrate_once() {
    let url = postgres::database().await;
    let opened = join_all((0..6).map(|_| Postgres::open(&url, 2))).await;
    assert!(opened.iter().all(Result::is_ok));
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap().count();
    assert_eq!(select_number(&url, "select count(*) from migrations").await, i64::try_from(files).unwrap());
    Postgres::open_to_read(&url).await.map(drop).unwrap();
}

/// What a start with that URL says; it must be one line.
fn read_start_error(url: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = command::run(folder.path(), |command| {
        command.env("DATABASE_URL", url);
    });
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("DATABASE_URL: "), "{said}");
    assert!(!said.contains("CANARY") && !said.contains(postgres::PASSWORD), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_database_stops_the_start_with_one_line() {
    let url = postgres::database().await;
    let (server, _) = url.rsplit_once('/').unwrap();
    let newer = postgres::database().await;
    Postgres::open(&newer, 2).await.map(drop).unwrap();
    let mut connection = PgConnection::connect(&newer).await.unwrap();
    connection.execute("insert into migrations (name) values ('9999_later')").await.unwrap();
    let latin = format!("{server}/latin_{}", RecordId::random());
    let create = format!(
        "create database \"{}\" template template0 encoding latin1 locale 'C'",
        latin.rsplit_once('/').unwrap().1
    );
    connection.execute(AssertSqlSafe(create)).await.unwrap();
    for (url, expected) in [
        (url.replace(postgres::PASSWORD, "CANARY"), "user or password refused"),
        (format!("{server}/CANARY_nowhere"), "no such database"),
        ("postgres://identivia:CANARY@127.0.0.1:1/x".to_owned(), "refused"),
        ("postgres://identivia:CANARY@127.0.0.1:99999/x".to_owned(), "must be a URL such as"),
        (format!("{url}?sslmode=CANARY"), "must be a URL such as"),
        (format!("{url}?sslmode=require"), "TLS"),
        (newer, "newer version of this program"),
        (latin, "LATIN1"),
    ] {
        let said = read_start_error(&url);
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_as_the_url_says() {
    let (cluster, stranger) = (postgres::Postgres::own_with_tls(), postgres::Postgres::own_with_tls());
    let url = cluster.database().await;
    let (plain, _) = url.split_once('?').unwrap();
    let certificate = |url: &str| url.split_once("sslrootcert=").unwrap().1.to_owned();
    let (ours, theirs) = (certificate(&url), certificate(&stranger.url));
    let by_another_name = plain.replace("127.0.0.1", "[::ffff:127.0.0.1]");
    for url in [
        url.clone(),
        format!("{plain}?sslmode=require"),
        format!("{plain}?sslmode=disable"),
        format!("{by_another_name}?sslmode=verify-ca&sslrootcert={ours}"),
    ] {
        let opened = Postgres::open(&url, 2).await;
        assert!(opened.is_ok(), "{url}: {:?}", opened.err());
    }
    for url in [
        format!("{plain}?sslmode=verify-full&sslrootcert={theirs}"),
        format!("{plain}?sslmode=verify-ca&sslrootcert={theirs}"),
        format!("{plain}?sslmode=verify-full"),
        format!("{plain}?sslmode=verify-full&sslrootcert=/nowhere.crt"),
        format!("{by_another_name}?sslmode=verify-full&sslrootcert={ours}"),
    ] {
        eprintln!("{}", read_start_error(&url));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_in_database_errors_are_not_logged() {
    let cluster = postgres::Postgres::own();
    let url = cluster.database().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    connection.execute("alter role identivia password 'CANARY-password'").await.unwrap();
    let url = url.replace(postgres::PASSWORD, "CANARY-password");
    let folder = tempfile::tempdir().unwrap();
    let server = command::Running::start(folder.path(), |command| {
        let clients = json!([{"client_id": "a", "client_secret": "CANARY-client", "scopes": ["profiles:write"]}]);
        command.env("DATABASE_URL", &url).env("RUST_LOG", "trace").env("JWT_CLIENTS_JSON", clients.to_string());
    });
    connection.execute("alter table profiles add constraint picky check (name <> 'CANARY-name')").await.unwrap();
    let http = reqwest::Client::new();
    let token = http
        .post(format!("{}/api/auth/token", server.url))
        .json(&json!({"client_id": "a", "client_secret": "CANARY-client"}));
    let token: serde_json::Value = token.send().await.unwrap().json().await.unwrap();
    let create = async |name: &str| {
        let body = json!({"userID": "CANARY-user", "name": name, "documentNumber": "CANARY-number"});
        let request = http.post(format!("{}/api/profiles/create", server.url)).json(&body);
        let answer = request.bearer_auth(token["access_token"].as_str().unwrap()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(create("CANARY-other").await.0, 201);
    connection.execute("delete from audit_events; delete from profiles").await.unwrap();
    let (status, said) = create("CANARY-name").await;
    assert!(status == 500 && !said.contains("CANARY"), "{said}");
    connection.execute("alter table profiles rename to hidden").await.unwrap();
    assert_eq!(create("CANARY-other").await.0, 500);
    cluster.stop();
    assert_eq!(create("CANARY-other").await.0, 503);
    let (_, out, log) = server.stop();
    assert!(log.contains("23514") && log.contains("picky") && log.contains("42P01"), "{log}");
    assert!(!log.contains("CANARY") && !out.contains("CANARY"), "{log}");
}
