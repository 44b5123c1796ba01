//! Several servers on one PostgreSQL and one bucket: what holds for one holds for all of them together.
//!
//! `REPLICA_CREATES` sets the number of profiles that are asked for at once (10,000).

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use identivia::clock::Clock;
use identivia::domain::event::EventKind;
use identivia::records::audit_event::AuditEvent;
use identivia::records::id::RecordId;
use identivia::records::liveness_session::{LivenessSession, SessionStatus};
use reqwest::{Body, Method, multipart};
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::command::Running;
use crate::ground::Ground;
use crate::world::{Answer, GIVEN_UP_WITHIN, SECRET, World, answer, file, picture, small_picture, texts};

/// Two servers on one database and one bucket.
async fn start_two_servers() -> (World, World) {
    let ground = Arc::new(Ground::postgres().await);
    let flags = ["--database-connections", "8"];
    (World::on(ground.clone(), &flags, Clock::default()).await, World::on(ground, &flags, Clock::default()).await)
}

async fn connect_database(ground: &Ground) -> PgConnection {
    let Ground::Postgres { url, .. } = ground else { panic!("these tests are PostgreSQL's") };
    PgConnection::connect(url).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_creates_over_two_servers_make_one_profile_per_user() {
    let creates: usize = std::env::var("REPLICA_CREATES").map_or(10_000, |text| text.parse().unwrap());
    let (one, other) = start_two_servers().await;
    let callers = [one.operator(), other.operator()];
    // On a disk that stalls a server answers 503 after a few seconds: the guide says to repeat the request then.
    let unavailable = AtomicUsize::new(0);
    let create = async |number: usize| {
        let user = json!({"userID": format!("u{}", number / 2 % 100)});
        for _ in 0..10 {
            let created = callers[number % 2].post("/api/profiles/create", user.clone()).await;
            if created.status != 503 {
                return (created.status, created.body["id"].as_str().unwrap_or_default().to_owned());
            }
            unavailable.fetch_add(1, Ordering::Relaxed);
        }
        (503, String::new())
    };
    let begun = Instant::now();
    let answers: Vec<(u16, String)> = stream::iter(0..creates).map(create).buffer_unordered(64).collect().await;
    eprintln!("{creates} creates over two servers in {:.1} s", begun.elapsed().as_secs_f64());
    let counted = |status| answers.iter().filter(|(answered, _)| *answered == status).count();
    assert_eq!(counted(201) + counted(200), creates);
    // A create that was answered with 503 may have been made.
    let (made, unavailable) = (counted(201), unavailable.into_inner());
    assert!(made <= 100 && made + unavailable >= 100, "{made} made, {unavailable} times unavailable");
    let ids: BTreeSet<_> = answers.iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_of_one_server_are_read_by_the_other() {
    let (one, other) = start_two_servers().await;
    let (id, browser) = one.person("u").await;
    let there = other.bearing(browser.token.clone());
    there.get(&format!("/api/profiles/{id}")).await.expect(200);
    let form = multipart::Form::new().part("facial_photo", file(small_picture(9), "a.png"));
    let changed = there.form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(200);
    let name = changed["data"]["facial_photo"].as_str().unwrap();
    let stored = browser.get(&format!("/api/files/profiles/{id}/{name}")).await;
    assert_eq!((stored.status, stored.bytes), (200, small_picture(9)));
}

fn evidence_form(session: &str) -> multipart::Form {
    texts(&[
        ("liveness_session_id", session),
        ("liveness_confidence", "90"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
    ])
    .part("document_front", file(small_picture(1), "a.png"))
    .part("facial_photo", file(small_picture(2), "b.png"))
}

#[tokio::test(flavor = "multi_thread")]
async fn liveness_session_serves_one_record_over_two_servers() {
    let (one, other) = start_two_servers().await;
    let (id, _) = one.person("u").await;
    let session = LivenessSession::new("s".to_owned(), RecordId::parse(&id), one.clock.now());
    let session = LivenessSession { status: SessionStatus::Succeeded, ..session };
    let event = AuditEvent::new(EventKind::SessionCreated, one.clock.now(), "tester");
    one.app.store.add_session(&session, event).await.unwrap().unwrap();
    let path = format!("/api/verification_history/{id}");
    let callers = [one.operator(), other.operator()];
    let race = (0..20).map(|number| callers[number % 2].form(Method::POST, &path, evidence_form("s")));
    let answers = join_all(race).await;
    let refused = |answer: &&Answer| (400..500).contains(&answer.status);
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(refused).count(), 19, "{answers:?}");
    let records = callers[1].get(&path).await.expect(200);
    assert_eq!(records["data"].as_array().unwrap().len(), 1);
    one.await_stored_files(2).await;
}

const TOKEN: &str = "/api/auth/token";

async fn sign_in(world: &World, client: &str, secret: &str) -> Answer {
    let body = json!({"client_id": client, "client_secret": secret});
    answer(world.bearing(None).request(Method::POST, TOKEN).json(&body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins_are_counted_over_all_servers() {
    let (one, other) = start_two_servers().await;
    for number in 0..10 {
        let asked = if number % 2 == 0 { &one } else { &other };
        sign_in(asked, "reader", "wrong").await.expect(401);
        if number < 9 {
            sign_in(asked, "reader", "reader-secret").await.expect(200);
        }
    }
    for world in [&one, &other] {
        let blocked = sign_in(world, "reader", "wrong").await;
        let seconds: u64 = blocked.header("retry-after").parse().unwrap();
        assert!(blocked.status == 429 && (1..=60).contains(&seconds), "{blocked:?}");
        sign_in(world, "reader", "reader-secret").await.expect(429);
        sign_in(world, "red", "red-secret").await.expect(200);
    }
    let kept = "select key from token_failures";
    let kept: Vec<String> = sqlx::query_scalar(kept).fetch_all(&mut connect_database(&one.ground).await).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert!(kept[0].len() == 43 && !kept[0].contains("reader") && !kept[0].contains("127"), "{kept:?}");
    for world in [&one, &other] {
        world.clock.advance(61);
        sign_in(world, "reader", "reader-secret").await.expect(200);
        sign_in(world, "reader", "wrong").await.expect(401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn own_count_limits_logins_while_the_store_does_not_answer() {
    let (one, _other) = start_two_servers().await;
    let mut lock = connect_database(&one.ground).await;
    lock.execute("begin; lock table token_failures in access exclusive mode").await.unwrap();
    for _ in 0..10 {
        let begun = Instant::now();
        sign_in(&one, "reader", "wrong").await.expect(401);
        assert!(begun.elapsed() < GIVEN_UP_WITHIN);
    }
    sign_in(&one, "reader", "wrong").await.expect(429);
    let (id, _) = one.person("u").await;
    one.operator().get(&format!("/api/profiles/{id}")).await.expect(200);
}

/// The clients of the process that is killed.
const CLIENTS: &str = r#"[{"client_id":"tester","client_secret":"tester-secret",
    "scopes":["profiles:read","profiles:write","files:read"]}]"#;

/// What the process that is killed had acknowledged: each profile with its photo's name, if that was.
type Acknowledged = BTreeMap<String, Option<String>>;

async fn write_until_killed(http: &reqwest::Client, url: &str, token: &str, name: usize) -> Acknowledged {
    let mut acknowledged = Acknowledged::new();
    let asked = async |request: reqwest::RequestBuilder| {
        let response = request.bearer_auth(token).send().await.ok()?;
        assert!(response.status().is_success(), "{response:?}");
        response.json::<Value>().await.ok()
    };
    for number in 0.. {
        let user = json!({"userID": format!("{name}-{number}")});
        let Some(created) = asked(http.post(format!("{url}/api/profiles/create")).json(&user)).await else { break };
        let id = created["id"].as_str().unwrap().to_owned();
        acknowledged.insert(id.clone(), None);
        let form = multipart::Form::new().part("facial_photo", file(small_picture(3), "a.png"));
        let request = http.patch(format!("{url}/api/profiles/{id}")).multipart(form);
        let Some(changed) = asked(request).await else { break };
        acknowledged.insert(id, changed["data"]["facial_photo"].as_str().map(str::to_owned));
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_server_loses_no_acknowledged_write_and_others_remove_its_files() {
    let ground = Arc::new(Ground::postgres().await);
    let world = World::on(ground.clone(), &[], Clock::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let doomed = Running::start(folder.path(), |command| {
        command.envs(ground.variables()).env("JWT_SECRET", SECRET).env("JWT_CLIENTS_JSON", CLIENTS);
    });
    let token = world.operator().token.unwrap();
    let http = reqwest::Client::new();
    let (id, _) = world.person("half").await;

    // A form that never ends: its first picture is stored when the process dies.
    let beginning = stream::iter([Ok::<_, Infallible>(picture("passport.jpg")[..40_000].to_vec())]);
    let part = multipart::Part::stream(Body::wrap_stream(beginning.chain(stream::pending())));
    let form = multipart::Form::new().part("facial_photo", file(small_picture(4), "a.png"));
    let form = form.part("document_front", part.file_name("a.jpg"));
    let half = http.patch(format!("{}/api/profiles/{id}", doomed.url)).bearer_auth(&token).multipart(form).send();
    let half = tokio::spawn(half);
    world.await_stored_files(1).await;

    let writers = join_all((0..4).map(|name| write_until_killed(&http, &doomed.url, &token, name)));
    let killing = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        doomed.signal("-KILL");
    };
    let (acknowledged, ()) = tokio::join!(writers, killing);
    assert!(half.await.unwrap().is_err());
    let acknowledged: Acknowledged = acknowledged.into_iter().flatten().collect();
    assert!(acknowledged.values().flatten().count() > 0, "nothing was proved");
    let operator = world.operator();
    for (id, photo) in &acknowledged {
        operator.get(&format!("/api/profiles/{id}")).await.expect(200);
        if let Some(photo) = photo {
            let stored = operator.get(&format!("/api/files/profiles/{id}/{photo}")).await;
            assert_eq!((stored.status, stored.bytes), (200, small_picture(3)));
        }
    }
    let created = operator.post("/api/profiles/create", json!({"userID": "half"})).await.expect(200);
    assert_eq!(created["id"], id.as_str());

    // An hour later those uploads have ended.
    let later = Clock::default();
    later.advance(3_700);
    let _other = World::on(ground.clone(), &[], later).await;
    let named = "select count(*) from profiles where body::json ->> 'facial_photo' <> ''";
    let named: i64 = sqlx::query_scalar(named).fetch_one(&mut connect_database(&ground).await).await.unwrap();
    world.await_stored_files(usize::try_from(named).unwrap()).await;
}
