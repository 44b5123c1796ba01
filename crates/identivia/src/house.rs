//! Where records and files live, as the configuration says: one place that knows them all.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use crate::clock::Clock;
use crate::config::{Config, FilesAt, RecordsAt};
use crate::files::folder::Folder;
use crate::files::{AtStart, Files, Place, Sweeper};
use crate::store::postgres::Postgres;
use crate::store::sqlite::Sqlite;
use crate::store::{Intents, Store};

/// An open store with its files.
pub struct House {
    pub store: Arc<dyn Store>,
    pub files: Arc<Files>,
    pub sweeper: Sweeper,
    pub at_start: AtStart,
}

impl House {
    /// Opens what the configuration names.
    ///
    /// # Errors
    /// One line that names the setting to change.
    pub async fn open(config: &Config, clock: &Clock) -> anyhow::Result<Self> {
        let (store, intents, at_start) = open_records(config).await?;
        let place = open_place(config).await?;
        let (files, sweeper) = Files::new(place, intents, &config.data_dir, clock.clone());
        Ok(Self { store, files, sweeper, at_start })
    }
}

type OpenRecords = (Arc<dyn Store>, Option<Arc<dyn Intents>>, AtStart);

async fn open_records(config: &Config) -> anyhow::Result<OpenRecords> {
    match &config.records {
        RecordsAt::Sqlite => {
            let records = Sqlite::open(&config.data_dir)
                .with_context(|| format!("DATA_DIR: cannot open the database in {}", config.data_dir.display()))?;
            let records = Arc::new(records);
            Ok((records.clone(), Some(records), AtStart::All))
        }
        RecordsAt::Postgres(url) => {
            let records = Postgres::open(url, config.database_connections).await.context("DATABASE_URL")?;
            let records = Arc::new(records);
            Ok((records.clone(), Some(records), AtStart::Old))
        }
    }
}

async fn open_place(config: &Config) -> anyhow::Result<Arc<dyn Place>> {
    match &config.files {
        FilesAt::Folder => Ok(Arc::new(open_folder(&config.data_dir)?)),
    }
}

fn open_folder(data_dir: &Path) -> anyhow::Result<Folder> {
    Folder::open(&data_dir.join("files"))
        .with_context(|| format!("DATA_DIR: cannot make the folder of files in {}", data_dir.display()))
}
