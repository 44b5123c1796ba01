//! A network that loses requests and answers: with keys, repeating until there is an answer makes each record once.
//!
//! `IDEMPOTENCY_RECORDS` sets the number of records (2,000).

use super::*;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use tokio::net::TcpListener;

/// Forwards connections to a server. Every fifth piece of an answer is lost with its connection, and every eleventh of a
/// request.
async fn start_losing_proxy(upstream: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let lost = Arc::new(AtomicUsize::new(0));
    let counter = lost.clone();
    tokio::spawn(async move {
        let (requests, answers) = (Arc::new(AtomicUsize::new(1)), Arc::new(AtomicUsize::new(1)));
        while let Ok((caller, _)) = listener.accept().await {
            let Ok(server) = TcpStream::connect(&upstream).await else { return };
            let (requests, answers, lost) = (requests.clone(), answers.clone(), counter.clone());
            tokio::spawn(async move {
                let (from_caller, to_caller) = caller.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::select! {
                    () = forward(from_caller, to_server, &requests, 11) => {}
                    () = forward(from_server, to_caller, &answers, 5) => {}
                }
                lost.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    (url, lost)
}

async fn forward(
    mut from: impl tokio::io::AsyncRead + Unpin,
    mut to: impl tokio::io::AsyncWrite + Unpin,
    pieces: &AtomicUsize,
    lost_each: usize,
) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        if pieces.fetch_add(1, Ordering::Relaxed).is_multiple_of(lost_each) {
            return;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_requests_over_an_unreliable_network_make_each_record_once() {
    let count: usize = std::env::var("IDEMPOTENCY_RECORDS").map_or(2_000, |text| text.parse().unwrap());
    let world = World::new().await;
    let mut profiles = Vec::new();
    for number in 0..20 {
        profiles.push(world.person(&format!("u{number}")).await.0);
    }
    let (url, lost) = start_losing_proxy(world.url.trim_start_matches("http://").to_owned()).await;
    let (token, http) = (world.operator().token.unwrap(), reqwest::Client::new());
    let repetitions = AtomicUsize::new(0);
    let record_until_answered = async |number: usize| loop {
        let request = http.post(format!("{url}/api/status_history/{}", profiles[number % profiles.len()]));
        let request = request.bearer_auth(&token).header("Idempotency-Key", format!("key-{number}"));
        if let Ok(response) = request.json(&status_body(&number.to_string())).send().await {
            match response.status().as_u16() {
                201 => {
                    if let Ok(body) = response.json::<Value>().await {
                        return body["data"]["id"].as_str().unwrap().to_owned();
                    }
                }
                409 | 503 => tokio::time::sleep(Duration::from_millis(20)).await,
                status => panic!("{status}: {:?}", response.text().await),
            }
        }
        repetitions.fetch_add(1, Ordering::Relaxed);
    };
    let begun = Instant::now();
    let ids: BTreeSet<String> = stream::iter(0..count).map(record_until_answered).buffer_unordered(64).collect().await;
    let (repetitions, lost) = (repetitions.into_inner(), lost.load(Ordering::Relaxed));
    eprintln!("{count} records, {repetitions} repetitions, {:.1} s", begun.elapsed().as_secs_f64());
    assert!(repetitions > count / 20 && lost > count / 20, "the network lost too little: {lost}");
    let records = world.app.store.read(Query::of_kind(RecordKind::StatusHistory)).await.unwrap();
    assert_eq!((records.len(), ids.len()), (count, count));
}
