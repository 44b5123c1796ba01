//! The table of the benchmark: a line for each kind of request and number of connections.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;

use crate::direct_queries::{DirectQueries, DirectQuery};
use crate::load::Load;
use crate::measure::{Figures, measure};
use crate::process::Process;

const CONNECTIONS: [usize; 3] = [1, 16, 64];

/// Requests per second, one figure for each of [`CONNECTIONS`].
pub(crate) type Rates = [f64; CONNECTIONS.len()];

pub(crate) struct Table {
    length: Duration,
    pub(crate) base: Rates,
    pub(crate) errors: u64,
}

impl Table {
    pub(crate) fn new(length: Duration) -> Self {
        let cores = thread::available_parallelism().map_or(0, NonZero::get);
        println!("{cores} cores, {:.1} s a line; p50 and p99 in ms, cpu/req in µs, peak in MB\n", length.as_secs_f64());
        println!(
            "{:<36}{:>5}{:>10}{:>9}{:>9}{:>9}{:>9}{:>7}{:>8}{:>7}",
            "", "conns", "req/s", "p50", "p99", "of base", "cpu/req", "gen", "errors", "peak"
        );
        Self { length, base: [f64::NAN; 3], errors: 0 }
    }

    /// Measures one kind of request and prints a line for each number of connections.
    pub(crate) async fn measure_row(
        &mut self,
        name: &str,
        process: &Process,
        load: &Arc<Load>,
    ) -> anyhow::Result<Rates> {
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
    pub(crate) async fn measure_direct_rows(&mut self, url: &str) -> anyhow::Result<(Rates, Rates)> {
        let database = DirectQueries::open(url).await?;
        let select = self.measure_direct_row("pooled select of a profile", &database, DirectQuery::Select).await?;
        let insert = self.measure_direct_row("pooled insert of a profile", &database, DirectQuery::Insert).await?;
        Ok((select, insert))
    }

    async fn measure_direct_row(
        &mut self,
        name: &str,
        database: &Arc<DirectQueries>,
        work: DirectQuery,
    ) -> anyhow::Result<Rates> {
        let mut rates = [0.0; CONNECTIONS.len()];
        for (column, connections) in CONNECTIONS.into_iter().enumerate() {
            let figures = database.measure(work, connections, self.length).await.with_context(|| name.to_owned())?;
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
