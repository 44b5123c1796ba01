//! Requests per second of the server over real sockets, measured against a bare route on the same machine: `make bench`.
//!
//! Every line is one kind of request over so many keep-alive connections, each of which sends its next request when the
//! last one is answered. Read a line as follows:
//!
//! - `of base`: the rate as a share of the baseline's at the same number of connections. The baseline is a second process
//!   with one plain axum route that verifies the same token and answers the same JSON from memory. This is the column to
//!   compare; rates alone say as much about the machine. Only ratios within one run mean anything: the last row but
//!   one measures the baseline again, and how far it is from 100 % is how much the machine itself wavered meanwhile.
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
//! `BENCH_AGAINST` names the binary of another version: then each kind of request is measured on both in turn, and the line
//! is the ratio of their processor times.
//!
//! `BENCH_WRITES=1` measures instead how long writes take at worst, and what a reader or a copy of the database adds.
//!
//! `BENCH_MEMORY=1` measures instead how much memory many large uploads take, and how much the server gives back.
//!
//! `BENCH_VERIFICATIONS=1` measures only how much processor time whole verifications take, the last rows of the table.
//!
//! `BENCH_SECONDS` is the length of each measurement (3), after half a second of warm-up. `IDENTIVIA_BIN` names another
//! server binary. A missed aim is printed and no failure; a request that fails is one.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

#[path = "http/baseline.rs"]
mod baseline;
#[path = "http/call_counter.rs"]
mod call_counter;
#[path = "http/comparison.rs"]
mod comparison;
#[path = "http/connection.rs"]
mod connection;
#[path = "http/direct_queries.rs"]
mod direct_queries;
#[path = "http/load.rs"]
mod load;
#[path = "http/measure.rs"]
mod measure;
#[path = "http/memory.rs"]
mod memory;
#[path = "http/process.rs"]
mod process;
#[path = "http/server_binary.rs"]
mod server_binary;
#[path = "http/store.rs"]
mod store;
#[path = "http/table.rs"]
mod table;
#[path = "http/verification.rs"]
mod verification;
#[path = "http/write_latency.rs"]
mod write_latency;

use std::path::Path;
use std::time::Duration;
use std::{env, fs, io};

use anyhow::{Context as _, bail, ensure};

use crate::baseline::serve_baseline;
use crate::call_counter::CallCounter;
use crate::comparison::compare_versions;
use crate::connection::Connection;
use crate::load::{Load, LoadRequests, Loads};
use crate::memory::measure_memory;
use crate::process::Process;
use crate::store::BenchStore;
use crate::table::Table;
use crate::verification::measure_verifications;
use crate::write_latency::measure_write_latency;

const CREDENTIALS: &str = r#"{"client_id":"bench","client_secret":"a client secret of the benchmark"}"#;

fn main() -> anyhow::Result<()> {
    if let Some(port) = env::args().skip_while(|argument| argument != "--baseline").nth(1) {
        return build_runtime()?.block_on(serve_baseline(port.parse()?));
    }
    let seconds = match env::var("BENCH_SECONDS") {
        Ok(text) => {
            text.parse().ok().filter(|seconds| *seconds > 0.0).context("BENCH_SECONDS is not a number above 0")?
        }
        Err(_) => 3.0,
    };
    build_runtime()?.block_on(async {
        tokio::select! {
            outcome = run_benchmark(Duration::from_secs_f64(seconds)) => outcome,
            // Returning, unlike dying of the signal, ends the processes and removes the folder.
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        }
    })
}

fn build_runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

async fn run_benchmark(length: Duration) -> anyhow::Result<()> {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(parent)?;
    if let Some(other) = env::var_os("BENCH_AGAINST") {
        return compare_versions(Path::new(&other), parent, length).await;
    }
    if env::var_os("BENCH_WRITES").is_some() {
        return measure_write_latency(parent, length).await;
    }
    if env::var_os("BENCH_VERIFICATIONS").is_some() {
        return measure_verifications(parent).await;
    }
    if env::var_os("BENCH_MEMORY").is_some() {
        return measure_memory(parent).await;
    }
    let store = BenchStore::start(parent)?;
    let folder = tempfile::tempdir_in(parent)?;
    let server = Process::start_server(folder.path(), &store.variables).await?;
    let loads = Loads::prepare(server.address).await?;
    let baseline = Process::start_baseline(folder.path(), &loads.profile_answer)?;
    baseline.wait_for("/").await?;

    let mut table = Table::new(length);
    let base = table.measure_row("baseline: verify token", &baseline, &loads.read).await?;
    table.base = base;
    let token = table.measure_row("POST /api/auth/token", &server, &loads.token).await?;
    let create = table.measure_row("POST /api/profiles/create", &server, &loads.create).await?;
    let read = table.measure_row("GET /api/profiles/:id", &server, &loads.read).await?;
    table.measure_row("POST /api/status_history/:id", &server, &loads.status).await?;
    let raw = match store.variables.get("DATABASE_URL") {
        Some(url) => Some(table.measure_direct_rows(url).await?),
        None => None,
    };
    let again = table.measure_row("baseline again", &baseline, &loads.read).await?;
    // The last, because the checks of its records go on in the background.
    table.measure_row("POST /api/verification_history/:id", &server, &loads.verification).await?;
    let calls = match store.variables.get("POCKETBASE_URL") {
        Some(url) => Some(count_pocketbase_calls(url, &store, &loads, parent).await?),
        None => None,
    };

    let wavered = again[2] / base[2];
    if !(0.9..=1.1).contains(&wavered) {
        println!("\nthe baseline itself came to {:.0} % of what it was: measure on a quieter machine", wavered * 100.0);
    }
    println!("\naims");
    print_least_aim("POST /api/auth/token, share of the baseline at 64 connections", token[2] / base[2], 0.8);
    if let Some((read, create)) = calls {
        print_most_aim("GET /api/profiles/:id, calls to PocketBase", read, 2.0);
        print_most_aim("POST /api/profiles/create (a new one), calls to PocketBase", create, 1.0);
    } else if let Some((select, insert)) = raw {
        print_least_aim("GET /api/profiles/:id, share of the pooled select at 64", read[2] / select[2], 0.35);
        print_least_aim("POST /api/profiles/create, share of the pooled insert at 64", create[2] / insert[2], 0.45);
    } else {
        print_least_aim("GET /api/profiles/:id, share of the baseline at 64 connections", read[2] / base[2], 0.5);
        print_least_aim("group commit, creates over 64 connections to one", create[2] / create[0], 5.0);
    }
    ensure!(table.errors == 0, "{} requests failed", table.errors);
    measure_verifications(parent).await
}

fn print_least_aim(name: &str, reached: f64, aim: f64) {
    let verdict = if reached >= aim { "ok" } else { "MISSED" };
    println!("  {name:<64}{reached:>7.2}   aim >= {aim:.2}   {verdict}");
}

fn print_most_aim(name: &str, reached: f64, aim: f64) {
    let verdict = if reached <= aim { "ok" } else { "MISSED" };
    println!("  {name:<64}{reached:>7.2}   aim <= {aim:.2}   {verdict}");
}

/// How often PocketBase is called for a read of a profile and for a new one.
async fn count_pocketbase_calls(
    url: &str,
    store: &BenchStore,
    loads: &Loads,
    parent: &Path,
) -> anyhow::Result<(f64, f64)> {
    let calls = CallCounter::start(url).await?;
    let mut variables = store.variables.clone();
    variables.insert("POCKETBASE_URL".to_owned(), calls.url());
    let folder = tempfile::tempdir_in(parent)?;
    let server = Process::start_server(folder.path(), &variables).await?;
    let read = count_calls_per_request(&calls, &server, &loads.read).await?;
    Ok((read, count_calls_per_request(&calls, &server, &loads.create).await?))
}

async fn count_calls_per_request(calls: &CallCounter, server: &Process, load: &Load) -> anyhow::Result<f64> {
    const REQUESTS: u32 = 20;
    let mut connection = Connection::open(server.address).await?;
    let mut requests = LoadRequests::for_driver(load, 0);
    connection.expect(load.expected, requests.next()).await?; // The first may find something out for all that follow.
    let before = calls.count();
    for _ in 0..REQUESTS {
        connection.expect(load.expected, requests.next()).await?;
    }
    Ok(f64::from(u32::try_from(calls.count() - before)?) / f64::from(REQUESTS))
}
