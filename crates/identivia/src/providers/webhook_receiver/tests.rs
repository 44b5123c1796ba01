use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::domain::network::Network;
use crate::domain::webhook::public_address::AddressRule;

const NOW: Millis = Millis(1_774_051_200_000);

/// Gives the answers of a name in turn, the last one for ever.
struct ScriptedLookup {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

#[async_trait]
impl HostLookup for ScriptedLookup {
    async fn look_up(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.answers[number.min(self.answers.len() - 1)].clone())
    }
}

/// A receiver on every local address that counts connections and gives that answer.
async fn start_receiver(answer: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = connections.clone();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut read = [0; 4_096];
                let _ = socket.read(&mut read).await;
                let _ = socket.write_all(answer.as_bytes()).await;
            });
        }
    });
    (port, connections)
}

/// Receivers that may be reached at 127.0.0.1 and nowhere else on this machine.
fn open_receivers(answers: &[&[&str]]) -> (WebhookReceivers, Arc<ScriptedLookup>) {
    let answers = answers.iter().map(|answer| answer.iter().map(|text| text.parse().unwrap()).collect()).collect();
    let lookup = Arc::new(ScriptedLookup { answers, asked: AtomicUsize::new(0) });
    let rule = ReceiverRule {
        addresses: AddressRule { allowed: vec![Network::parse("127.0.0.1").unwrap()] },
        allows_http: true,
    };
    let settings =
        WebhookSettings { is_sender: true, rule, ca_file: None, proxy: None, per_endpoint: 20, kept_days: 30 };
    (WebhookReceivers::open(&settings, lookup.clone()).unwrap(), lookup)
}

async fn send(receivers: &WebhookReceivers, url: &str) -> WebhookAnswer {
    let request = WebhookRequest {
        endpoint: RecordId::random(),
        url,
        headers: HeaderMap::new(),
        body: Bytes::from_static(b"{}"),
    };
    receivers.send(request, NOW).await
}

#[tokio::test]
async fn names_with_an_address_that_is_not_public_are_refused_before_connecting() {
    let (port, connections) = start_receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
    for addresses in
        [&["127.0.0.2"][..], &["::ffff:10.0.0.1"], &["169.254.169.254"], &["127.0.0.1", "127.0.0.2"], &["0.0.0.0"]]
    {
        let (receivers, _) = open_receivers(&[addresses]);
        let answer = send(&receivers, &format!("http://receiver.example:{port}/hook")).await;
        assert!(answer.is_refused && answer.status.is_none(), "{addresses:?}: {answer:?}");
        assert!(!answer.error.unwrap().contains(addresses[0]));
    }
    assert_eq!(connections.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn literal_addresses_are_refused_at_each_try() {
    let (port, connections) = start_receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
    let (receivers, lookup) = open_receivers(&[&["127.0.0.1"]]);
    for host in ["127.0.0.2", "0x7f.2", "[::ffff:7f00:2]", "169.254.169.254"] {
        assert!(send(&receivers, &format!("http://{host}:{port}/")).await.is_refused, "{host}");
    }
    assert_eq!((connections.load(Ordering::Relaxed), lookup.asked.load(Ordering::Relaxed)), (0, 0));
    assert!(send(&receivers, &format!("http://127.0.0.1:{port}/")).await.is_success());
}

#[tokio::test]
async fn name_that_changes_after_a_lookup_is_not_connected_to() {
    let (port, connections) = start_receiver("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
    let (receivers, lookup) = open_receivers(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let url = format!("http://rebinding.example:{port}/");
    assert!(send(&receivers, &url).await.is_success());
    // The first try looked the name up once: the address that was checked is the one that was connected to.
    assert_eq!((connections.load(Ordering::Relaxed), lookup.asked.load(Ordering::Relaxed)), (1, 1));
    assert!(send(&receivers, &url).await.is_refused);
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn redirect_is_a_failure_and_is_not_followed() {
    let answer = "HTTP/1.1 301 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let (port, connections) = start_receiver(answer).await;
    let (receivers, _) = open_receivers(&[&["127.0.0.1"]]);
    let answer = send(&receivers, &format!("http://receiver.example:{port}/")).await;
    assert_eq!((answer.status, answer.is_success(), answer.is_refused), (Some(301), false, false));
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn answers_are_read_in_part_and_say_when_to_try_again() {
    let (port, _) = start_receiver("HTTP/1.1 503 Busy\r\nretry-after: 120\r\ncontent-length: 5\r\n\r\nbusy\0").await;
    let (receivers, _) = open_receivers(&[&["127.0.0.1"]]);
    let answer = send(&receivers, &format!("http://receiver.example:{port}/?key=secret")).await;
    assert_eq!((answer.hints.retry_after, answer.response.as_str()), (Some(120), "busy\u{fffd}"));
    assert_eq!(answer.error.as_deref(), Some("the receiver answered 503"));
    assert_eq!(read_retry_after("Sat, 21 Mar 2026 00:01:30 GMT", NOW), Some(90));
    assert_eq!(read_retry_after("soon", NOW), None);
}

#[tokio::test]
async fn errors_name_the_cause_and_not_the_url() {
    let (receivers, lookup) = open_receivers(&[&["127.0.0.1"]]);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let answer = send(&receivers, &format!("http://receiver.example:{closed}/?key=secret")).await;
    let error = answer.error.unwrap();
    assert!(
        error.starts_with("cannot connect: ") && !error.contains("secret") && !error.contains("example"),
        "{error}"
    );
    assert_eq!(lookup.asked.load(Ordering::Relaxed), 2, "a connection that fails at once is tried a second time");
}
