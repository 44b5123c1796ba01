//! A TCP proxy in front of any service, which fails as a test tells it to and notes the HTTP requests that pass.

use std::mem;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

#[derive(Clone, Copy)]
enum Mode {
    Pass,
    Hang,
    Slow(Duration),
}

/// A proxy on a port of its own, for as long as the test that made it.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    mode: watch::Sender<Mode>,
    traffic: Arc<Traffic>,
    accepting: Option<JoinHandle<()>>,
}

struct Traffic {
    upstream: String,
    connections: AtomicUsize,
    open: Mutex<JoinSet<()>>,
    requests: Mutex<Vec<String>>,
}

impl Proxy {
    /// Stands before the service that this URL leads to.
    pub(crate) async fn before(url: &str) -> Self {
        let traffic = Traffic {
            upstream: authority(url).to_owned(),
            connections: AtomicUsize::new(0),
            open: Mutex::default(),
            requests: Mutex::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut proxy =
            Self { address, mode: watch::Sender::new(Mode::Pass), traffic: Arc::new(traffic), accepting: None };
        proxy.accept(listener);
        proxy
    }

    /// The URL that leads to the same place by way of this proxy.
    pub(crate) fn url(&self, url: &str) -> String {
        url.replacen(authority(url), &self.address.to_string(), 1)
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.traffic.connections.load(Ordering::SeqCst)
    }

    /// The HTTP requests that arrived so far: method and path, without the query.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.traffic.requests.lock().unwrap().clone()
    }

    /// As if nothing were there: connections are closed, and new ones refused.
    pub(crate) async fn refuse(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _ = accepting.await;
        }
        self.cut().await;
    }

    /// Takes connections and what is sent, and lets nothing through in either direction.
    pub(crate) async fn hang(&mut self) {
        self.set(Mode::Hang).await;
    }

    /// Delays every piece, in either direction.
    pub(crate) async fn slow(&mut self, delay: Duration) {
        self.set(Mode::Slow(delay)).await;
    }

    /// Lets everything through, also what was held back.
    pub(crate) async fn pass(&mut self) {
        self.set(Mode::Pass).await;
    }

    /// Closes all connections, once.
    pub(crate) async fn cut(&self) {
        let mut open = mem::take(&mut *self.traffic.open.lock().unwrap());
        open.shutdown().await;
    }

    async fn set(&mut self, mode: Mode) {
        self.mode.send_replace(mode);
        if self.accepting.is_none() {
            let listener = TcpListener::bind(self.address).await.unwrap();
            self.accept(listener);
        }
    }

    fn accept(&mut self, listener: TcpListener) {
        let (traffic, mode) = (Arc::clone(&self.traffic), self.mode.subscribe());
        self.accepting = Some(tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                traffic.connections.fetch_add(1, Ordering::SeqCst);
                let connection = connect(caller, Arc::clone(&traffic), mode.clone());
                traffic.open.lock().unwrap().spawn(connection);
            }
        }));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
        self.traffic.open.lock().unwrap().abort_all();
    }
}

/// Host and port of a URL.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let whole = rest.split(['/', '?']).next().unwrap();
    whole.rsplit_once('@').map_or(whole, |(_, address)| address)
}

async fn connect(mut caller: TcpStream, traffic: Arc<Traffic>, mode: watch::Receiver<Mode>) {
    let Ok(mut upstream) = TcpStream::connect(&traffic.upstream).await else { return };
    let (from_caller, to_caller) = caller.split();
    let (from_upstream, to_upstream) = upstream.split();
    let mut heads = Heads::default();
    let note = |bytes: &[u8]| traffic.requests.lock().unwrap().extend(heads.read(bytes));
    tokio::join!(
        forward(from_caller, to_upstream, mode.clone(), note),
        forward(from_upstream, to_caller, mode.clone(), |_| ()),
    );
}

async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut mode: watch::Receiver<Mode>,
    mut note: impl FnMut(&[u8]),
) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        note(&piece[..read]);
        let passing = mode.wait_for(|mode| !matches!(mode, Mode::Hang)).await.map(|mode| *mode);
        if let Ok(Mode::Slow(delay)) = passing {
            tokio::time::sleep(delay).await;
        }
        if to.write_all(&piece[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

/// Finds request heads in what a caller sends, by the lengths of the bodies between them. Trailers are not understood.
#[derive(Default)]
struct Heads {
    unread: Vec<u8>,
    skip: usize,
    chunked: bool,
    /// What is spoken here is not HTTP.
    foreign: bool,
}

impl Heads {
    fn read(&mut self, bytes: &[u8]) -> Vec<String> {
        self.unread.extend_from_slice(bytes);
        let mut requests = Vec::new();
        while let Some(found) = self.step() {
            requests.extend(found);
        }
        requests
    }

    /// One part of the stream, and the request if it was a head; nothing once more bytes are needed.
    fn step(&mut self) -> Option<Option<String>> {
        let skipped = self.skip.min(self.unread.len());
        self.unread.drain(..skipped);
        self.skip -= skipped;
        let first = *self.unread.first()?;
        if self.chunked {
            let line = self.through(b"\r\n")?;
            let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
            self.skip = size + 2;
            self.chunked = size > 0;
            return Some(None);
        }
        self.foreign |= !first.is_ascii_uppercase();
        if self.foreign {
            self.unread.clear();
            return None;
        }
        let head = self.through(b"\r\n\r\n")?;
        self.chunked = header(&head, "transfer-encoding").is_some_and(|coding| coding.contains("chunked"));
        self.skip = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut words = head.split([' ', '\r']);
        let (method, target) = (words.next()?, words.next()?);
        Some(Some(format!("{method} {}", target.split('?').next()?)))
    }

    fn through(&mut self, end: &[u8]) -> Option<String> {
        let length = memmem::find(&self.unread, end)? + end.len();
        let part: Vec<u8> = self.unread.drain(..length).collect();
        Some(String::from_utf8_lossy(&part).into_owned())
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

#[cfg(test)]
mod tests {
    use reqwest::{Client, Error};
    use tokio::time::Instant;

    use super::*;
    use crate::services::postgres;
    use crate::world::World;

    async fn status(http: &Client, url: &str) -> Result<u16, Error> {
        let answer = http.get(url).timeout(Duration::from_millis(500)).send().await?;
        Ok(answer.status().as_u16())
    }

    #[tokio::test]
    async fn proxy_counts_and_cuts_connections() {
        let world = World::new().await;
        let mut proxy = Proxy::before(&world.url).await;
        let (http, url) = (Client::new(), proxy.url(&format!("{}/livez?a=b", world.url)));
        for _ in 0..2 {
            assert_eq!(status(&http, &url).await.unwrap(), 200);
        }
        assert_eq!(proxy.connections(), 1);
        assert_eq!(proxy.requests(), ["GET /livez", "GET /livez"]);

        proxy.cut().await;
        assert_eq!(status(&http, &url).await.unwrap(), 200);
        assert_eq!(proxy.connections(), 2);

        proxy.refuse().await;
        assert!(status(&http, &url).await.unwrap_err().is_connect());
        proxy.hang().await;
        assert!(status(&http, &url).await.unwrap_err().is_timeout());
        proxy.slow(Duration::from_millis(100)).await;
        let begun = Instant::now();
        assert_eq!(status(&http, &url).await.unwrap(), 200);
        assert!(begun.elapsed() >= Duration::from_millis(200));
        proxy.pass().await;
        assert_eq!(status(&http, &url).await.unwrap(), 200);
    }

    #[tokio::test]
    async fn proxy_forwards_postgres() {
        let url = postgres::database().await;
        let proxy = Proxy::before(&url).await;
        let session = sqlx::postgres::PgPool::connect(&proxy.url(&url)).await.unwrap();
        let one: i32 = sqlx::query_scalar("select 1").fetch_one(&session).await.unwrap();
        assert_eq!((one, proxy.connections(), proxy.requests().len()), (1, 1, 0));
    }

    #[test]
    fn requests_are_counted_however_they_are_split() {
        let stream = b"POST /a?token=x HTTP/1.1\r\nContent-Length: 12\r\n\r\nGET /no HTTP\
            PUT /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n8;x=y\r\nGET /no \r\n0\r\n\r\nGET /c HTTP/1.1\r\n\r\n";
        for size in 1..stream.len() {
            let mut heads = Heads::default();
            let requests: Vec<String> = stream.chunks(size).flat_map(|piece| heads.read(piece)).collect();
            assert_eq!(requests, ["POST /a", "PUT /b", "GET /c"], "in pieces of {size}");
        }
    }
}
