//! Two versions of the server, measured in turn. What else the machine does falls on both, so the ratio of each pair says
//! more than two figures from two runs.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::load::{Load, Loads};
use crate::measure::measure;
use crate::process::Process;
use crate::server_binary::find_server_binary;
use crate::store::BenchStore;

const PAIRS: usize = 9;
const CONNECTIONS: usize = 64;

/// Chooses one kind of request.
type LoadOf = fn(&Loads) -> &Arc<Load>;

/// A version that runs, with the profiles that the requests need.
struct Version {
    server: Process,
    loads: Loads,
    _store: BenchStore,
    _folder: TempDir,
}

impl Version {
    async fn start(binary: &Path, parent: &Path) -> anyhow::Result<Self> {
        let (store, folder) = (BenchStore::start(parent)?, tempfile::tempdir_in(parent)?);
        let server = Process::start_binary(binary, folder.path(), &store.variables).await?;
        let loads = Loads::prepare(server.address).await?;
        Ok(Self { server, loads, _store: store, _folder: folder })
    }

    /// Microseconds of processor time for a request.
    async fn measure_cpu(&self, load: &Arc<Load>, length: Duration) -> anyhow::Result<f64> {
        let figures = measure(&self.server, load, CONNECTIONS, length).await?;
        ensure!(figures.errors.is_empty(), "requests failed: {:?}", figures.errors);
        Ok(figures.cpu)
    }
}

/// Prints a line for each kind of request: the medians of both versions, and the median of the pairs' ratios.
pub(crate) async fn compare_versions(other: &Path, parent: &Path, length: Duration) -> anyhow::Result<()> {
    let other = fs::canonicalize(other).with_context(|| format!("no server at {}", other.display()))?;
    let this = Version::start(&find_server_binary()?, parent).await?;
    let other = Version::start(&other, parent).await?;
    println!(
        "{PAIRS} pairs, {CONNECTIONS} connections, {:.1} s each; µs of processor time per request\n",
        length.as_secs_f64()
    );
    println!("{:<36}{:>9}{:>9}{:>9}", "", "this", "other", "ratio");
    let rows: [(&str, LoadOf); 4] = [
        ("POST /api/auth/token", |loads| &loads.token),
        ("POST /api/profiles/create", |loads| &loads.create),
        ("GET /api/profiles/:id", |loads| &loads.read),
        ("POST /api/status_history/:id", |loads| &loads.status),
    ];
    for (name, load_of) in rows {
        let (mut these, mut others, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..PAIRS {
            let cpu = this.measure_cpu(load_of(&this.loads), length).await.context(name)?;
            let other_cpu = other.measure_cpu(load_of(&other.loads), length).await.context(name)?;
            these.push(cpu);
            others.push(other_cpu);
            ratios.push(cpu / other_cpu);
        }
        println!("{name:<36}{:>9.0}{:>9.0}{:>9.2}", median(these), median(others), median(ratios));
    }
    Ok(())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
