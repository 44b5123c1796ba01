//! Measures one kind of request over some connections: rate, latency, processor time and errors.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use crate::connection::{Answer, Connection};
use crate::load::{Load, LoadRequests};
use crate::process::{Process, read_cpu_time};

pub(crate) const WARM_UP: Duration = Duration::from_millis(500);
/// How long requests under way may take to end once a measurement is over.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Figures {
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
    /// Milliseconds.
    pub(crate) longest: f64,
    /// Microseconds of processor time per request.
    pub(crate) cpu: f64,
    /// The load generator's use of one core.
    pub(crate) generator: f64,
    /// Megabytes.
    pub(crate) peak: f64,
    pub(crate) errors: BTreeMap<String, u64>,
}

/// What counts: the requests that are answered between two moments.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) start: Instant,
    pub(crate) end: Instant,
}

#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) latencies: Vec<Duration>,
    errors: BTreeMap<String, u64>,
}

pub(crate) async fn measure(
    process: &Process,
    load: &Arc<Load>,
    connections: usize,
    length: Duration,
) -> anyhow::Result<Figures> {
    let start = Instant::now() + WARM_UP;
    let window = Window { start, end: start + length };
    let mut drivers = JoinSet::new();
    for driver in 0..connections {
        drivers.spawn(drive_connection(process.address, Arc::clone(load), driver, window));
    }
    sleep_until(window.start.into()).await;
    let (opened, cpu, own) = (Instant::now(), process.cpu_time()?, read_cpu_time("self")?);
    sleep_until(window.end.into()).await;
    let (cpu, own, elapsed) = (process.cpu_time()? - cpu, read_cpu_time("self")? - own, opened.elapsed());
    let tallies = timeout(ANSWER_DEADLINE, drivers.join_all()).await.context("requests that are never answered")?;
    let tally = tallies.into_iter().fold(Tally::default(), Tally::merge);
    compute_figures(tally, length, cpu, own.as_secs_f64() / elapsed.as_secs_f64(), process.peak_memory()?)
}

pub(crate) fn compute_figures(
    tally: Tally,
    length: Duration,
    cpu: Duration,
    generator: f64,
    peak: f64,
) -> anyhow::Result<Figures> {
    let Tally { mut latencies, errors } = tally;
    ensure!(!latencies.is_empty(), "no request was answered within {length:?}: {errors:?}");
    latencies.sort_unstable();
    let count = f64::from(u32::try_from(latencies.len())?);
    let percentile = |percent: usize| latencies[(latencies.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    Ok(Figures {
        rate: count / length.as_secs_f64(),
        p50: percentile(50),
        p99: percentile(99),
        longest: percentile(100),
        cpu: cpu.as_secs_f64() * 1e6 / count,
        generator,
        peak,
        errors,
    })
}

impl Tally {
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.latencies.extend(other.latencies);
        for (error, count) in other.errors {
            *self.errors.entry(error).or_default() += count;
        }
        self
    }
}

/// Sends requests over one connection, each when the last is answered, until the window closes.
async fn drive_connection(address: SocketAddr, load: Arc<Load>, driver: usize, window: Window) -> Tally {
    let mut tally = Tally::default();
    let mut requests = LoadRequests::for_driver(&load, driver);
    let mut connection = None;
    while Instant::now() < window.end {
        let request = requests.next();
        let sent = Instant::now();
        let outcome = exchange_over(&mut connection, address, request).await;
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
                *tally.errors.entry(describe_failure(failed)).or_default() += 1;
                connection = None;
                // A server that is gone refuses connections faster than anything answers them.
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
    tally
}

pub(crate) fn describe_failure(failed: io::Result<Answer>) -> String {
    match failed {
        Ok(answer) => format!("status {}: {}", answer.status, String::from_utf8_lossy(&answer.body)),
        Err(error) => error.to_string(),
    }
}

pub(crate) async fn exchange_over(
    connection: &mut Option<Connection>,
    address: SocketAddr,
    request: &[u8],
) -> io::Result<Answer> {
    let connection = match connection {
        Some(open) => open,
        None => connection.insert(Connection::open(address).await?),
    };
    connection.exchange(request).await
}
