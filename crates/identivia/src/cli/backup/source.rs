//! The stores of the configuration, opened beside a running server.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use crate::config::{Config, FileLocation, RecordLocation};
use crate::files::bucket::{BucketTimeouts, S3Bucket};
use crate::files::folder::FileFolder;
use crate::files::{FileBackend, FilesError};
use crate::store::Store;
use crate::store::postgres::Postgres;
use crate::store::sqlite::Sqlite;

/// The records and files of a server, opened beside it.
pub(super) struct ServerStores {
    pub(super) store: Arc<dyn Store>,
    pub(super) backend: Arc<dyn FileBackend>,
}

impl ServerStores {
    /// Opens the stores. Migrates nothing and creates nothing. `None` where PocketBase stores everything.
    pub(super) async fn open(config: &Config) -> anyhow::Result<Option<Self>> {
        let store: Arc<dyn Store> = match &config.records {
            RecordLocation::Sqlite => Arc::new(Sqlite::open_beside_server(&config.data_dir).context("DATA_DIR")?),
            RecordLocation::Postgres { url, .. } => {
                Arc::new(Postgres::open_beside_server(url).await.context("DATABASE_URL")?)
            }
            RecordLocation::PocketBase(_) => return Ok(None),
        };
        let backend = open_file_backend(config).await?;
        Ok(Some(Self { store, backend }))
    }
}

/// Opens the place of files, and creates nothing there.
pub(super) async fn open_file_backend(config: &Config) -> anyhow::Result<Arc<dyn FileBackend>> {
    match &config.files {
        FileLocation::Folder => Ok(Arc::new(FileFolder::open_to_read(&config.data_dir.join("files")))),
        FileLocation::Bucket(at) => {
            let bucket: Result<S3Bucket, FilesError> =
                S3Bucket::open(at, &scratch_folder(&config.data_dir), BucketTimeouts::default()).await;
            Ok(Arc::new(bucket.with_context(|| format!("FILES_URL: cannot use {at}"))?))
        }
    }
}

fn scratch_folder(data_dir: &Path) -> std::path::PathBuf {
    if data_dir.is_dir() { data_dir.to_owned() } else { std::env::temp_dir() }
}
