//! Where records and files live, as the configuration says: one place that knows them all.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use crate::clock::Clock;
use crate::config::{Config, FilesAt, RecordsAt};
use crate::files::bucket::{Bucket, Patience};
use crate::files::fields::Fields;
use crate::files::folder::Folder;
use crate::files::{Files, Place};
use crate::jobs::file_sweep::{AtStart, Sweeper};
use crate::store::pocketbase::PocketBase;
use crate::store::postgres::Postgres;
use crate::store::sqlite::Sqlite;
use crate::store::{Intents, Store};

/// An open store with its files.
pub struct House {
    pub store: Arc<dyn Store>,
    pub files: Arc<Files>,
    pub sweeper: Sweeper,
    pub at_start: AtStart,
    /// The PocketBase that it all is in, if so.
    pub pocketbase: Option<Arc<PocketBase>>,
}

/// Records, opened.
struct Records {
    store: Arc<dyn Store>,
    intents: Option<Arc<dyn Intents>>,
    at_start: AtStart,
    pocketbase: Option<Arc<PocketBase>>,
}

impl House {
    /// Opens what the configuration names. `secret` is the one that servers which share records share.
    ///
    /// # Errors
    /// One line that names the setting to change.
    pub async fn open(config: &Config, secret: &[u8], clock: &Clock) -> anyhow::Result<Self> {
        let Records { store, intents, mut at_start, pocketbase } = open_records(config, secret, clock).await?;
        let place = open_place(config, pocketbase.as_ref()).await?;
        if place.arrives_late() {
            // What a killed process has sent may be on its way, and would come after the sweep.
            at_start = AtStart::Old;
        }
        let (files, sweeper) = Files::new(place, intents, &config.data_dir, clock.clone());
        Ok(Self { store, files, sweeper, at_start, pocketbase })
    }
}

async fn open_records(config: &Config, secret: &[u8], clock: &Clock) -> anyhow::Result<Records> {
    match &config.records {
        RecordsAt::Sqlite => {
            let records = Sqlite::open(&config.data_dir)
                .with_context(|| format!("DATA_DIR: cannot open the database in {}", config.data_dir.display()))?;
            let records = Arc::new(records);
            Ok(Records { store: records.clone(), intents: Some(records), at_start: AtStart::All, pocketbase: None })
        }
        RecordsAt::Postgres(url) => {
            let records = Postgres::open(url, config.database_connections).await.context("DATABASE_URL")?;
            let records = Arc::new(records);
            Ok(Records { store: records.clone(), intents: Some(records), at_start: AtStart::Old, pocketbase: None })
        }
        RecordsAt::PocketBase(account) => {
            let pocketbase = Arc::new(PocketBase::new(account.clone(), secret, clock.clone())?);
            report_complaints(&pocketbase).await;
            Ok(Records {
                store: pocketbase.clone(),
                intents: None,
                at_start: AtStart::All,
                pocketbase: Some(pocketbase),
            })
        }
    }
}

/// A PocketBase that does not answer yet is no reason not to start: it may come later than we do.
async fn report_complaints(pocketbase: &PocketBase) {
    match pocketbase.complaints().await {
        Ok(complaints) => {
            for complaint in complaints {
                tracing::warn!("PocketBase: {complaint}");
            }
        }
        Err(error) => {
            tracing::warn!(%error, "PocketBase cannot be looked at now; requests are refused until it answers");
        }
    }
}

async fn open_place(config: &Config, pocketbase: Option<&Arc<PocketBase>>) -> anyhow::Result<Arc<dyn Place>> {
    match (&config.files, pocketbase) {
        (_, Some(pocketbase)) => Ok(Arc::new(Fields::new(pocketbase.clone(), &config.data_dir))),
        (FilesAt::Folder, None) => Ok(Arc::new(open_folder(&config.data_dir)?)),
        (FilesAt::Bucket(at), None) => {
            let bucket = Bucket::open(at, &config.data_dir, Patience::default()).await;
            Ok(Arc::new(bucket.with_context(|| format!("FILES_URL: cannot keep files in {at}"))?))
        }
    }
}

fn open_folder(data_dir: &Path) -> anyhow::Result<Folder> {
    Folder::open(&data_dir.join("files"))
        .with_context(|| format!("DATA_DIR: cannot make the folder of files in {}", data_dir.display()))
}
