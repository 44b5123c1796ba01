//! Figures that are read when Prometheus asks: engines, database pool, files, disk, process and build. And every counter at 0,
//! so that an alert sees the first event.

mod process_figures;
mod zero_counters;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use tokio::sync::watch;

use crate::app::App;
use crate::domain::outbox::API_VERSION;
use crate::jobs::interval::wait_for_next_round;
use crate::providers::local_engines::LocalEngines;
use crate::records::RecordKind;
use crate::store::{Query, Store};

pub use zero_counters::register_counters;

/// How often intents of files are counted, and how many at most.
const COUNT_INTERVAL: Duration = Duration::from_secs(15);
const MAX_COUNTED: usize = 1_000;

/// What the figures are read from.
pub struct FigureSources {
    pub app: Arc<App>,
    pub engines: Arc<LocalEngines>,
    pub data_dir: PathBuf,
}

impl FigureSources {
    /// Sets every figure to what it is now.
    pub fn refresh_figures(&self) {
        gauge!("identivia_build_info", "version" => env!("CARGO_PKG_VERSION"), "api_version" => API_VERSION).set(1.0);
        let engines = self.engines.usage();
        gauge!("identivia_engine_slots").set(f64::from(engines.capacity));
        gauge!("identivia_engine_slots_used").set(f64::from(engines.in_use));
        gauge!("identivia_engine_waiting").set(engines.waiting as f64);
        if let Some(pool) = self.app.store.pool_usage() {
            gauge!("identivia_database_connections_limit").set(pool.limit as f64);
            gauge!("identivia_database_connections_used").set(pool.in_use as f64);
        }
        self.refresh_disk_figures();
        process_figures::refresh_process_figures();
    }

    fn refresh_disk_figures(&self) {
        let log_bytes = std::fs::metadata(self.data_dir.join("identivia.db-wal")).map_or(0, |found| found.len());
        gauge!("identivia_wal_bytes").set(log_bytes as f64);
        if let Ok(disk) = rustix::fs::statvfs(&self.data_dir) {
            gauge!("identivia_disk_free_bytes").set(disk.f_bavail as f64 * disk.f_frsize as f64);
            gauge!("identivia_disk_bytes").set(disk.f_blocks as f64 * disk.f_frsize as f64);
        }
    }
}

/// Counts the intents of files again and again, until `stop` becomes true.
pub fn start_counting_intents(store: Arc<dyn Store>, mut stop: watch::Receiver<bool>) {
    tokio::spawn(async move {
        loop {
            // While the store does not answer the last figure stays.
            let intents = Query { keys_only: true, ..Query::of_kind(RecordKind::FileIntents).limited(MAX_COUNTED) };
            if let Ok(found) = store.read(intents).await {
                gauge!("identivia_file_intents").set(found.len() as f64);
            }
            if !wait_for_next_round(COUNT_INTERVAL, &mut stop).await {
                return;
            }
        }
    });
}
