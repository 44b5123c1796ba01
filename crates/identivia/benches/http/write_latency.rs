//! How long writes take at worst, on SQLite: alone, beside a reader that keeps a transaction open, and beside copies that
//! `identivia backup` or another program makes.
//!
//! What the disk itself does is measured first: a file of the log's size is overwritten and synced again and again.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use identivia::store::sqlite::{CopyPace, copy_database};
use rusqlite::{Connection as Database, OpenFlags};
use tokio::task::spawn_blocking;

use crate::load::Loads;
use crate::measure::measure;
use crate::process::Process;

/// The log is copied from this length, so its file is about that long.
const LOG_BYTES: usize = 4 * 1024 * 1024;
/// About what one commit of a busy server writes.
const COMMIT_BYTES: usize = 64 * 1024;
const PROFILES_FIRST: Duration = Duration::from_secs(5);
/// How long the disk has between two measurements, to take back the space of the copies.
const SETTLING_TIME: Duration = Duration::from_secs(5);
/// The longest p99 in milliseconds, for each number of connections.
const AIMS: [(usize, f64); 2] = [(16, 15.0), (64, 30.0)];
/// The longest write, as a multiple of the disk's own longest.
const LONGEST_OF_DISK: f64 = 3.0;

/// What else uses the database meanwhile.
#[derive(Clone, Copy)]
enum Companion {
    Nothing,
    OpenTransaction,
    Backup,
    OtherCopy,
}

const COMPANIONS: [(&str, Companion); 4] = [
    ("writes alone", Companion::Nothing),
    ("beside a reader of the whole time", Companion::OpenTransaction),
    ("beside backups", Companion::Backup),
    ("beside VACUUM INTO", Companion::OtherCopy),
];

/// Prints p50, p99 and the longest time of a create for each companion and number of connections.
pub(crate) async fn measure_write_latency(parent: &Path, length: Duration) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(parent)?;
    let path = folder.path().join("overwritten");
    let disk = spawn_blocking(move || measure_overwrites(&path, length)).await??;
    println!("{:<36}{:>5}{:>10}{:>9}{:>9}{:>9}", "ms", "conns", "writes/s", "p50", "p99", "longest");
    println!("{:<36}{:>5}{:>10}{:>9}{:>9}{:>9.1}", "a file overwritten and synced", "", "", "", "", disk);
    let server = Process::start_server(folder.path(), &std::collections::BTreeMap::new()).await?;
    let loads = Loads::prepare(server.address).await?;
    measure(&server, &loads.create, 64, PROFILES_FIRST).await?;
    let database = folder.path().join("data/identivia.db");
    for (name, companion) in COMPANIONS {
        for (connections, aim) in AIMS {
            let database = database.clone();
            // Removed only after the measurement: the disk is busy for as long as it takes back so much space.
            let copies = tempfile::tempdir_in(folder.path())?;
            let copies_path = copies.path().to_owned();
            let until = Instant::now() + length;
            let beside = spawn_blocking(move || run_companion(companion, &database, &copies_path, until));
            let figures = measure(&server, &loads.create, connections, length).await?;
            beside.await??;
            let is_met = figures.p99 <= aim && figures.longest <= LONGEST_OF_DISK * disk;
            println!(
                "{name:<36}{connections:>5}{:>10.0}{:>9.1}{:>9.1}{:>9.1}   aim p99 <= {aim:.0}, longest <= {:.0}   {}",
                figures.rate,
                figures.p50,
                figures.p99,
                figures.longest,
                LONGEST_OF_DISK * disk,
                if is_met { "ok" } else { "MISSED" },
            );
            drop(copies);
            tokio::time::sleep(SETTLING_TIME).await;
        }
    }
    Ok(())
}

/// Overwrites and syncs a file of the log's size in turn, and returns the longest time in milliseconds.
fn measure_overwrites(path: &Path, length: Duration) -> anyhow::Result<f64> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
    let bytes = vec![7; COMMIT_BYTES];
    for offset in (0..LOG_BYTES).step_by(COMMIT_BYTES) {
        file.write_all_at(&bytes, offset as u64)?;
    }
    file.sync_all()?;
    let (begun, mut longest) = (Instant::now(), Duration::ZERO);
    for offset in (0..LOG_BYTES).step_by(COMMIT_BYTES).cycle() {
        if begun.elapsed() >= length {
            break;
        }
        longest = longest.max(time_overwrite(&file, &bytes, offset as u64)?);
    }
    Ok(longest.as_secs_f64() * 1e3)
}

fn time_overwrite(file: &File, bytes: &[u8], offset: u64) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    file.write_all_at(bytes, offset)?;
    file.sync_data()?;
    Ok(begun.elapsed())
}

fn run_companion(companion: Companion, database: &Path, copies: &Path, until: Instant) -> anyhow::Result<()> {
    let mut names = (0..).map(|number| copies.join(format!("{number}.db")));
    let mut name_copy = || names.next().context("no name is left");
    let open = || Database::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY);
    match companion {
        Companion::Nothing => {}
        Companion::OpenTransaction => {
            let reader = open()?;
            reader.execute_batch("begin; select count(*) from settings")?;
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
            reader.execute_batch("commit")?;
        }
        Companion::Backup => {
            while Instant::now() < until {
                copy_database(database, &name_copy()?, CopyPace::Considerate, |_, _| ())?;
            }
        }
        Companion::OtherCopy => {
            while Instant::now() < until {
                open()?.execute("vacuum into $1", [name_copy()?.to_string_lossy()])?;
            }
        }
    }
    Ok(())
}
