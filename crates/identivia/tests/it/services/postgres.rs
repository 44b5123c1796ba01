//! PostgreSQL: one cluster for all tests, a database for each, and clusters of one's own for tests of failure.

use std::ffi::OsStr;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use identivia::records::id::RecordId;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::OnceCell;

use super::Service;

/// The password of the role, as `tests/services.sh` sets it: no other text contains it.
pub(crate) const PASSWORD: &str = "pg-role-secret";

/// How many databases are removed at the same time.
const REMOVED_AT_ONCE: usize = 8;

static SHARED: OnceLock<Postgres> = OnceLock::new();

/// The cluster that all tests of this process share. It does without `fsync`: the files of a new database are three hundred, and
/// removing it would wait until all of them are synced. No test cuts its power. While a database is made or removed, events
/// of all others wait for that transaction.
fn shared_cluster() -> &'static Postgres {
    SHARED.get_or_init(|| Postgres::of(Service::start_with("postgres", &[("PG_FSYNC", OsStr::new("off"))])))
}

/// The URL of a new, empty database in the shared cluster.
pub(crate) async fn database() -> String {
    shared_cluster().database().await
}

/// The URL of a new database in the shared cluster that has our tables and no records. It is a copy: making the tables takes
/// longer than most tests.
pub(crate) async fn migrated_database() -> String {
    static TEMPLATE: OnceCell<String> = OnceCell::const_new();
    let shared = shared_cluster();
    let make_template = async || {
        let url = shared.database().await;
        drop(identivia::store::postgres::Postgres::open(&url, 1).await.unwrap());
        name_of(&url).to_owned()
    };
    shared.copy_database(TEMPLATE.get_or_init(make_template).await).await
}

/// Says that no test uses this database of the shared cluster any more: two hundred of them would take four gigabytes. It is
/// removed beside the tests.
pub(crate) fn remove_later(url: String) {
    static REMOVER: OnceLock<Mutex<Sender<String>>> = OnceLock::new();
    let remover = REMOVER.get_or_init(|| {
        let (sender, unused) = mpsc::channel();
        std::thread::spawn(move || remove_databases(&unused));
        Mutex::new(sender)
    });
    remover.lock().unwrap().send(url).unwrap();
}

/// Removes databases, some at once: it takes a second, in which the server mostly waits.
fn remove_databases(unused: &Receiver<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut left = Vec::new();
    loop {
        let wait = if left.is_empty() { Duration::from_secs(3_600) } else { Duration::from_millis(500) };
        match unused.recv_timeout(wait) {
            Ok(url) => left.push(url),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        left.extend(unused.try_iter());
        let some: Vec<String> = left.drain(..left.len().min(REMOVED_AT_ONCE)).collect();
        let removed = runtime.block_on(join_all(some.iter().map(|url| shared_cluster().remove_database(url))));
        // The server's own vacuum may be at work there, which our role cannot end: another time.
        let failed = some.into_iter().zip(removed).filter(|(_, removed)| removed.is_err());
        left.extend(failed.map(|(url, _)| url));
    }
}

/// The name of the database that a URL without parameters leads to.
fn name_of(url: &str) -> &str {
    url.rsplit_once('/').unwrap().1
}

/// A cluster with room for the servers of all tests.
pub(crate) struct Postgres {
    service: Service,
    /// Leads to the database `identivia`, as the role of that name, which is no superuser.
    pub(crate) url: String,
}

impl Postgres {
    /// A cluster with PostgreSQL's own defaults, `fsync` among them.
    pub(crate) fn own() -> Self {
        Self::of(Service::start("postgres"))
    }

    /// A cluster that speaks TLS with a certificate of its own: its URLs end in `?sslmode=verify-full&sslrootcert=…`.
    pub(crate) fn own_with_tls() -> Self {
        Self::of(Service::start("postgres-tls"))
    }

    fn of(service: Service) -> Self {
        let url = service.variable("DATABASE_URL");
        Self { service, url }
    }

    /// The URL of a new, empty database. Its language is not the cluster's plain `C`: what must not depend on it shows.
    pub(crate) async fn database(&self) -> String {
        self.create_database("template template0 locale_provider icu icu_locale 'en-US'").await
    }

    /// The URL of a new database with all that the other one has.
    async fn copy_database(&self, name: &str) -> String {
        self.create_database(&format!("template \"{name}\"")).await
    }

    async fn create_database(&self, options: &str) -> String {
        let name = format!("test_{}", RecordId::random());
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let create = format!("create database \"{name}\" {options}");
        sqlx::query(sqlx::AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let (path, parameters) = self.url.split_at(self.url.find('?').unwrap_or(self.url.len()));
        let (server, _) = path.rsplit_once('/').unwrap();
        format!("{server}/{name}{parameters}")
    }

    /// Removes a database and ends its sessions: the server of an ended test may have some open.
    async fn remove_database(&self, url: &str) -> Result<(), sqlx::Error> {
        let mut connection = PgConnection::connect(&self.url).await?;
        let remove = format!("drop database \"{}\" with (force)", name_of(url));
        sqlx::query(sqlx::AssertSqlSafe(remove)).execute(&mut connection).await?;
        connection.close().await
    }

    /// Ends the cluster as a restart does: sessions are broken off, and what was committed stays.
    pub(crate) fn stop(&self) {
        self.service.stop();
    }

    /// Starts it again on the same port.
    pub(crate) fn start(&self) {
        self.service.start_again();
    }

    /// Freezes the server and all its sessions: connections stay open, and nothing answers.
    pub(crate) fn pause(&self) {
        self.service.pause();
    }

    pub(crate) fn resume(&self) {
        self.service.resume();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    async fn asked(url: &str, question: &'static str) -> Result<String, sqlx::Error> {
        let mut connection = PgConnection::connect(url).await?;
        sqlx::query_scalar(question).fetch_one(&mut connection).await
    }

    #[tokio::test]
    async fn database_answers_and_is_not_shared() {
        let (first, second) = (database().await, database().await);
        let mut connection = PgConnection::connect(&first).await.unwrap();
        sqlx::query("create table things (id bigint)").execute(&mut connection).await.unwrap();
        let table = "select coalesce(to_regclass('things')::text, '')";
        assert_eq!(asked(&first, table).await.unwrap(), "things");
        assert_eq!(asked(&second, table).await.unwrap(), "");
        assert!(asked(&first.replace(PASSWORD, "wrong"), table).await.is_err());
    }

    #[tokio::test]
    async fn unused_database_is_removed_although_a_session_is_open() {
        let unused = database().await;
        let _session = PgConnection::connect(&unused).await.unwrap();
        remove_later(unused.clone());
        for _ in 0..600 {
            if PgConnection::connect(&unused).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the database is still there");
    }

    #[tokio::test]
    async fn migrated_database_has_tables_of_its_own() {
        let (first, second) = (migrated_database().await, migrated_database().await);
        let mut connection = PgConnection::connect(&first).await.unwrap();
        sqlx::query("insert into migrations (name) values ('9999_later')").execute(&mut connection).await.unwrap();
        let later = "select count(*)::text from migrations where name = '9999_later'";
        assert_eq!((&*asked(&first, later).await.unwrap(), &*asked(&second, later).await.unwrap()), ("1", "0"));
        let tables = "select (count(*) > 10)::text from pg_tables where schemaname = 'public'";
        assert_eq!(asked(&second, tables).await.unwrap(), "true");
        remove_later(first);
        remove_later(second);
    }

    #[tokio::test]
    async fn cluster_stops_pauses_and_comes_back() {
        let postgres = Postgres::own();
        let url = postgres.database().await;
        assert_eq!(asked(&url, "show fsync").await.unwrap(), "on");
        postgres.stop();
        assert!(asked(&url, "select 'here'").await.is_err());
        postgres.start();
        let mut session = PgConnection::connect(&url).await.unwrap();
        postgres.pause();
        assert!(timeout(Duration::from_millis(200), session.ping()).await.is_err());
        postgres.resume();
        assert_eq!(asked(&url, "select 'here'").await.unwrap(), "here");
    }

    #[tokio::test]
    async fn cluster_speaks_tls() {
        let postgres = Postgres::own_with_tls();
        let url = postgres.database().await;
        let encrypted = "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()";
        assert_eq!(asked(&url, encrypted).await.unwrap(), "true");
        let (untrusting, _) = url.split_once("&sslrootcert=").unwrap();
        assert!(asked(untrusting, encrypted).await.is_err());
    }
}
