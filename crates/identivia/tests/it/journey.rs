//! The person's way: where they are, what they agree to and type, how another device goes on, and who may do none of it.

use futures_util::future::join_all;
use identivia::records::liveness_session::SessionStatus;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::redaction::redact;
use crate::world::{Caller, World, answer, file, picture, texts};

async fn way(browser: &Caller<'_>, id: &str) -> Value {
    browser.get(&format!("/api/flow/{id}")).await.expect(200)["data"].take()
}

async fn step(browser: &Caller<'_>, id: &str) -> String {
    way(browser, id).await["step"].as_str().unwrap().to_owned()
}

async fn agree(browser: &Caller<'_>, id: &str) {
    let consent = json!({"version": "2026-11", "language": "es"});
    browser.post(&format!("/api/flow/{id}/consent"), consent).await.expect(200);
}

async fn give_document(browser: &Caller<'_>, id: &str) {
    let form = texts(&[("document_type", "passport"), ("country", "UT")])
        .part("document_front", file(picture("passport.jpg"), "front.jpg"))
        .part("facial_photo", file(picture("portrait.jpg"), "photo.jpg"));
    browser.form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(200);
}

/// A session whose provider has found that confidence.
async fn show_face(world: &World, browser: &Caller<'_>, confidence: f64) -> String {
    let made = browser.post("/api/face-liveness/session", json!({})).await.expect(200);
    let session = made["sessionId"].as_str().unwrap().to_owned();
    world.provider.finish(&session, SessionStatus::Succeeded, Some(confidence));
    browser.get(&format!("/api/face-liveness/results/{session}")).await.expect(200);
    session
}

async fn send(browser: &Caller<'_>, id: &str, session: &str, previous_status: &str) {
    let form = texts(&[
        ("liveness_session_id", session),
        ("liveness_confidence", "0"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
    ]);
    browser.form(Method::POST, &format!("/api/verification_history/{id}"), form).await.expect(201);
    let moved = json!({"previous_status": previous_status, "new_status": "pending", "notes": "sent"});
    browser.post(&format!("/api/status_history/{id}"), moved).await.expect(201);
}

async fn offered(browser: &Caller<'_>, id: &str) -> String {
    let offered = browser.post(&format!("/api/flow/{id}/handoff"), json!({})).await.expect(201);
    offered["data"]["code"].as_str().unwrap().to_owned()
}

async fn redeem(world: &World, code: &str) -> crate::world::Answer {
    world.bearing(None).post("/api/flow/redeem", json!({"code": code})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn person_resumes_at_the_first_step_that_is_not_done() {
    let world = World::with(&["--redirect-urls", "https://shop.example/back"], true).await;
    let new = json!({"userID": "one", "language": "es", "redirect_url": "https://shop.example/back/7?a=b",
        "email": "secret@example.com", "phoneNumber": "555-123"});
    let made = world.operator().post("/api/profiles/create", new).await.expect(201);
    let (id, token) = (made["id"].as_str().unwrap(), made["flow_token"].as_str().unwrap().to_owned());
    let browser = &world.bearing(Some(token));
    let begun = browser.get(&format!("/api/flow/{id}")).await;
    assert_eq!(begun.header("cache-control"), "no-store");
    insta::assert_json_snapshot!("way_begun", redact(&begun.expect(200)));

    agree(browser, id).await;
    assert_eq!(step(browser, id).await, "document");
    give_document(browser, id).await;
    assert_eq!(step(browser, id).await, "face");
    show_face(&world, browser, 12.0).await;
    assert_eq!(step(browser, id).await, "face", "a face that is not live does not count");
    let session = show_face(&world, browser, 95.0).await;
    let details = json!({"name": "Ana", "country": "ES", "gender": "female", "date_of_birth": "1990-01-15"});
    let kept = browser.put(&format!("/api/flow/{id}/details"), details).await.expect(200);
    insta::assert_json_snapshot!("details_kept", kept);
    let on = browser.get(&format!("/api/flow/{id}")).await.expect(200);
    assert_eq!(on["data"]["face"]["session"], json!(session));
    insta::assert_json_snapshot!("way_at_details", redact(&on));
    // Without ids: a random one may contain the score.
    let shown = redact(&on).to_string();
    for hidden in ["secret@example.com", "555-123", "95", "confidence", "checks", "passport_", "FLOW", "eyJ"] {
        assert!(!shown.contains(hidden), "{hidden}: {shown}");
    }

    send(browser, id, &session, "unverified").await;
    let sent = browser.get(&format!("/api/flow/{id}")).await.expect(200);
    insta::assert_json_snapshot!("way_sent", redact(&sent));
}

#[tokio::test(flavor = "multi_thread")]
async fn status_word_asks_for_another_try_until_a_new_record() {
    for word in ["resubmission_requested", "unverified"] {
        let world = World::with_liveness().await;
        let (id, browser) = world.person("one").await;
        agree(&browser, &id).await;
        give_document(&browser, &id).await;
        let session = show_face(&world, &browser, 95.0).await;
        send(&browser, &id, &session, "unverified").await;
        assert_eq!(way(&browser, &id).await["outcome"]["status"], "pending");

        world.clock.advance(1);
        let asked = json!({"previous_status": "pending", "new_status": word, "notes": "blurred"});
        world.operator().post(&format!("/api/status_history/{id}"), asked).await.expect(201);
        let again = way(&browser, &id).await;
        assert_eq!((&again["step"], &again["outcome"], &again["status"]), (&json!("face"), &Value::Null, &json!(word)));

        world.clock.advance(1);
        let session = show_face(&world, &browser, 95.0).await;
        assert_eq!(step(&browser, &id).await, "details");
        send(&browser, &id, &session, word).await;
        assert_eq!(step(&browser, &id).await, "outcome");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_is_stored_with_the_servers_time_and_shown() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let operator = world.operator();
    let (profile, path) = (format!("/api/profiles/{id}"), format!("/api/flow/{id}/consent"));
    assert_eq!(operator.get(&profile).await.expect(200)["data"]["consent"], Value::Null);
    let before = world.clock.now().rfc3339();
    let first = json!({"version": "1", "language": "en", "accepted": "1999-01-01T00:00:00.000Z"});
    browser.post(&path, first).await.expect(200);
    let agreed = browser.post(&path, json!({"version": "2026-11", "language": "pt-BR"})).await.expect(200);
    let accepted = agreed["data"]["accepted"].as_str().unwrap();
    assert!(*before <= *accepted && *accepted <= *world.clock.now().rfc3339(), "the server's time: {accepted}");
    assert_eq!(
        agreed,
        json!({"success": true, "data": {
            "id": agreed["data"]["id"], "version": "2026-11", "language": "pt-BR", "accepted": accepted,
        }})
    );
    for caller in [&operator, &browser] {
        assert_eq!(caller.get(&profile).await.expect(200)["data"]["consent"], agreed["data"]);
    }
    let told: Vec<_> = world.events().await.into_iter().filter(|(kind, ..)| kind == "consent.accepted").collect();
    let line = |detail: &str| ("consent.accepted".to_owned(), id.clone(), detail.to_owned());
    assert_eq!(told, [line("1 en"), line("2026-11 pt-BR")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_consent_and_details_name_every_field() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let (consent, details) = (format!("/api/flow/{id}/consent"), format!("/api/flow/{id}/details"));
    let missing = browser.post(&consent, json!({"language": null})).await.expect(400);
    assert_eq!(missing["required"], json!(["version", "language"]));
    for (version, language) in [("a b", "es"), ("1", "es_ES"), ("1", "CANARY <b>"), ("\u{202e}", "es")] {
        let wrong = browser.post(&consent, json!({"version": version, "language": language})).await.expect(400);
        assert!(wrong["fields"].is_object() && !wrong.to_string().contains("CANARY"), "{wrong}");
    }
    let long = "x".repeat(256);
    let body = json!({"name": 7, "document_number": long, "country": "a\u{0}", "address": "x".repeat(2_001),
        "gender": "man", "date_of_birth": "1990-02-30"});
    let wrong = browser.put(&details, body).await.expect(400);
    insta::assert_json_snapshot!("details_wrong", wrong);
    browser.put(&details, json!([])).await.expect(400);
    let state = way(&browser, &id).await;
    assert_eq!((&state["consent"], &state["details"]), (&Value::Null, &Value::Null), "nothing was kept");

    let most = json!({"name": "x".repeat(255), "address": "é".repeat(2_000), "gender": "", "date_of_birth": ""});
    browser.put(&details, most.clone()).await.expect(200);
    assert_eq!(way(&browser, &id).await["details"]["address"], most["address"]);
    browser.put(&details, json!({})).await.expect(200);
    assert_eq!(way(&browser, &id).await["details"], Value::Null, "what is left out is unknown again");
}

#[tokio::test(flavor = "multi_thread")]
async fn handoff_continues_on_another_device_until_the_first_token_ends() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    agree(&browser, &id).await;
    world.clock.advance(60);
    let offered = browser.post(&format!("/api/flow/{id}/handoff"), json!({})).await.expect(201);
    let code = offered["data"]["code"].as_str().unwrap();
    let plain = code.replace('-', "");
    assert_eq!((code.len(), plain.len()), (9, 8));
    assert_eq!(offered["data"]["url"], format!("https://app.example.com/go#{plain}"));

    let typed = format!(" {} {}", plain[..4].to_lowercase(), &plain[4..]);
    let taken = redeem(&world, &typed).await;
    assert_eq!(taken.header("cache-control"), "no-store");
    let taken = taken.expect(200);
    let first = way(&browser, &id).await;
    assert_eq!((&taken["data"]["id"], &taken["data"]["expires"]), (&json!(id), &first["expires"]));
    let phone = world.bearing(taken["data"]["flow_token"].as_str().map(str::to_owned));
    assert_eq!(way(&phone, &id).await, first, "the same way, from the same step, to the same end");
    give_document(&phone, &id).await;
    assert_eq!(step(&browser, &id).await, "face", "the computer follows");

    // Made a minute into the link's half hour, it ends with it.
    world.clock.advance(1_800 - 60 + 20);
    phone.get(&format!("/api/flow/{id}")).await.expect(200);
    world.clock.advance(11);
    phone.get(&format!("/api/flow/{id}")).await.expect(401);

    let kinds: Vec<_> = world.events().await.into_iter().filter(|(kind, ..)| kind.starts_with("handoff")).collect();
    let line = |kind: &str, detail: &str| (kind.to_owned(), id.clone(), detail.to_owned());
    assert_eq!(kinds, [line("handoff.offered", ""), line("handoff.taken", "from 127.0.0.1")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn handoff_token_has_no_more_scope_or_time_than_the_first() {
    let world = World::new().await;
    let (id, _) = world.person("one").await;
    let profile = identivia::records::id::RecordId::parse(&id).unwrap();
    let now = world.clock.now();
    let narrow = world
        .app
        .tokens
        .issue_flow_token_until(profile, 0, "profiles:read profiles:write", now, now.plus_seconds(90))
        .unwrap();
    let narrow = world.bearing(Some(narrow));
    let offered = narrow.post(&format!("/api/flow/{id}/handoff"), json!({})).await.expect(201);
    assert_eq!(offered["data"]["expires"], way(&narrow, &id).await["expires"], "no longer than the token");
    let taken = redeem(&world, offered["data"]["code"].as_str().unwrap()).await.expect(200);
    let phone = world.bearing(taken["data"]["flow_token"].as_str().map(str::to_owned));
    phone.get(&format!("/api/flow/{id}")).await.expect(200);
    phone.get("/api/settings").await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_used_and_expired_codes_get_the_same_404() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let used = offered(&browser, &id).await;
    let taken = join_all((0..8).map(|_| redeem(&world, &used))).await;
    assert_eq!(taken.iter().filter(|answer| answer.status == 200).count(), 1, "of all who race one gets it");
    world.clock.advance(61);

    let replaced = offered(&browser, &id).await;
    let old = offered(&browser, &id).await;
    let mut refused = vec![redeem(&world, &used).await, redeem(&world, &replaced).await];
    for wrong in ["2222-2222", "short", "O0I1-O0I1", "\u{1f980}"] {
        refused.push(redeem(&world, wrong).await);
    }
    world.clock.advance(600);
    refused.push(redeem(&world, &old).await);
    let names = |answer: &crate::world::Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    for answer in &refused {
        assert_eq!((answer.status, &answer.bytes, names(answer)), (404, &refused[0].bytes, names(&refused[0])));
    }
    assert_eq!(refused[0].body["error"], "Code not valid");

    let missing = world.bearing(None).post("/api/flow/redeem", json!({"code": " "})).await.expect(400);
    assert_eq!(missing["required"], json!(["code"]));
    world.bearing(None).post("/api/flow/redeem", json!({"code": 7})).await.expect(400);
    world.bearing(None).post("/api/flow/redeem", json!({"code": "x".repeat(256)})).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_are_limited_per_address() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let code = offered(&browser, &id).await;
    for _ in 0..10 {
        redeem(&world, "2222 2222").await.expect(404);
    }
    let blocked = redeem(&world, &code).await;
    let seconds: u64 = blocked.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(blocked.header("ratelimit-policy"), "\"codes\";q=10;w=60");
    let left = format!("\"codes\";r=0;t={}", blocked.header("retry-after"));
    assert_eq!(blocked.header("ratelimit"), left);
    assert_eq!(blocked.expect(429)["error"], "Too many wrong codes");
    browser.get(&format!("/api/flow/{id}")).await.expect(200);
    world.clock.advance(61);
    redeem(&world, &code).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn handoff_code_is_stored_only_as_a_hash() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let code = offered(&browser, &id).await;
    let plain = code.replace('-', "");
    let told = format!("{:?}", world.events().await);
    let operator = world.operator();
    let shown = operator.get(&format!("/api/profiles/{id}")).await.expect(200).to_string();
    let listed = operator.get("/api/profiles").await.expect(200).to_string();
    let flow = way(&browser, &id).await.to_string();
    for text in [&told, &shown, &listed, &flow] {
        assert!(!text.contains(&code) && !text.contains(&plain) && !text.contains("handoff_"), "{text}");
    }
    let kept = world.folder.path().join("data/identivia.db");
    for name in [kept.clone(), kept.with_extension("db-wal")] {
        let bytes = std::fs::read(name).unwrap_or_default();
        for form in [&code, &plain] {
            assert!(!bytes.windows(form.len()).any(|window| window == form.as_bytes()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flow_operations_are_only_for_the_profiles_own_flow_token() {
    let world = World::new().await;
    let (mine, browser) = world.person("one").await;
    let (theirs, stranger) = world.person("two").await;
    let operator = world.operator();
    let operations = [
        (Method::GET, "", json!({})),
        (Method::POST, "/consent", json!({"version": "1", "language": "en"})),
        (Method::PUT, "/details", json!({"name": "x"})),
        (Method::POST, "/handoff", json!({})),
    ];
    for (method, more, body) in operations {
        let ask = |caller: &Caller<'_>, id: &str| {
            answer(caller.request(method.clone(), &format!("/api/flow/{id}{more}")).json(&body))
        };
        let (foreign, missing) = (ask(&stranger, &mine).await, ask(&stranger, "abcdefghijklmno").await);
        assert_eq!((foreign.status, &foreign.bytes), (404, &missing.bytes), "{method} {more}");
        assert_eq!(ask(&operator, &mine).await.expect(403)["error"], "Insufficient scope", "{method} {more}");
        ask(&world.bearing(None), &mine).await.expect(401);
        let own = ask(&browser, &mine).await.status;
        assert!([200, 201].contains(&own), "{method} {more}: {own}");
    }
    assert_eq!(way(&stranger, &theirs).await["consent"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn decided_profile_refuses_flow_writes() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let code = offered(&browser, &id).await;
    let decided = json!({"verification_status": "rejected"});
    world.operator().patch(&format!("/api/profiles/{id}"), decided).await.expect(200);
    let over = way(&browser, &id).await;
    assert_eq!(
        (&over["step"], &over["outcome"]),
        (&json!("outcome"), &json!({"status": "rejected", "submitted": null}))
    );
    let path = format!("/api/flow/{id}");
    browser.post(&format!("{path}/consent"), json!({"version": "1", "language": "en"})).await.expect(403);
    browser.put(&format!("{path}/details"), json!({"name": "x"})).await.expect(403);
    browser.post(&format!("{path}/handoff"), json!({})).await.expect(403);
    assert_eq!(way(&browser, &id).await, over);
    let taken = redeem(&world, &code).await.expect(200);
    let phone = world.bearing(taken["data"]["flow_token"].as_str().map(str::to_owned));
    assert_eq!(way(&phone, &id).await["step"], "outcome", "the other device sees what has come of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn redirect_url_must_start_with_an_allowed_url() {
    let world = World::with(&["--redirect-urls", "https://shop.example/back"], false).await;
    let operator = world.operator();
    let create = |url: Value| operator.post("/api/profiles/create", json!({"userID": "u", "redirect_url": url}));
    for url in ["https://shop.example.evil.com/back", "https://shop.example/backdoor", "javascript:alert(1)"] {
        let refused = create(json!(url)).await.expect(400);
        assert!(refused["fields"]["redirect_url"].is_string() && !refused.to_string().contains(url), "{refused}");
    }
    create(json!(7)).await.expect(400);
    create(json!(format!("https://shop.example/back/{}", "x".repeat(2_000)))).await.expect(400);
    assert_eq!(operator.get("/api/profiles").await.expect(200)["data"], json!([]), "nothing was made");
    create(json!("https://shop.example/back?order=7")).await.expect(201);

    let nowhere = World::new().await;
    let asked = json!({"userID": "u", "redirect_url": "https://shop.example/back"});
    nowhere.operator().post("/api/profiles/create", asked).await.expect(400);
    nowhere.operator().post("/api/profiles/create", json!({"userID": "u", "redirect_url": ""})).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn s72_of_many_simultaneous_wrong_codes_ten_are_looked_for() {
    let world = World::new().await;
    let guesses = (0..300).map(|_| redeem(&world, "AAAA-AAAA"));
    let statuses: Vec<u16> = join_all(guesses).await.iter().map(|answer| answer.status).collect();
    let looked_for = statuses.iter().filter(|status| **status == 404).count();
    assert!(looked_for <= 10, "{looked_for}");
    assert!(statuses.iter().all(|status| [404, 429].contains(status)), "{statuses:?}");
}
