//! Requests per second of the server over real sockets, measured against a bare route on the same machine: `make bench`.
//!
//! Every line is one kind of request over so many keep-alive connections, each of which sends its next request when the
//! last one is answered. Read a line as follows:
//!
//! - `of base`: the rate as a share of the baseline's at the same number of connections. The baseline is a second process
//!   with one plain axum route that verifies the same token and answers the same JSON from memory. This is the column to
//!   compare; rates alone say as much about the machine. Only ratios within one run mean anything: the last row measures
//!   the baseline again, and how far it is from 100 % is how much the machine itself wavered meanwhile.
//! - `p50`, `p99`: milliseconds from the first byte written to the last byte read. With every connection always busy they
//!   are the time under full load, and wait in line is part of them.
//! - `cpu/req`: microseconds of processor time the process spent per request, user and system; the clock ticks every
//!   10 ms. It hardly depends on what else runs, so it is the figure to trust on a busy machine.
//! - `gen`: the load generator's own use of one core. It shares the machine with what it measures: where it is near 100 %,
//!   the line shows what the generator can do, and the server can do more.
//! - `peak`: the most memory the process has held since it started, not in this line alone.
//!
//! The folder that the records go to is under `target`, on a real disk: every answered write has been synced there.
//! Rows that write wait for that disk, so their rates and their `of base` say as much about the disk as about the server.
//!
//! `STORE=postgres` measures the same on PostgreSQL, in a cluster that goes with this program, and beside it what the
//! database gives without a server: the select behind `GET /api/profiles/:id` and an insert like that of a new profile, over
//! a pool of as many connections as the server keeps. There `cpu/req` is the generator's.
//!
//! `STORE=pocketbase` measures it on a PocketBase that goes with this program, its batch API on. PocketBase sets the pace
//! there, so what is aimed at is how often it is called: counted on a second server, whose calls pass through here.
//!
//! `BENCH_SECONDS` is the length of each measurement (3), after half a second of warm-up. `IDENTIVIA_BIN` names another
//! server binary. A missed aim is printed and no failure; a request that fails is one.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

#[path = "http/calls.rs"]
mod calls;
#[path = "http/raw.rs"]
mod raw;

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Cursor};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZero;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context, bail, ensure};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

const CONNECTIONS: [usize; 3] = [1, 16, 64];
const WARM_UP: Duration = Duration::from_millis(500);
/// How long requests under way may take to end once a measurement is over.
const PATIENCE: Duration = Duration::from_secs(30);
/// As many as there are connections at most, so that each can have a profile of its own.
const PROFILES: usize = 64;

const SECRET: &str = "a secret of the benchmark, 32 bytes or more";
const ISSUER: &str = "bench";
const AUDIENCE: &str = "bench-api";
const CREDENTIALS: &str = r#"{"client_id":"bench","client_secret":"a client secret of the benchmark"}"#;
const SCOPES: &str = "profiles:read profiles:write health:read liveness:write liveness:read documents:analyze \
    aws:credentials settings:read settings:write status_history:read status_history:write verification_history:read \
    verification_history:write files:read";

fn main() -> anyhow::Result<()> {
    if let Some(port) = env::args().skip_while(|argument| argument != "--baseline").nth(1) {
        return multi_thread()?.block_on(serve_baseline(port.parse()?));
    }
    let seconds = match env::var("BENCH_SECONDS") {
        Ok(text) => {
            text.parse().ok().filter(|seconds| *seconds > 0.0).context("BENCH_SECONDS is not a number above 0")?
        }
        Err(_) => 3.0,
    };
    multi_thread()?.block_on(async {
        tokio::select! {
            outcome = run(Duration::from_secs_f64(seconds)) => outcome,
            // Returning, unlike dying of the signal, ends the processes and removes the folder.
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })
}

fn multi_thread() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

async fn run(length: Duration) -> anyhow::Result<()> {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(parent)?;
    let store = Store::start(parent)?;
    let folder = tempfile::tempdir_in(parent)?;
    let server = Process::server(folder.path(), &store.variables)?;
    server.wait_for("/readyz").await.with_context(|| server_log(folder.path()))?;
    let loads = Loads::prepare(server.address).await?;
    let baseline = Process::baseline(folder.path(), &loads.profile_answer)?;
    baseline.wait_for("/").await?;

    let mut table = Table::new(length);
    let base = table.row("baseline: verify token", &baseline, &loads.read).await?;
    table.base = base;
    let token = table.row("POST /api/auth/token", &server, &loads.token).await?;
    let create = table.row("POST /api/profiles/create", &server, &loads.create).await?;
    let read = table.row("GET /api/profiles/:id", &server, &loads.read).await?;
    table.row("POST /api/status_history/:id", &server, &loads.status).await?;
    table.row("POST /api/verification_history/:id", &server, &loads.verification).await?;
    let raw = match store.variables.get("DATABASE_URL") {
        Some(url) => Some(table.raw_rows(url).await?),
        None => None,
    };
    let again = table.row("baseline again", &baseline, &loads.read).await?;
    let calls = match store.variables.get("POCKETBASE_URL") {
        Some(url) => Some(counted(url, &store, &loads, parent).await?),
        None => None,
    };

    let wavered = again[2] / base[2];
    if !(0.9..=1.1).contains(&wavered) {
        println!("\nthe baseline itself came to {:.0} % of what it was: measure on a quieter machine", wavered * 100.0);
    }
    println!("\naims");
    aim("POST /api/auth/token, share of the baseline at 64 connections", token[2] / base[2], 0.8);
    if let Some((read, create)) = calls {
        at_most("GET /api/profiles/:id, calls to PocketBase", read, 2.0);
        at_most("POST /api/profiles/create (a new one), calls to PocketBase", create, 1.0);
    } else if let Some((select, insert)) = raw {
        aim("GET /api/profiles/:id, share of the pooled select at 64", read[2] / select[2], 0.35);
        aim("POST /api/profiles/create, share of the pooled insert at 64", create[2] / insert[2], 0.45);
    } else {
        aim("GET /api/profiles/:id, share of the baseline at 64 connections", read[2] / base[2], 0.5);
        aim("group commit, creates over 64 connections to one", create[2] / create[0], 5.0);
    }
    ensure!(table.errors == 0, "{} requests failed", table.errors);
    Ok(())
}

fn aim(name: &str, reached: f64, aim: f64) {
    let verdict = if reached >= aim { "ok" } else { "MISSED" };
    println!("  {name:<64}{reached:>7.2}   aim >= {aim:.2}   {verdict}");
}

fn at_most(name: &str, reached: f64, aim: f64) {
    let verdict = if reached <= aim { "ok" } else { "MISSED" };
    println!("  {name:<64}{reached:>7.2}   aim <= {aim:.2}   {verdict}");
}

/// How often PocketBase is called for a read of a profile and for a new one.
async fn counted(url: &str, store: &Store, loads: &Loads, parent: &Path) -> anyhow::Result<(f64, f64)> {
    let calls = calls::Calls::to(url).await?;
    let mut variables = store.variables.clone();
    variables.insert("POCKETBASE_URL".to_owned(), calls.url());
    let folder = tempfile::tempdir_in(parent)?;
    let server = Process::server(folder.path(), &variables)?;
    server.wait_for("/readyz").await.with_context(|| server_log(folder.path()))?;
    let read = per_request(&calls, &server, &loads.read).await?;
    Ok((read, per_request(&calls, &server, &loads.create).await?))
}

async fn per_request(calls: &calls::Calls, server: &Process, load: &Load) -> anyhow::Result<f64> {
    const REQUESTS: u32 = 20;
    let mut connection = Connection::open(server.address).await?;
    let mut requests = Requests::of(load, 0);
    connection.expect(load.expected, requests.next()).await?; // The first may find something out for all that follow.
    let before = calls.count();
    for _ in 0..REQUESTS {
        connection.expect(load.expected, requests.next()).await?;
    }
    Ok(f64::from(u32::try_from(calls.count() - before)?) / f64::from(REQUESTS))
}

// The table

/// Requests per second, one figure for each of [`CONNECTIONS`].
type Rates = [f64; CONNECTIONS.len()];

struct Table {
    length: Duration,
    base: Rates,
    errors: u64,
}

impl Table {
    fn new(length: Duration) -> Self {
        let cores = thread::available_parallelism().map_or(0, NonZero::get);
        println!("{cores} cores, {:.1} s a line; p50 and p99 in ms, cpu/req in µs, peak in MB\n", length.as_secs_f64());
        println!(
            "{:<36}{:>5}{:>10}{:>9}{:>9}{:>9}{:>9}{:>7}{:>8}{:>7}",
            "", "conns", "req/s", "p50", "p99", "of base", "cpu/req", "gen", "errors", "peak"
        );
        Self { length, base: [f64::NAN; 3], errors: 0 }
    }

    /// Measures one kind of request and prints a line for each number of connections.
    async fn row(&mut self, name: &str, process: &Process, load: &Arc<Load>) -> anyhow::Result<Rates> {
        let mut rates = [0.0; CONNECTIONS.len()];
        for (column, connections) in CONNECTIONS.into_iter().enumerate() {
            let figures = measure(process, load, connections, self.length).await.with_context(|| name.to_owned())?;
            rates[column] = figures.rate;
            let base = if self.base[column].is_nan() { figures.rate } else { self.base[column] };
            self.print(if column == 0 { name } else { "" }, connections, &figures, figures.rate / base);
            self.errors += figures.errors.values().sum::<u64>();
        }
        Ok(rates)
    }

    /// Measures what the database gives without a server: selects, then inserts.
    async fn raw_rows(&mut self, url: &str) -> anyhow::Result<(Rates, Rates)> {
        let raw = raw::Raw::open(url).await?;
        let select = self.raw_row("pooled select of a profile", &raw, raw::Work::Select).await?;
        let insert = self.raw_row("pooled insert of a profile", &raw, raw::Work::Insert).await?;
        Ok((select, insert))
    }

    async fn raw_row(&mut self, name: &str, raw: &Arc<raw::Raw>, work: raw::Work) -> anyhow::Result<Rates> {
        let mut rates = [0.0; CONNECTIONS.len()];
        for (column, connections) in CONNECTIONS.into_iter().enumerate() {
            let figures = raw.measure(work, connections, self.length).await.with_context(|| name.to_owned())?;
            rates[column] = figures.rate;
            self.print(if column == 0 { name } else { "" }, connections, &figures, figures.rate / self.base[column]);
        }
        Ok(rates)
    }

    fn print(&self, name: &str, connections: usize, figures: &Figures, share: f64) {
        println!(
            "{name:<36}{connections:>5}{:>10.0}{:>9.2}{:>9.2}{:>8.1}%{:>9.0}{:>6.0}%{:>8}{:>7.0}",
            figures.rate,
            figures.p50,
            figures.p99,
            share * 100.0,
            figures.cpu,
            figures.generator * 100.0,
            figures.errors.values().sum::<u64>(),
            figures.peak,
        );
        for (error, count) in figures.errors.iter().take(5) {
            println!("    {count} x {error}");
        }
    }
}

// Measuring

struct Figures {
    rate: f64,
    /// Milliseconds.
    p50: f64,
    /// Milliseconds.
    p99: f64,
    /// Microseconds of processor time per request.
    cpu: f64,
    /// The load generator's use of one core.
    generator: f64,
    /// Megabytes.
    peak: f64,
    errors: BTreeMap<String, u64>,
}

/// What counts: the requests that are answered between two moments.
#[derive(Clone, Copy)]
struct Window {
    start: Instant,
    end: Instant,
}

#[derive(Default)]
struct Tally {
    latencies: Vec<Duration>,
    errors: BTreeMap<String, u64>,
}

async fn measure(process: &Process, load: &Arc<Load>, connections: usize, length: Duration) -> anyhow::Result<Figures> {
    let start = Instant::now() + WARM_UP;
    let window = Window { start, end: start + length };
    let mut drivers = JoinSet::new();
    for driver in 0..connections {
        drivers.spawn(drive(process.address, Arc::clone(load), driver, window));
    }
    sleep_until(window.start.into()).await;
    let (opened, cpu, own) = (Instant::now(), process.cpu_time()?, cpu_time("self")?);
    sleep_until(window.end.into()).await;
    let (cpu, own, elapsed) = (process.cpu_time()? - cpu, cpu_time("self")? - own, opened.elapsed());
    let tallies = timeout(PATIENCE, drivers.join_all()).await.context("requests that are never answered")?;
    let tally = tallies.into_iter().fold(Tally::default(), Tally::and);
    figures(tally, length, cpu, own.as_secs_f64() / elapsed.as_secs_f64(), process.peak_memory()?)
}

fn figures(tally: Tally, length: Duration, cpu: Duration, generator: f64, peak: f64) -> anyhow::Result<Figures> {
    let Tally { mut latencies, errors } = tally;
    ensure!(!latencies.is_empty(), "no request was answered within {length:?}: {errors:?}");
    latencies.sort_unstable();
    let count = f64::from(u32::try_from(latencies.len())?);
    let percentile = |percent: usize| latencies[(latencies.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    Ok(Figures {
        rate: count / length.as_secs_f64(),
        p50: percentile(50),
        p99: percentile(99),
        cpu: cpu.as_secs_f64() * 1e6 / count,
        generator,
        peak,
        errors,
    })
}

impl Tally {
    fn and(mut self, other: Self) -> Self {
        self.latencies.extend(other.latencies);
        for (error, count) in other.errors {
            *self.errors.entry(error).or_default() += count;
        }
        self
    }
}

/// Sends requests over one connection, each when the last is answered, until the window closes.
async fn drive(address: SocketAddr, load: Arc<Load>, driver: usize, window: Window) -> Tally {
    let mut tally = Tally::default();
    let mut requests = Requests::of(&load, driver);
    let mut connection = None;
    while Instant::now() < window.end {
        let request = requests.next();
        let sent = Instant::now();
        let outcome = exchange(&mut connection, address, request).await;
        let answered = Instant::now();
        match outcome {
            Ok(answer) if answer.status == load.expected => {
                if answered >= window.start && answered <= window.end {
                    tally.latencies.push(answered - sent);
                }
                if answer.closes {
                    connection = None;
                }
            }
            failed => {
                *tally.errors.entry(described(failed)).or_default() += 1;
                connection = None;
                // A server that is gone refuses connections faster than anything answers them.
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
    tally
}

fn described(failed: io::Result<Answer>) -> String {
    match failed {
        Ok(answer) => format!("status {}: {}", answer.status, String::from_utf8_lossy(&answer.body)),
        Err(error) => error.to_string(),
    }
}

async fn exchange(connection: &mut Option<Connection>, address: SocketAddr, request: &[u8]) -> io::Result<Answer> {
    let connection = match connection {
        Some(open) => open,
        None => connection.insert(Connection::open(address).await?),
    };
    connection.exchange(request).await
}

// What is sent

/// One kind of request, ready to be written to a socket.
struct Load {
    requests: Vec<Vec<u8>>,
    expected: u16,
    /// The next number to stand in for [`SERIAL`].
    serial: AtomicU64,
}

/// Where a request must differ from every other, it holds this number and gets the next one each time it is sent.
const SERIAL: &str = "0000000000000000";

impl Load {
    fn new(expected: u16, requests: Vec<Vec<u8>>) -> Arc<Self> {
        Arc::new(Self { requests, expected, serial: AtomicU64::new(1) })
    }
}

/// The requests of one connection.
enum Requests<'a> {
    Fixed { load: &'a Load, next: usize },
    Numbered { load: &'a Load, request: Vec<u8>, serial_at: usize },
}

impl<'a> Requests<'a> {
    fn of(load: &'a Load, driver: usize) -> Self {
        let request = &load.requests[driver % load.requests.len()];
        match position(request, SERIAL.as_bytes()) {
            Some(serial_at) => Self::Numbered { load, request: request.clone(), serial_at },
            None => Self::Fixed { load, next: driver },
        }
    }

    fn next(&mut self) -> &[u8] {
        match self {
            Self::Fixed { load, next } => {
                *next += 1;
                &load.requests[*next % load.requests.len()]
            }
            Self::Numbered { load, request, serial_at } => {
                let serial = format!("{:016}", load.serial.fetch_add(1, Ordering::Relaxed));
                request[*serial_at..][..SERIAL.len()].copy_from_slice(serial.as_bytes());
                request
            }
        }
    }
}

/// Every kind of request that is measured, against a server that holds the profiles they need.
struct Loads {
    token: Arc<Load>,
    create: Arc<Load>,
    read: Arc<Load>,
    status: Arc<Load>,
    verification: Arc<Load>,
    /// What `GET /api/profiles/:id` answers: the baseline answers the same.
    profile_answer: String,
}

impl Loads {
    async fn prepare(address: SocketAddr) -> anyhow::Result<Self> {
        let mut connection = Connection::open(address).await?;
        let sign_in = json_request("/api/auth/token", "", CREDENTIALS);
        let answer: Value = serde_json::from_slice(&connection.expect(200, &sign_in).await?)?;
        let bearer =
            format!("Authorization: Bearer {}\r\n", answer["access_token"].as_str().context("no access token")?);

        let small = jpeg(64, 64, 75)?;
        let large = jpeg_of_300_kb()?;
        let (mut reads, mut statuses, mut verifications) = (Vec::new(), Vec::new(), Vec::new());
        for serial in 0..PROFILES {
            let id = create_profile(&mut connection, &bearer, serial).await?;
            reads.push(format!("GET /api/profiles/{id} HTTP/1.1\r\nHost: bench\r\n{bearer}\r\n").into_bytes());
            statuses.push(json_request(&format!("/api/status_history/{id}"), &bearer, STATUS_RECORD));
            verifications.push(verification_request(&id, &bearer, SERIAL, &large));
            connection.expect(201, statuses.last().context("just added")?).await?;
            connection.expect(201, &verification_request(&id, &bearer, &format!("of-{id}"), &small)).await?;
        }
        let profile_answer = String::from_utf8(connection.expect(200, &reads[0]).await?)?;
        ensure!(profile_answer.contains("liveness_session_id"), "no verification in {profile_answer}");
        Ok(Self {
            token: Load::new(200, vec![sign_in]),
            create: Load::new(201, vec![create_request(&bearer, SERIAL)]),
            read: Load::new(200, reads),
            status: Load::new(201, statuses),
            verification: Load::new(201, verifications),
            profile_answer,
        })
    }
}

const STATUS_RECORD: &str =
    r#"{"previous_status":"unverified","new_status":"pending","notes":"Verification submitted"}"#;

async fn create_profile(connection: &mut Connection, bearer: &str, serial: usize) -> anyhow::Result<String> {
    let answer = connection.expect(201, &create_request(bearer, &format!("kept-{serial}"))).await?;
    let answer: Value = serde_json::from_slice(&answer)?;
    Ok(answer["id"].as_str().context("no id of the new profile")?.to_owned())
}

fn create_request(bearer: &str, user: &str) -> Vec<u8> {
    let profile = format!(
        r#"{{"userID":"user-{user}","name":"John Doe","documentType":"passport","documentNumber":"A12345678","country":"US","email":"john@example.com","securityLevel":"high","language":"en"}}"#
    );
    json_request("/api/profiles/create", bearer, &profile)
}

fn json_request(path: &str, bearer: &str, body: &str) -> Vec<u8> {
    post(path, bearer, "application/json", body.as_bytes())
}

fn post(path: &str, bearer: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\n{bearer}Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A verification record with all three images. No session may serve two records, so each names one of its own.
fn verification_request(profile: &str, bearer: &str, session: &str, image: &[u8]) -> Vec<u8> {
    let session = format!("session-{session}");
    let fields = [
        ("liveness_session_id", session.as_str()),
        ("liveness_confidence", "95.5"),
        ("liveness_status", "live"),
        ("document_type", "national_id"),
        ("document_number", "A12345678"),
        ("country", "US"),
        ("name", "John Doe"),
    ];
    let mut body = Vec::new();
    for (name, value) in fields {
        let part = format!("--part\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    for name in ["facial_photo", "document_front", "document_back"] {
        let head = format!(
            "--part\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}.jpg\"\r\n\
             Content-Type: image/jpeg\r\n\r\n"
        );
        body.extend_from_slice(&[head.as_bytes(), image, b"\r\n"].concat());
    }
    body.extend_from_slice(b"--part--\r\n");
    let path = format!("/api/verification_history/{profile}");
    post(&path, bearer, "multipart/form-data; boundary=part", &body)
}

/// A picture of the size in which a camera's photo is sent on: what it costs to decode depends on pixels and bytes alike.
fn jpeg_of_300_kb() -> anyhow::Result<Vec<u8>> {
    for quality in 20..100 {
        let picture = jpeg(1280, 960, quality)?;
        if picture.len() >= 300_000 {
            return Ok(picture);
        }
    }
    bail!("no JPEG quality gives 300 KB")
}

/// A soft gradient with a camera's grain.
fn jpeg(width: u32, height: u32, quality: u8) -> anyhow::Result<Vec<u8>> {
    let mut state = 1_u32;
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [.., grain] = state.to_le_bytes();
        let level = |share: u32, of: u32| u8::try_from(share * 200 / of).unwrap_or(200).saturating_add(grain / 8);
        image::Rgb([level(x, width), level(y, height), level(x + y, width + height)])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_with_encoder(image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality))?;
    Ok(bytes.into_inner())
}

// HTTP/1.1, as much of it as a load generator needs

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

struct Answer {
    status: u16,
    body: Vec<u8>,
    closes: bool,
}

enum Length {
    Exactly(usize),
    Chunked,
}

impl Connection {
    async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    async fn expect(&mut self, status: u16, request: &[u8]) -> anyhow::Result<Vec<u8>> {
        let answer = self.exchange(request).await?;
        ensure!(answer.status == status, "{}", described(Ok(answer)));
        Ok(answer.body)
    }

    async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let body_at = self.read_until(0, b"\r\n\r\n").await?;
        let (status, length, closes) = parsed_head(&self.buffer[..body_at])?;
        let body = match length {
            Length::Exactly(length) => {
                self.read_to(body_at + length).await?;
                self.buffer[body_at..body_at + length].to_vec()
            }
            Length::Chunked => self.read_chunks(body_at).await?,
        };
        Ok(Answer { status, body, closes })
    }

    async fn read_chunks(&mut self, mut at: usize) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let data_at = self.read_until(at, b"\r\n").await?;
            let size = self.buffer[at..data_at].split(|byte| matches!(byte, b';' | b'\r')).next().unwrap_or_default();
            let size = str::from_utf8(size).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.ok_or_else(|| malformed("chunk size"))?;
            at = data_at + size + 2;
            self.read_to(at).await?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&self.buffer[data_at..data_at + size]);
        }
    }

    /// Reads until the mark comes up, at or after a place, and answers where it ends.
    async fn read_until(&mut self, from: usize, mark: &[u8]) -> io::Result<usize> {
        loop {
            if let Some(at) = position(&self.buffer[from.min(self.buffer.len())..], mark) {
                return Ok(from + at + mark.len());
            }
            self.read_more().await?;
        }
    }

    async fn read_to(&mut self, length: usize) -> io::Result<()> {
        while self.buffer.len() < length {
            self.read_more().await?;
        }
        Ok(())
    }

    async fn read_more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed before the answer was complete")),
            _ => Ok(()),
        }
    }
}

fn parsed_head(head: &[u8]) -> io::Result<(u16, Length, bool)> {
    let head = str::from_utf8(head).map_err(|_| malformed("head"))?;
    let status = head.get(9..12).and_then(|status| status.parse().ok()).ok_or_else(|| malformed("status line"))?;
    let (mut length, mut closes) = (Length::Exactly(0), false);
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case("content-length") {
            length = Length::Exactly(value.parse().map_err(|_| malformed("Content-Length"))?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            length = Length::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.eq_ignore_ascii_case("close");
        }
    }
    Ok((status, length, closes))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what} in an answer"))
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

// Where the server keeps its records

/// The store that is measured, with the service it needs, which ends when this is dropped.
struct Store {
    /// What the server is told of it.
    variables: BTreeMap<String, String>,
    service: Option<Child>,
    /// Where the service keeps its files.
    folder: Option<tempfile::TempDir>,
}

impl Store {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let name = env::var("STORE").unwrap_or_default();
        if matches!(name.as_str(), "" | "sqlite") {
            return Ok(Self { variables: BTreeMap::new(), service: None, folder: None });
        }
        ensure!(
            matches!(name.as_str(), "postgres" | "pocketbase"),
            "STORE is sqlite, postgres or pocketbase, not {name}"
        );
        // On the same disk as the other folders; open to the user that PostgreSQL runs as.
        let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o711)).tempdir_in(folder)?;
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/services.sh"));
        // With orders, so that it ends when its input does.
        command
            .args([name.as_str(), "--orders"])
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut service = command.spawn()?;
        let said = BufReader::new(service.stdout.take().context("its output is piped")?).lines();
        let said: Vec<String> = said.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let pairs = said.iter().filter_map(|line| line.split_once('='));
        let variables: BTreeMap<_, _> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        ensure!(!variables.is_empty(), "{}", said.join("\n"));
        let store = Self { variables, service: Some(service), folder: Some(folder) };
        if name == "pocketbase" {
            store.prepare_pocketbase()?;
        }
        Ok(store)
    }

    /// Makes the collections and turns the batch API on.
    fn prepare_pocketbase(&self) -> anyhow::Result<()> {
        let folder = self.folder.as_ref().context("the service has a folder")?;
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/with_pocketbase.sh"));
        command.arg(server_binary()?).arg("true").envs(&self.variables).env("TMPDIR", folder.path());
        ensure!(command.status()?.success(), "PocketBase could not be prepared");
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Some(service) = &mut self.service {
            drop(service.stdin.take());
            let _ = service.wait();
        }
    }
}

// The two processes

/// A process that listens on an address, ended when this is dropped.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn server(folder: &Path, store: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let mut client: Value = serde_json::from_str(CREDENTIALS)?;
        client["scopes"] = SCOPES.split(' ').collect();
        let address = free_address()?;
        let mut command = command(&server_binary()?, folder, "server.log")?;
        command.env("DATA_DIR", folder.join("data")).env("HOST", address.ip().to_string());
        command.envs(store);
        command.env("PORT", address.port().to_string()).env("JWT_CLIENTS_JSON", json!([client]).to_string());
        Ok(Self { child: command.spawn()?, address })
    }

    fn baseline(folder: &Path, answer: &str) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = command(&env::current_exe()?, folder, "baseline.log")?;
        command.args(["--baseline", &address.port().to_string()]).env("BASELINE_ANSWER", answer);
        Ok(Self { child: command.spawn()?, address })
    }

    /// Waits until a request for the path is answered, with any status but 503.
    async fn wait_for(&self, path: &str) -> anyhow::Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
        for _ in 0..1_000 {
            let answer = exchange(&mut None, self.address, request.as_bytes()).await;
            if answer.is_ok_and(|answer| answer.status != 503) {
                return Ok(());
            }
            sleep(Duration::from_millis(10)).await;
        }
        bail!("{path} is not answered within 10 s")
    }

    fn cpu_time(&self) -> anyhow::Result<Duration> {
        cpu_time(&self.child.id().to_string())
    }

    /// The most memory it has held, in megabytes.
    fn peak_memory(&self) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the process has ended")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Either fails only for a process that has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn server_binary() -> anyhow::Result<PathBuf> {
    let binary = PathBuf::from(env::var_os("IDENTIVIA_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_identivia").into()));
    fs::canonicalize(&binary).with_context(|| format!("no server at {}", binary.display()))
}

/// A clean environment and a folder of its own: neither a developer's variables nor a `.env` may change the figures.
fn command(binary: &Path, folder: &Path, log: &str) -> io::Result<Command> {
    let log = fs::File::create(folder.join(log))?;
    let mut command = Command::new(binary);
    command.env_clear().current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.env("JWT_SECRET", SECRET).env("JWT_ISSUER", ISSUER).env("JWT_AUDIENCE", AUDIENCE);
    Ok(command)
}

fn server_log(folder: &Path) -> String {
    format!("the server said: {}", fs::read_to_string(folder.join("server.log")).unwrap_or_default())
}

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Processor time of a process so far, user and system (proc(5), fields 14 and 15 of `stat`, in ticks of 10 ms).
fn cpu_time(process: &str) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(PathBuf::from("/proc").join(process).join("stat"))?;
    // Field 2 is the program's name in brackets and may itself hold spaces; field 3 follows the last bracket.
    let (_, fields) = stat.rsplit_once(") ").context("unexpected form of /proc/<pid>/stat")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

// The baseline

struct Baseline {
    key: DecodingKey,
    validation: Validation,
    answer: Value,
}

async fn serve_baseline(port: u16) -> anyhow::Result<()> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[env::var("JWT_ISSUER")?]);
    validation.set_audience(&[env::var("JWT_AUDIENCE")?]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    let baseline = Baseline {
        key: DecodingKey::from_secret(env::var("JWT_SECRET")?.as_bytes()),
        validation,
        answer: serde_json::from_str(&env::var("BASELINE_ANSWER")?)?,
    };
    let router = Router::new().route("/api/profiles/{id}", get(answer_with_token)).with_state(Arc::new(baseline));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    Ok(axum::serve(listener, router).await?)
}

async fn answer_with_token(State(baseline): State<Arc<Baseline>>, headers: HeaderMap) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let verified = token.map(|token| jsonwebtoken::decode::<Value>(token, &baseline.key, &baseline.validation));
    match verified {
        Some(Ok(_)) => Json(&baseline.answer).into_response(),
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}
