//! The embedded default: SQLite in the data folder, WAL with `synchronous=FULL`, one writer, readers from a pool.

mod lists;
mod rows;
mod steps;
mod writer;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, ToSql, params, params_from_iter};

use super::{
    Collection, Created, FileIntent, OnlyIf, Page, PageRequest, Result, Setting, Store, StoreError, Written, sql,
};
use crate::domain::event::Event;
use crate::domain::id::RecordId;
use crate::domain::liveness::Session;
use crate::domain::profile::{NewProfile, Profile, ProfileChange, ProfileEntry, ProfileFilter, ProfileView, Reach};
use crate::domain::status::{self, StatusRecord};
use crate::domain::time::Millis;
use crate::domain::verification::{NewVerification, VerificationRecord};
use lists::{one_more, place, profiles_query};
use steps::{add_verification, change_rows, clear_intent, doom_replaced, use_session, writable};
use writer::{Writer, store_error};

const FILE: &str = "identivia.db";
const MIGRATIONS: &[(&str, &str)] = &[("0001_records", include_str!("../../migrations/sqlite/0001_records.sql"))];
/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements kept for each connection: more than there are statements.
const STATEMENTS: usize = 64;
/// How often the log is looked at, and the sizes from which it is copied into the database and cut back.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(250);
const CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;
const TRUNCATE_BYTES: u64 = 64 * 1024 * 1024;

/// A database file and the threads that serve it.
pub struct Sqlite {
    writer: Writer,
    readers: Arc<Readers>,
    /// Dropped with the store, which ends the checkpointing thread.
    _checkpoints: mpsc::Sender<()>,
}

impl Sqlite {
    /// Opens the database of a data folder, making and migrating it as needed.
    ///
    /// # Errors
    /// When the folder cannot be written or the file is no database of ours.
    pub fn open(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(FILE);
        // SQLite gives its log the mode of the database, so this keeps both from other users.
        OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // The log is copied into the database by a thread of its own: on the writer's it would hold up every caller.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        migrate(&connection)?;
        std::fs::File::open(data_dir)?.sync_all()?;
        let checkpoints = start_checkpoints(&path)?;
        let writer = Writer::start(connection)?;
        let readers = Arc::new(Readers { path, idle: Mutex::default() });
        Ok(Self { writer, readers, _checkpoints: checkpoints })
    }

    /// Reads by a key, on the calling thread: a few microseconds, less than handing it to another would take.
    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        self.readers.run(query).map_err(|error| store_error(&error))
    }

    /// Reads what may take long, off the async threads.
    async fn search<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let readers = self.readers.clone();
        match tokio::task::spawn_blocking(move || readers.run(query)).await {
            Ok(outcome) => outcome.map_err(|error| store_error(&error)),
            Err(error) => Err(StoreError::Failed(error.to_string())),
        }
    }
}

/// Reading connections: as many as have ever been needed at once, kept for the next reader.
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    fn run<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        let outcome = query(&connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        outcome
    }
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this SQLite prepares a statement anew when a bound value might change its plan.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn migrate(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("create table if not exists migrations (name text primary key)")?;
    for (name, text) in MIGRATIONS {
        let step = connection.unchecked_transaction()?;
        if step.execute("insert into migrations (name) values ($1) on conflict do nothing", [name])? == 1 {
            step.execute_batch(text)?;
        }
        step.commit()?;
    }
    Ok(())
}

fn start_checkpoints(path: &Path) -> anyhow::Result<mpsc::Sender<()>> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let log = path.with_extension("db-wal");
    let (alive, dropped) = mpsc::channel::<()>();
    thread::Builder::new().name("sqlite-checkpoint".to_owned()).spawn(move || {
        while dropped.recv_timeout(CHECKPOINT_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
            let bytes = log.metadata().map_or(0, |metadata| metadata.len());
            let mode = if bytes > TRUNCATE_BYTES { "truncate" } else { "passive" };
            if bytes > CHECKPOINT_BYTES
                && let Err(error) = connection.query_row(&format!("pragma wal_checkpoint({mode})"), [], |_| Ok(()))
            {
                tracing::warn!(%error, "the database's log could not be copied back; it is tried again");
            }
        }
    })?;
    Ok(alive)
}

#[async_trait]
impl Store for Sqlite {
    async fn create_profile(&self, id: RecordId, new: NewProfile, event: Event) -> Result<Created> {
        self.writer
            .write(move |connection| {
                let now = event.at.0;
                let values = params![
                    id.as_str(),
                    new.team,
                    new.user_id,
                    new.name,
                    new.document_type,
                    new.document_number,
                    new.country,
                    new.phone_number,
                    new.email,
                    new.security_level,
                    new.gender,
                    new.ip_address,
                    new.language,
                    now,
                ];
                if rows::execute(connection, sql::CREATE_PROFILE, values)? == 1 {
                    rows::add_event(connection, &event)?;
                    return Ok(Created { id, fresh: true });
                }
                let values: &[&dyn ToSql] = params![new.team, new.user_id];
                let found = rows::first(connection, sql::PROFILE_OF_USER, values, |row| rows::id(row, 0))?;
                found.map(|id| Created { id, fresh: false }).ok_or(rusqlite::Error::QueryReturnedNoRows)
            })
            .await
    }

    async fn profile_view(&self, id: RecordId, reach: &Reach) -> Result<Option<ProfileView>> {
        self.read(|connection| {
            let values = params![id.as_str(), reach.team()];
            rows::first(connection, sql::PROFILE_VIEW, values, |row| rows::profile_view(id, row))
        })
    }

    async fn profile(&self, id: RecordId, reach: &Reach) -> Result<Option<Profile>> {
        self.read(|connection| rows::first(connection, sql::PROFILE, params![id.as_str(), reach.team()], rows::profile))
    }

    async fn profiles(&self, reach: &Reach, filter: ProfileFilter, page: PageRequest) -> Result<Page<ProfileEntry>> {
        let (text, values) = profiles_query(reach, filter, place(&page)?, page.limit);
        let entries = self
            .search(move |connection| {
                let mut statement = connection.prepare_cached(&text)?;
                statement
                    .query_map(params_from_iter(values), rows::profile_entry)?
                    .collect::<rusqlite::Result<Vec<_>>>()
            })
            .await?;
        Ok(rows::page(entries, page.limit))
    }

    async fn change_profile(
        &self,
        id: RecordId,
        reach: &Reach,
        only_if: OnlyIf,
        change: ProfileChange,
        mark: Option<String>,
        event: Event,
    ) -> Result<Written<Profile>> {
        let team = reach.team().map(str::to_owned);
        self.writer
            .write(move |connection| {
                let before = match writable(connection, id, team.as_deref(), only_if)? {
                    Ok(profile) => profile,
                    Err(Written::Decided) => return Ok(Written::Decided),
                    Err(_) => return Ok(Written::Missing),
                };
                clear_intent(connection, mark.as_deref())?;
                change_rows(connection, id, &change, event.at)?;
                doom_replaced(connection, &before, &change, event.at)?;
                rows::add_event(connection, &event)?;
                let values: &[&dyn ToSql] = params![id.as_str(), team];
                let after = rows::first(connection, sql::PROFILE, values, rows::profile)?;
                Ok(after.map_or(Written::Missing, Written::Done))
            })
            .await
    }

    async fn record_status(
        &self,
        record: StatusRecord,
        reach: &Reach,
        only_if: OnlyIf,
        event: Event,
    ) -> Result<Written<()>> {
        let team = reach.team().map(str::to_owned);
        self.writer
            .write(move |connection| {
                let profile = match writable(connection, record.profile, team.as_deref(), only_if)? {
                    Ok(profile) => profile,
                    Err(refusal) => return Ok(refusal),
                };
                if only_if == OnlyIf::Undecided && !status::follows(&record.previous_status, &profile) {
                    return Ok(Written::Stale);
                }
                let values = params![record.verification, profile.id.as_str()];
                if !record.verification.is_empty()
                    && rows::first(connection, sql::IS_VERIFICATION_OF, values, |_| Ok(()))?.is_none()
                {
                    return Ok(Written::UnknownVerification);
                }
                let values = params![
                    record.id.as_str(),
                    record.profile.as_str(),
                    record.updated_by,
                    record.previous_status,
                    record.new_status,
                    record.notes,
                    record.verification,
                    record.created.0,
                ];
                rows::execute(connection, sql::ADD_STATUS, values)?;
                rows::execute(connection, sql::SHOW_STATUS, params![record.new_status, record.profile.as_str()])?;
                rows::add_event(connection, &event)?;
                Ok(Written::Done(()))
            })
            .await
    }

    async fn status_records(&self, profile: RecordId, page: PageRequest) -> Result<Page<StatusRecord>> {
        let before = place(&page)?;
        let placed = self.read(|connection| {
            let values = params![profile.as_str(), before, one_more(page.limit)];
            rows::all(connection, sql::STATUS_RECORDS, values, rows::status_record)
        })?;
        Ok(rows::page(placed, page.limit))
    }

    async fn record_verification(
        &self,
        record: NewVerification,
        reach: &Reach,
        only_if: OnlyIf,
        mark: Option<String>,
        event: Event,
    ) -> Result<Written<()>> {
        let team = reach.team().map(str::to_owned);
        self.writer
            .write(move |connection| {
                if let Err(refusal) = writable(connection, record.profile, team.as_deref(), only_if)? {
                    return Ok(refusal);
                }
                if let Some(refusal) = use_session(connection, &record)? {
                    return Ok(refusal);
                }
                clear_intent(connection, mark.as_deref())?;
                add_verification(connection, &record)?;
                rows::add_event(connection, &event)?;
                Ok(Written::Done(()))
            })
            .await
    }

    async fn verification_records(&self, profile: RecordId, page: PageRequest) -> Result<Page<VerificationRecord>> {
        let before = place(&page)?;
        let placed = self.read(|connection| {
            let values = params![profile.as_str(), before, one_more(page.limit)];
            rows::all(connection, sql::VERIFICATION_RECORDS, values, rows::verification_record)
        })?;
        Ok(rows::page(placed, page.limit))
    }

    async fn file_owner(
        &self,
        collection: Collection,
        record: RecordId,
        name: &str,
        reach: &Reach,
    ) -> Result<Option<RecordId>> {
        let statement = match collection {
            Collection::Profiles => sql::PROFILE_FILE_OWNER,
            Collection::VerificationHistory => sql::VERIFICATION_FILE_OWNER,
        };
        self.read(|connection| {
            rows::first(connection, statement, params![record.as_str(), reach.team(), name], |row| rows::id(row, 0))
        })
    }

    async fn add_session(&self, session: Session, event: Event) -> Result<()> {
        self.writer
            .write(move |connection| {
                let profile = session.profile.as_ref().map_or("", RecordId::as_str);
                let values = params![session.id, profile, session.status.word(), session.confidence, session.expires.0];
                rows::execute(connection, sql::ADD_SESSION, values)?;
                rows::add_event(connection, &event).map(|_| ())
            })
            .await
    }

    async fn session(&self, id: &str) -> Result<Option<Session>> {
        self.read(|connection| rows::first(connection, sql::SESSION, params![id], rows::session))
    }

    async fn update_session(&self, session: Session) -> Result<()> {
        self.writer
            .write(move |connection| {
                let values = params![session.status.word(), session.confidence, session.id];
                rows::execute(connection, sql::UPDATE_SESSION, values).map(|_| ())
            })
            .await
    }

    async fn settings(&self) -> Result<Vec<Setting>> {
        self.read(|connection| {
            rows::all(connection, sql::SETTINGS, &[], |row| {
                Ok(Setting { key: row.get(0)?, value: row.get(1)?, public: row.get(2)? })
            })
        })
    }

    async fn put_setting(&self, setting: Setting, now: Millis, event: Event) -> Result<()> {
        self.writer
            .write(move |connection| {
                let values = params![setting.key, setting.value, setting.public, now.0];
                rows::execute(connection, sql::PUT_SETTING, values)?;
                rows::add_event(connection, &event).map(|_| ())
            })
            .await
    }

    async fn delete_setting(&self, key: &str, event: Event) -> Result<bool> {
        let key = key.to_owned();
        self.writer
            .write(move |connection| {
                let removed = rows::execute(connection, sql::DELETE_SETTING, params![key])? == 1;
                if removed {
                    rows::add_event(connection, &event)?;
                }
                Ok(removed)
            })
            .await
    }

    async fn note(&self, event: Event) -> Result<()> {
        self.writer.write(move |connection| rows::add_event(connection, &event).map(|_| ())).await
    }

    async fn open_intent(&self, intent: FileIntent, now: Millis) -> Result<()> {
        self.writer
            .write(move |connection| {
                let values =
                    params![intent.mark, intent.collection.name(), intent.record.as_str(), intent.name, 0, now.0];
                rows::execute(connection, sql::OPEN_INTENT, values).map(|_| ())
            })
            .await
    }

    async fn doom_intent(&self, mark: &str) -> Result<()> {
        let mark = mark.to_owned();
        self.writer
            .write(move |connection| rows::execute(connection, sql::DOOM_INTENT, params![mark]).map(|_| ()))
            .await
    }

    async fn doom_intents_before(&self, before: Millis) -> Result<()> {
        self.writer
            .write(move |connection| rows::execute(connection, sql::DOOM_INTENTS_BEFORE, params![before.0]).map(|_| ()))
            .await
    }

    async fn doomed_intents(&self) -> Result<Vec<FileIntent>> {
        self.read(|connection| rows::all(connection, sql::DOOMED_INTENTS, &[], rows::intent))
    }

    async fn forget_intents(&self, marks: Vec<String>) -> Result<()> {
        self.writer
            .write(move |connection| {
                for mark in &marks {
                    rows::execute(connection, sql::FORGET_INTENT, params![mark])?;
                }
                Ok(())
            })
            .await
    }

    async fn ready(&self) -> Result<()> {
        if self.writer.is_broken() {
            return Err(StoreError::Broken);
        }
        self.read(|connection| rows::first(connection, sql::SETTINGS, &[], |_| Ok(())).map(|_| ()))
    }
}
