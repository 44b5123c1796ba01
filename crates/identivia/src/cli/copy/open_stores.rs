//! Opens the two stores of a copy, as the command line names them.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::clock::Clock;
use crate::config::{BucketLocation, Settings};
use crate::files::bucket::{BucketTimeouts, S3Bucket};
use crate::files::folder::FileFolder;
use crate::files::pocketbase_fields::PocketBaseFields;
use crate::files::store_marker::{StoreAcceptance, establish_marker, refuse_foreign_store};
use crate::files::{FileBackend, Files};
use crate::first_run::lock_data_dir;
use crate::jobs::file_sweep::{SweepAtStart, start_file_sweep};
use crate::store::Store;
use crate::store::pocketbase::{Account, PocketBase};
use crate::store::postgres::{self, CopyLock, Postgres};
use crate::store::sqlite::Sqlite;
use crate::work::cpu_ledger::CpuLedger;

/// Connections to a PostgreSQL that is copied to.
const CONNECTIONS: u32 = 4;

/// Where one end is.
pub struct StoreAddress {
    records: RecordAddress,
    /// `None` where files are within the records.
    files: Option<FileAddress>,
}

/// Where files are that are not within the records.
enum FileAddress {
    Folder(PathBuf),
    Bucket(Box<BucketLocation>),
}

impl FileAddress {
    fn parse(files: Option<&str>, settings: &Settings) -> anyhow::Result<Self> {
        match files {
            Some(files) if files.starts_with("s3://") => Ok(Self::Bucket(Box::new(settings.read_bucket(files)?))),
            Some(files) => match files.strip_prefix("file:").filter(|folder| !folder.is_empty()) {
                Some(folder) => Ok(Self::Folder(PathBuf::from(folder))),
                None => bail!("its files must be at file:FOLDER or s3://BUCKET/PREFIX"),
            },
            None => bail!(
                "PostgreSQL holds no files; say where they are with --from-files or --to-files, file:FOLDER or \
                 s3://BUCKET/PREFIX"
            ),
        }
    }

    async fn open_to_read(&self) -> anyhow::Result<Arc<dyn FileBackend>> {
        match self {
            Self::Folder(folder) => Ok(Arc::new(FileFolder::open_to_read(folder))),
            Self::Bucket(at) => open_bucket(at).await,
        }
    }

    async fn open(&self) -> anyhow::Result<Arc<dyn FileBackend>> {
        match self {
            Self::Folder(folder) => Ok(Arc::new(FileFolder::open(folder).context("its folder of files")?)),
            Self::Bucket(at) => open_bucket(at).await,
        }
    }
}

async fn open_bucket(at: &BucketLocation) -> anyhow::Result<Arc<dyn FileBackend>> {
    Ok(Arc::new(S3Bucket::open(at, &scratch_folder(), BucketTimeouts::default()).await.context("its bucket")?))
}

enum RecordAddress {
    /// In that data folder.
    Sqlite(PathBuf),
    Postgres(String),
    PocketBase(Account),
}

/// The side that is only read.
pub struct CopySource {
    pub store: Arc<dyn Store>,
    pub backend: Arc<dyn FileBackend>,
}

/// The side that is written.
pub struct CopyTarget {
    pub store: Arc<dyn Store>,
    pub backend: Arc<dyn FileBackend>,
    pub files: Arc<Files>,
    /// Keeps servers off the data folder, or other copies off the database.
    _held: HeldLock,
}

enum HeldLock {
    Nothing,
    Folder { _lock: File },
    Database { _lock: CopyLock },
}

impl StoreAddress {
    /// Reads a store as it is named on the command line.
    ///
    /// # Errors
    /// What to write instead. Nothing of a URL is part of the text: it may hold a password.
    pub fn parse(store: &str, files: Option<&str>, settings: &Settings) -> anyhow::Result<Self> {
        let (database, pocketbase) = settings.store_urls();
        let named = match store {
            "postgres" => Some(database.context("DATABASE_URL is not set")?),
            "pocketbase" => Some(pocketbase.context("POCKETBASE_URL is not set")?),
            _ => None,
        };
        let store = named.as_deref().unwrap_or(store);
        let is_url = |schemes: [&str; 2]| schemes.iter().any(|scheme| store.starts_with(scheme));
        if let Some(folder) = store.strip_prefix("sqlite:").filter(|folder| !folder.is_empty()) {
            refuse_files(files, "a data folder holds its files itself, in files/")?;
            let folder = PathBuf::from(folder);
            return Ok(Self {
                files: Some(FileAddress::Folder(folder.join("files"))),
                records: RecordAddress::Sqlite(folder),
            });
        }
        if is_url(["postgres://", "postgresql://"]) {
            settings.check_database_tls(store)?;
            return Ok(Self {
                records: RecordAddress::Postgres(store.to_owned()),
                files: Some(FileAddress::parse(files, settings)?),
            });
        }
        if is_url(["http://", "https://"]) {
            refuse_files(files, "PocketBase holds its files itself")?;
            return Ok(Self {
                records: RecordAddress::PocketBase(settings.read_pocketbase_account(store)?),
                files: None,
            });
        }
        bail!("must be sqlite:FOLDER, postgres, postgres://…, pocketbase or https://…")
    }

    /// Says whether two addresses lead to the same records.
    #[must_use]
    pub fn has_records_of(&self, other: &Self) -> bool {
        match (&self.records, &other.records) {
            (RecordAddress::Sqlite(one), RecordAddress::Sqlite(other)) => is_same_folder(one, other),
            (RecordAddress::Postgres(one), RecordAddress::Postgres(other)) => postgres::is_same(one, other),
            (RecordAddress::PocketBase(one), RecordAddress::PocketBase(other)) => {
                one.url.eq_ignore_ascii_case(&other.url)
            }
            _ => false,
        }
    }

    /// Says whether two addresses lead to the same files.
    #[must_use]
    pub fn has_files_of(&self, other: &Self) -> bool {
        match (&self.files, &other.files) {
            (Some(FileAddress::Folder(one)), Some(FileAddress::Folder(other))) => is_same_folder(one, other),
            (Some(FileAddress::Bucket(one)), Some(FileAddress::Bucket(other))) => one.to_string() == other.to_string(),
            _ => false,
        }
    }

    /// Says whether its records are in an SQL database.
    #[must_use]
    pub const fn is_sql(&self) -> bool {
        !matches!(self.records, RecordAddress::PocketBase(_))
    }

    /// Says whether files are stored there under the names that they come with.
    #[must_use]
    pub const fn keeps_names(&self) -> bool {
        self.files.is_some()
    }

    /// Opens the end so that nothing there can change.
    ///
    /// # Errors
    /// When it cannot be opened, or is of another version.
    pub async fn open_to_read(&self) -> anyhow::Result<CopySource> {
        let store: Arc<dyn Store> = match &self.records {
            RecordAddress::Sqlite(folder) => Arc::new(Sqlite::open_to_read(folder)?),
            RecordAddress::Postgres(url) => Arc::new(Postgres::open_to_read(url).await?),
            RecordAddress::PocketBase(account) => {
                let pocketbase = open_pocketbase(account)?;
                let backend = Arc::new(PocketBaseFields::new(pocketbase.clone(), &scratch_folder()));
                return Ok(CopySource { store: pocketbase, backend });
            }
        };
        let files = self.files.as_ref().context("nothing says where its files are")?;
        let backend = files.open_to_read().await?;
        refuse_foreign_store(store.as_ref(), backend.as_ref()).await?;
        Ok(CopySource { store, backend })
    }

    /// Opens the end to be written, makes what a first start would make, and removes what an interrupted copy has left.
    ///
    /// # Errors
    /// When it cannot be written now.
    pub async fn open(&self) -> anyhow::Result<CopyTarget> {
        let clock = Clock::default();
        let ledger = CpuLedger::new(clock.clone(), 1);
        match &self.records {
            RecordAddress::Sqlite(folder) => {
                let held =
                    HeldLock::Folder { _lock: lock_data_dir(folder).map_err(|error| anyhow::anyhow!(error.problem))? };
                let records = Arc::new(Sqlite::open(folder).context("its database cannot be opened")?);
                let backend: Arc<dyn FileBackend> = Arc::new(FileFolder::open(&folder.join("files"))?);
                establish_marker(records.as_ref(), backend.as_ref(), StoreAcceptance::TakeOver).await?;
                let files = Files::new(backend.clone(), Some(records.clone()), folder, clock, ledger);
                start_file_sweep(&files, SweepAtStart::All).await;
                Ok(CopyTarget { store: records, backend, files, _held: held })
            }
            RecordAddress::Postgres(url) => {
                let (records, lock) = Postgres::open_for_copy(url, CONNECTIONS).await?;
                let (records, held) = (Arc::new(records), HeldLock::Database { _lock: lock });
                let backend = self.files.as_ref().context("nothing says where its files are")?.open().await?;
                establish_marker(records.as_ref(), backend.as_ref(), StoreAcceptance::TakeOver).await?;
                let files = Files::new(backend.clone(), Some(records.clone()), &scratch_folder(), clock, ledger);
                start_file_sweep(&files, SweepAtStart::Old).await;
                Ok(CopyTarget { store: records, backend, files, _held: held })
            }
            RecordAddress::PocketBase(account) => {
                let pocketbase = open_pocketbase(account)?;
                refuse_incomplete_schema(&pocketbase).await?;
                let backend: Arc<dyn FileBackend> =
                    Arc::new(PocketBaseFields::new(pocketbase.clone(), &scratch_folder()));
                let files = Files::new(backend.clone(), None, &scratch_folder(), clock, ledger);
                Ok(CopyTarget { store: pocketbase, backend, files, _held: HeldLock::Nothing })
            }
        }
    }
}

/// Ids of new profiles are not ours to make here, so the secret that keys them is none.
fn open_pocketbase(account: &Account) -> anyhow::Result<Arc<PocketBase>> {
    Ok(Arc::new(PocketBase::new(account.clone(), &[], Clock::default())?))
}

/// What a field that is missing would hold is dropped by PocketBase without a word.
async fn refuse_incomplete_schema(pocketbase: &PocketBase) -> anyhow::Result<()> {
    let missing = pocketbase.list_missing_schema().await?.join(", ");
    if !missing.is_empty() {
        bail!("missing are {missing}; make them with: identivia pocketbase init");
    }
    Ok(())
}

/// Where files wait, nameless, until they are sent.
fn scratch_folder() -> PathBuf {
    std::env::temp_dir()
}

fn refuse_files(files: Option<&str>, why: &str) -> anyhow::Result<()> {
    match files {
        None => Ok(()),
        Some(_) => bail!("{why}; leave the option for files out"),
    }
}

/// By what the folder is and not by its name, of which it may have many. One that is not there yet is no other.
fn is_same_folder(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()));
    one == other || identity(one).is_some_and(|one| identity(other) == Some(one))
}
