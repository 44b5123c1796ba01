//! Statistics: what is counted of real flows, of which team and which days, and that nothing is counted twice.

use futures_util::future::join_all;
use identivia::jobs::event_retention::remove_old_events;
use identivia::records::console_user::ConsoleRole;
use reqwest::Method;
use serde_json::{Value, json};

use crate::ground::StoreKind;
use crate::reviews::{act, claim, review_of, submit};
use crate::world::{Caller, World, file, small_picture, texts};

async fn create_profile(caller: &Caller<'_>, user: &str) -> (String, String) {
    let made = caller.post("/api/profiles/create", json!({"userID": user})).await.expect(201);
    (made["id"].as_str().unwrap().to_owned(), made["flow_token"].as_str().unwrap().to_owned())
}

async fn record_verification(caller: &Caller<'_>, profile: &str, country: &str) {
    let form = texts(&[
        ("liveness_session_id", "a session of another system"),
        ("liveness_confidence", "95"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
        ("document_number", "A12345678"),
        ("name", "John Doe"),
        ("date_of_birth", "1990-01-15"),
    ]);
    let form = form.text("country", country.to_owned());
    let form = form.part("facial_photo", file(small_picture(1), "a.png"));
    let form = form.part("document_front", file(small_picture(2), "b.png"));
    caller.form(Method::POST, &format!("/api/verification_history/{profile}"), form).await.expect(201);
}

async fn record_status(caller: &Caller<'_>, profile: &str, new_status: &str) {
    let step = json!({"previous_status": "unverified", "new_status": new_status, "notes": "n"});
    caller.post(&format!("/api/status_history/{profile}"), step).await.expect(201);
}

async fn report(caller: &Caller<'_>, path: &str) -> Value {
    caller.get(&format!("/api/analytics/{path}")).await.expect(200)["data"].clone()
}

fn counts_of(report: &Value) -> Vec<(String, u64)> {
    let row = |row: &Value| (row["name"].as_str().unwrap().to_owned(), row["count"].as_u64().unwrap());
    report["rows"].as_array().unwrap().iter().map(row).collect()
}

fn named(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

/// PostgreSQL holds events back while another test's transaction is open, and PocketBase for a millisecond.
async fn count_until(world: &World, path: &str, is_counted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..300 {
        world.app.analytics.count_all().await.unwrap();
        let found = report(&world.operator(), path).await;
        if is_counted(&found) {
            return found;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{path} is not counted: {}", report(&world.operator(), path).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn funnel_counts_each_step_of_a_profile_once() {
    let world = World::with_liveness().await;
    let operator = world.operator();
    for number in 0..3 {
        let (id, token) = create_profile(&operator, &format!("u{number}")).await;
        if number == 0 {
            continue;
        }
        let browser = world.bearing(Some(token));
        for _ in 0..2 {
            browser.get(&format!("/api/flow/{id}")).await.expect(200);
            let consent = json!({"version": "1", "language": "en"});
            browser.post(&format!("/api/flow/{id}/consent"), consent).await.expect(200);
        }
        if number == 2 {
            record_verification(&operator, &id, "UTO").await;
            record_verification(&operator, &id, "UTO").await;
            record_status(&operator, &id, "verified").await;
        }
    }
    let is_counted = |funnel: &Value| counts_of(funnel).contains(&("verified".to_owned(), 1));
    let funnel = count_until(&world, "funnel", is_counted).await;
    let expected = [
        ("created", 3),
        ("opened", 2),
        ("consent", 2),
        ("document", 1),
        ("face", 1),
        ("sent", 1),
        ("decided", 1),
        ("verified", 1),
    ];
    assert_eq!(counts_of(&funnel), named(&expected));
    assert_eq!(funnel["rows"][1]["rate"]["of"], 3);
    assert!((funnel["open_share"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9);
    assert!(funnel["counted_at"].is_string());

    let overview = report(&operator, "overview").await;
    assert_eq!((&overview["total_verifications"], &overview["active_users"]), (&json!(2), &json!(2)));
    assert_eq!((&overview["success_rate"]["value"], &overview["success_rate"]["of"]), (&json!(1.0), &json!(1)));
    world.clock.advance(31 * 60);
    assert_eq!(report(&world.operator(), "overview").await["active_users"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn first_final_status_counts_and_later_ones_overturn() {
    let world = World::new().await;
    let operator = world.operator();
    for (number, statuses) in
        [vec!["verified"], vec!["rejected", "in_review", "verified"], vec!["rejected"], vec![]].into_iter().enumerate()
    {
        let (id, _) = create_profile(&operator, &format!("u{number}")).await;
        record_verification(&operator, &id, "UTO").await;
        world.clock.advance(120);
        for status in statuses {
            record_status(&world.operator(), &id, status).await;
        }
    }
    // The last event is the last record: then all before it are counted.
    let is_counted = |rates: &Value| rates["rows"][3]["rate"]["of"] == 4;
    let rates = count_until(&world, "rates", is_counted).await;
    let said: Vec<_> =
        rates["rows"].as_array().unwrap().iter().map(|row| (&row["name"], &row["count"], &row["rate"]["of"])).collect();
    let expected = [
        (json!("success"), json!(1), json!(3)),
        (json!("automation"), json!(4), json!(4)),
        (json!("first_time_pass"), json!(1), json!(1)),
        (json!("resubmissions"), json!(0), json!(4)),
        (json!("overturned"), json!(1), json!(4)),
        (json!("second_look_disagreements"), json!(0), json!(0)),
    ];
    assert_eq!(said, expected.iter().map(|(name, count, of)| (name, count, of)).collect::<Vec<_>>());
    let times = report(&world.operator(), "times").await;
    let median = times["rows"][0]["median_seconds"].as_f64().unwrap();
    assert!((median / 120.0 - 1.0).abs() < 0.06, "{times}");
    let days = report(&world.operator(), "rates?by=day").await;
    assert_eq!(days["rows"].as_array().unwrap().len(), 6);
    assert_eq!(days["rows"][0]["group"].as_str().unwrap().len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_counted_once_however_many_count() {
    let world = World::new().await;
    let operator = world.operator();
    for number in 0..5 {
        create_profile(&operator, &format!("u{number}")).await;
    }
    let is_counted = |funnel: &Value| counts_of(funnel)[0].1 >= 5;
    count_until(&world, "funnel", is_counted).await;
    let listed = operator.get("/api/profiles").await.expect(200);
    for profile in listed["data"].as_array().unwrap() {
        record_verification(&operator, profile["id"].as_str().unwrap(), "UTO").await;
    }
    // Of several that count at the same time one counts an event.
    for _ in 0..50 {
        for counted in join_all((0..4).map(|_| world.app.analytics.count_all())).await {
            counted.unwrap();
        }
        if report(&operator, "overview").await["total_verifications"] != 0 {
            break;
        }
    }
    count_until(&world, "overview", |found| found["total_verifications"].as_u64() >= Some(5)).await;
    assert_eq!(report(&operator, "overview").await["total_verifications"], 5);
    for _ in 0..3 {
        world.app.analytics.count_all().await.unwrap();
    }
    assert_eq!(counts_of(&report(&operator, "funnel").await)[0].1, 5);
    // Counting goes on with the oldest event that is left, and counts none again.
    world.clock.advance(31 * 86_400);
    remove_old_events(&world.app.store, &world.clock, 30).await.unwrap();
    create_profile(&world.operator(), "later").await;
    let from = world.clock.now().plus_days(-60).rfc3339();
    let path = format!("funnel?from={from}");
    let funnel = count_until(&world, &path, |funnel| counts_of(funnel)[0].1 >= 6).await;
    assert_eq!(counts_of(&funnel)[0].1, 6);
    let today = report(&world.operator(), "funnel").await;
    assert_eq!(counts_of(&today)[0].1, 1, "a window has its own days only");
}

#[tokio::test(flavor = "multi_thread")]
async fn team_sees_its_own_numbers() {
    let world = World::new().await;
    let (red, operator) = (world.team("red"), world.operator());
    create_profile(&red, "a").await;
    create_profile(&operator, "b").await;
    create_profile(&world.team("blue"), "c").await;
    count_until(&world, "funnel", |funnel| counts_of(funnel)[0].1 == 3).await;
    assert_eq!(counts_of(&report(&red, "funnel").await)[0].1, 1);
    assert_eq!(counts_of(&report(&operator, "funnel?team=blue").await)[0].1, 1);
    assert_eq!(counts_of(&report(&operator, "funnel?team=green").await)[0].1, 0);
    red.get("/api/analytics/funnel?team=blue").await.expect(403);
    red.get("/api/analytics/overview?team=blue").await.expect(403);
    let (_, browser) = world.person("p").await;
    for path in ["/api/analytics/overview", "/api/analytics/rates"] {
        browser.get(path).await.expect(403);
        world.machine("profiles:read", None).get(path).await.expect(403);
        world.bearing(None).get(path).await.expect(401);
        assert_eq!(world.machine("analytics:read", None).get(path).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_at_the_console_see_the_sum_of_their_teams() {
    let world = World::new().await;
    for team in ["red", "red", "blue", "green"] {
        let user = format!("{team}{}", world.events().await.len());
        create_profile(&world.team(team), &user).await;
    }
    count_until(&world, "funnel", |funnel| counts_of(funnel)[0].1 == 4).await;
    let created =
        async |browser: &Caller<'_>, query: &str| counts_of(&report(browser, &format!("funnel{query}")).await)[0].1;
    let auditor = world.sign_in(ConsoleRole::Auditor, Some(&["red", "blue"])).await;
    assert_eq!(created(&auditor.browser, "").await, 3);
    assert_eq!(created(&auditor.browser, "?team=blue").await, 1);
    auditor.browser.get("/api/analytics/funnel?team=green").await.expect(403);
    assert_eq!(created(&world.console(ConsoleRole::Admin).await, "").await, 4);
    let reviewer = world.console(ConsoleRole::Reviewer).await;
    reviewer.get("/api/analytics/overview").await.expect(200);
    assert_eq!(reviewer.get("/api/analytics/rates").await.expect(403)["error"], "Not allowed for reviewers");
    assert_eq!(report(&reviewer, "reviewers").await["rows"], json!([]), "their own work, of which there is none");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_groups_are_hidden_and_names_come_from_closed_lists() {
    let world = World::new().await;
    let operator = world.operator();
    for number in 0..12 {
        let (id, _) = create_profile(&operator, &format!("u{number}")).await;
        record_verification(&operator, &id, if number < 10 { "Sweden" } else { "CANARYland" }).await;
    }
    let is_counted = |found: &Value| {
        let rows = found["rows"].as_array().unwrap();
        rows.iter().any(|row| row["count"] == 10) && rows.iter().any(|row| row["group"] == "other")
    };
    let found = count_until(&world, "breakdown?by=country", is_counted).await;
    assert!(!found.to_string().contains("CANARY"), "{found}");
    let rows = found["rows"].as_array().unwrap();
    let of = |group: &str| rows.iter().filter(|row| row["group"] == group).collect::<Vec<_>>();
    assert_eq!((&of("SE")[0]["count"], &of("SE")[0]["name"]), (&json!(10), &json!("records")));
    let few = of("other");
    assert_eq!((few.len(), &few[0]["shown"], &few[0]["count"]), (1, &json!("< 10"), &Value::Null));
    let answer = operator.get("/api/analytics/breakdown?by=country&format=csv").await;
    assert!(answer.header("content-type").starts_with("text/csv"));
    let text = String::from_utf8(answer.bytes).unwrap();
    assert!(
        text.starts_with("name,group,label,count,value,low,high,of,") && text.contains("records,other,,< 10,"),
        "{text}"
    );
    let of_types = report(&operator, "breakdown?by=document_type").await;
    assert_eq!(of_types["rows"][0]["group"], "passport");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_queries_are_refused_by_name() {
    let world = World::new().await;
    let operator = world.operator();
    for (path, field) in [
        ("funnel?from=x", "from"),
        ("funnel?from=2026-03-21&to=2026-03-20", "to"),
        ("rates?from=2020-01-01&to=2026-01-01", "from"),
        ("funnel?by=country", "by"),
        ("breakdown?by=day", "by"),
        ("times?format=xml", "format"),
        ("overview?team=", "team"),
    ] {
        let refused = operator.get(&format!("/api/analytics/{path}")).await.expect(400);
        assert!(refused["fields"][field].is_string(), "{path}: {refused}");
    }
    operator.get("/api/analytics/funnel?limit=1").await.expect(400);
    for unknown in ["sales", "%ff", "..%2f"] {
        operator.get(&format!("/api/analytics/{unknown}")).await.expect(404);
    }
}

/// An answer is made of the totals: it is the same when all that was counted is gone.
#[tokio::test(flavor = "multi_thread")]
async fn reports_read_no_record_of_a_person() {
    let world = World::new().await;
    create_profile(&world.operator(), "u").await;
    let before = count_until(&world, "funnel", |funnel| counts_of(funnel)[0].1 == 1).await;
    if StoreKind::wanted() != StoreKind::Sqlite {
        return;
    }
    let database = rusqlite::Connection::open(world.folder.path().join("data/identivia.db")).unwrap();
    database.execute_batch("delete from audit_events; delete from outbox_events; delete from profiles").unwrap();
    assert_eq!(report(&world.operator(), "funnel").await, before);
    assert_eq!(report(&world.operator(), "overview").await["success_rate"]["of"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_of_reviewers_is_counted_once() {
    let world = World::with_liveness().await;
    let (id, _) = submit(&world, "u", Some("red")).await;
    let reviewer = world.sign_in(ConsoleRole::Reviewer, None).await;
    assert_eq!(report(&world.operator(), "overview").await["pending_reviews"], 1);
    assert_eq!(report(&world.team("blue"), "overview").await["pending_reviews"], 0);
    let review = review_of(&reviewer.browser, &id).await;
    let case = claim(&reviewer.browser, &review).await;
    world.clock.advance(300);
    let decision = json!({"claim_id": case["claim_id"], "version": case["version"], "reasons": []});
    act(&reviewer.browser, &review, "approve", decision).await.expect(200);
    for _ in 0..3 {
        world.app.analytics.count_all().await.unwrap();
    }
    let rows = report(&world.operator(), "reviewers").await["rows"].clone();
    let of = |name: &str| rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
    assert!(rows.as_array().unwrap().iter().all(|row| row["group"] == json!(reviewer.user.id)), "{rows}");
    let counted = ["claims", "decisions", "approvals", "rejections"].map(|name| of(name)["count"].as_u64().unwrap());
    assert_eq!(counted, [1, 1, 1, 0]);
    let held = of("handling_time")["median_seconds"].as_f64().unwrap();
    assert!((held / 300.0 - 1.0).abs() < 0.06, "{held}");
    assert!(rows.as_array().unwrap().iter().all(|row| row.get("label").is_none()), "a machine reads ids: {rows}");
    let own = report(&reviewer.browser, "reviewers").await["rows"].clone();
    assert_eq!(own.as_array().unwrap().len(), rows.as_array().unwrap().len());
    let auditor = world.console(ConsoleRole::Auditor).await;
    for rows in [own, report(&auditor, "reviewers").await["rows"].clone()] {
        assert!(rows.as_array().unwrap().iter().all(|row| row["label"] == json!(reviewer.user.name)), "{rows}");
    }
    let csv = auditor.get("/api/analytics/reviewers?format=csv").await;
    assert!(String::from_utf8_lossy(&csv.bytes).contains(&reviewer.user.name));
    let another = world.console(ConsoleRole::Reviewer).await;
    assert_eq!(report(&another, "reviewers").await["rows"], json!([]));
    assert_eq!(report(&world.team("blue"), "reviewers").await["rows"], json!([]));
}
