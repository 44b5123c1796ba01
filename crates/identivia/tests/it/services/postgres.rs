//! PostgreSQL: one cluster for all tests, a database for each, and clusters of one's own for tests of failure.

use std::sync::{Mutex, OnceLock};

use identivia::records::id::RecordId;
use sqlx::{Connection as _, PgConnection};

use super::Service;

/// The password of the role, as `tests/services.sh` sets it: no other text contains it.
pub(crate) const PASSWORD: &str = "pg-role-secret";

static SHARED: OnceLock<Postgres> = OnceLock::new();

/// The URLs of databases in the shared cluster that no test uses any more.
static UNUSED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The URL of a new, empty database in the cluster that all tests of this process share.
pub(crate) async fn database() -> String {
    let shared = SHARED.get_or_init(Postgres::own);
    let unused = std::mem::take(&mut *UNUSED.lock().unwrap());
    for url in unused {
        // The server's own vacuum may be at work there, which our role cannot end: the next one tries again.
        if shared.remove_database(&url).await.is_err() {
            remove_later(url);
        }
    }
    shared.database().await
}

/// Says that no test uses this database of the shared cluster any more. The next one that asks for a database removes it:
/// two hundred of them would take four gigabytes.
pub(crate) fn remove_later(url: String) {
    UNUSED.lock().unwrap().push(url);
}

/// A cluster with PostgreSQL's own defaults, `fsync` among them, and room for the servers of all tests.
pub(crate) struct Postgres {
    service: Service,
    /// Leads to the database `identivia`, as the role of that name, which is no superuser.
    pub(crate) url: String,
}

impl Postgres {
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
        let name = format!("test_{}", RecordId::random());
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        let create = format!("create database \"{name}\" template template0 locale_provider icu icu_locale 'en-US'");
        sqlx::query(sqlx::AssertSqlSafe(create)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let (path, parameters) = self.url.split_at(self.url.find('?').unwrap_or(self.url.len()));
        let (server, _) = path.rsplit_once('/').unwrap();
        format!("{server}/{name}{parameters}")
    }

    /// Removes a database and ends its sessions: the server of an ended test may have some open.
    async fn remove_database(&self, url: &str) -> Result<(), sqlx::Error> {
        let (_, name) = url.rsplit_once('/').unwrap();
        let mut connection = PgConnection::connect(&self.url).await?;
        let remove = format!("drop database \"{name}\" with (force)");
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
    use std::time::Duration;

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
        assert_eq!(asked(&first, "show fsync").await.unwrap(), "on");
        assert!(asked(&first.replace(PASSWORD, "wrong"), table).await.is_err());
    }

    #[tokio::test]
    async fn unused_database_is_removed_although_a_session_is_open() {
        let unused = database().await;
        let _session = PgConnection::connect(&unused).await.unwrap();
        remove_later(unused.clone());
        for _ in 0..20 {
            remove_later(database().await);
            if PgConnection::connect(&unused).await.is_err() {
                return;
            }
        }
        panic!("the database is still there");
    }

    #[tokio::test]
    async fn cluster_stops_pauses_and_comes_back() {
        let postgres = Postgres::own();
        let url = postgres.database().await;
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
