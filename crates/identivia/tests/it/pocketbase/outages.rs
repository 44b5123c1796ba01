//! PocketBase in trouble: stopped, frozen, slow, or another server in its place.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{assert_unavailable, await_service, count_sign_ins, list_calls_since, start_behind_proxy, status_body};
use crate::services::pocketbase::ready_made;
use crate::services::proxy::Proxy;
use crate::world::{GIVEN_UP_WITHIN, World};

#[tokio::test(flavor = "multi_thread")]
async fn unavailable_pocketbase_is_503_until_it_is_back() {
    let (_, service) = ready_made().await;
    let (world, mut proxy) = start_behind_proxy(&service).await;
    let (id, browser) = world.person("one").await;
    let operator = world.operator();
    let troubles = 3;
    for trouble in 0..troubles {
        match trouble {
            0 => service.stop(),
            1 => proxy.refuse().await,
            _ => proxy.hang().await,
        }
        let started = Instant::now();
        let (path, list) = (format!("/api/profiles/{id}"), "/api/profiles".to_owned());
        let gets = join_all([&path, &list].map(|path| operator.get(path)));
        let writes =
            join_all((0..20).map(|_| operator.post("/api/profiles/create", json!({"userID": format!("u{trouble}")}))));
        let others = async {
            let statuses = format!("/api/status_history/{id}");
            (
                browser.patch(&path, json!({"country": "UT"})).await,
                operator.post(&statuses, status_body("unverified", "n")).await,
                operator.get("/api/settings").await,
                operator.get("/readyz").await,
            )
        };
        let (gets, writes, others) = tokio::join!(gets, writes, others);
        for answer in gets.iter().chain(&writes).chain([&others.0, &others.1, &others.2, &others.3]) {
            assert_unavailable(answer);
        }
        assert!(started.elapsed() < 2 * GIVEN_UP_WITHIN, "{trouble}: {:?}", started.elapsed());
        match trouble {
            0 => service.start_again(),
            _ => proxy.pass().await,
        }
        await_service(&world).await;
        assert_eq!(operator.get("/").await.expect(200)["pocketbase_status"], "authenticated");
        let creates = (0..20).map(|_| operator.post("/api/profiles/create", json!({"userID": format!("u{trouble}")})));
        let made = join_all(creates).await.into_iter().filter(|answer| answer.status == 201).count();
        assert!(made <= 1, "{made} were made");
    }
    let kept = operator.get("/api/profiles?limit=100").await.expect(200);
    assert_eq!(kept["data"].as_array().unwrap().len(), 1 + troubles);
    assert!(count_sign_ins(&proxy) <= 2, "{:?}", proxy.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn health_reports_the_state_of_pocketbase() {
    let (_, service) = ready_made().await;
    let (world, mut proxy) = start_behind_proxy(&service).await;
    let told = async || world.operator().get("/").await.expect(200)["pocketbase_status"].clone();
    assert_eq!(told().await, "authenticated");
    proxy.refuse().await;
    tokio::time::sleep(Duration::from_secs(5)).await; // A look is good for that long.
    assert_eq!(told().await, "unreachable");
    assert_unavailable(&world.bearing(None).get("/readyz").await);
    proxy.pass().await;

    let flags = ["--pocketbase-url", &service.url, "--pb-user-email", &service.email, "--pb-user-password", "wrong"];
    let stranger = World::with(&flags, false).await;
    let report = stranger.operator().get("/").await.expect(200);
    assert_eq!(report["pocketbase_status"], "unauthenticated");
    assert_eq!((&report["pocketbase_user_email"], &report["status"]), (&json!(service.email), &json!("DEGRADED")));
    assert!(!report.to_string().contains("wrong"));
}

/// Waits, boundedly, until such a call has come as far as the proxy.
pub(super) async fn await_call(proxy: &Proxy, before: usize, start: &str) {
    for _ in 0..2_000 {
        if list_calls_since(proxy, before).iter().any(|call| call.starts_with(start)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no {start}: {:?}", list_calls_since(proxy, before));
}

/// Lets the next batch through to PocketBase, and its answer not back.
async fn lose_the_answer_of_a_batch(proxy: &mut Proxy, before: usize) {
    await_call(proxy, before, "POST /api/batch").await;
    // The proxy has noted the request and delays it; what it reads from now on stays with it.
    proxy.hang().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn write_with_a_lost_answer_is_not_repeated() {
    let (_, service) = ready_made().await;
    let (world, mut proxy) = start_behind_proxy(&service).await;
    let (id, _) = world.person("one").await;
    let operator = world.operator();
    let path = format!("/api/status_history/{id}");
    let rows =
        async || service.api(Method::GET, "/api/collections/status_history/records", Value::Null).await.expect(200);
    for (round, kept) in [("the answer was lost", 1), ("the caller had gone", 3)] {
        proxy.slow(Duration::from_secs(2)).await;
        let before = proxy.requests().len();
        let attempt = operator.post(&path, status_body("unverified", round));
        let losing = async {
            lose_the_answer_of_a_batch(&mut proxy, before).await;
            for _ in 0..200 {
                if rows().await["items"].as_array().unwrap().len() == kept {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("it was not written: {round}");
        };
        if kept == 1 {
            let (lost, ()) = tokio::join!(attempt, losing);
            assert_unavailable(&lost);
        } else {
            tokio::select! {
                _ = attempt => panic!("answered"),
                () = losing => {}
            }
            // Until the server has noticed that the caller has gone: an answer before that would be in time.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        proxy.pass().await;
        await_service(&world).await;
        operator.post(&path, status_body("unverified", round)).await.expect(201);
        assert_eq!(rows().await["items"].as_array().unwrap().len(), kept, "{round}");
        operator.post(&path, status_body("unverified", round)).await.expect(201);
        let listed = operator.get(&path).await.expect(200);
        assert_eq!(listed["data"].as_array().unwrap().len(), kept + 1, "a trusted server may say the same twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_another_server_in_place_of_pocketbase_are_503() {
    use axum::http::{StatusCode, header};
    let wrong = std::sync::Arc::new(std::sync::Mutex::new((200, "")));
    let told = wrong.clone();
    let token = "e30.eyJleHAiOjk5OTk5OTk5OTl9.e30"; // {}.{"exp":9999999999}.{}
    let signed_in = json!({"token": token, "record": {}}).to_string();
    let fake = axum::Router::new().fallback(async move |request: axum::extract::Request| {
        let json = [(header::CONTENT_TYPE, "application/json")];
        let path = request.uri().path();
        if path.contains("auth-") {
            return (StatusCode::OK, json, signed_in.clone());
        }
        let (status, body) = *told.lock().unwrap();
        (StatusCode::from_u16(status).unwrap(), json, body.to_owned())
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, fake).await });
    let flags = ["--pocketbase-url", &url, "--pb-user-email", "a@example.com", "--pb-user-password", "p"];
    let world = World::with(&flags, false).await;
    let operator = world.operator();
    for answer in [
        (200, ""),
        (200, "[]"),
        (200, "\"ok\""),
        (200, "{}"),
        (200, "{\"items\":{}}"),
        (404, "404 page not found"),
        (404, "{\"error\":\"no route\"}"),
        (403, "forbidden by a firewall"),
        (502, "<html>"),
    ] {
        *wrong.lock().unwrap() = answer;
        let profile = "/api/profiles/aaaaaaaaaaaaaaa";
        for refused in [
            operator.get(profile).await,
            operator.get("/api/profiles").await,
            operator.get("/api/settings").await,
            operator.post("/api/profiles/create", json!({"userID": "u"})).await,
            operator.patch(profile, json!({"country": "UT"})).await,
            operator.post("/api/status_history/aaaaaaaaaaaaaaa", status_body("unverified", "n")).await,
        ] {
            assert_eq!(refused.status, 503, "{answer:?}: {}", refused.body);
        }
    }
}
