//! A database that is filled by SQL which makes the values itself.

use std::path::{Path, PathBuf};
use std::time::Instant;

use sqlx::{Connection as _, PgConnection};

/// Which database is filled.
pub(crate) enum Database {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Database {
    pub(crate) fn find(url: Option<&String>, data: &Path) -> Self {
        url.map_or_else(|| Self::Sqlite(data.join("identivia.db")), |url| Self::Postgres(url.clone()))
    }

    /// Writes `@rows` as a table of that many numbers `i`, and `@profile`, `@record` and `@review` as an id of the number.
    pub(crate) fn adapt(&self, sql: &str, rows: u64) -> String {
        let (numbers, pad) = match self {
            Self::Sqlite(_) => (
                format!(
                    "(with recursive n (i) as (select 1 union all select i + 1 from n where i < {rows}) select i from n) n"
                ),
                "substr('00000000000000' || i, -14)",
            ),
            Self::Postgres(_) => (format!("generate_series(1::bigint, {rows}) n (i)"), "lpad(i::text, 14, '0')"),
        };
        let id = |letter: char| format!("('{letter}' || {pad})");
        sql.replace("@rows", &numbers)
            .replace("@profile", &id('p'))
            .replace("@record", &id('v'))
            .replace("@review", &id('r'))
    }

    /// Runs statements that insert rows. A server that has had them for a minute would have analysed them by itself.
    pub(crate) async fn run_statements(&self, statements: &[String]) -> anyhow::Result<()> {
        let begun = Instant::now();
        match self {
            Self::Sqlite(file) => {
                let connection = rusqlite::Connection::open(file)?;
                connection.execute_batch(
                    "pragma synchronous = off; pragma foreign_keys = off; pragma cache_size = -400000",
                )?;
                for statement in statements {
                    connection.execute_batch(statement)?;
                }
                connection.execute_batch("pragma wal_checkpoint(truncate)")?;
            }
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await?;
                for statement in statements {
                    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone())).execute(&mut connection).await?;
                }
                sqlx::raw_sql("vacuum analyze").execute(&mut connection).await?;
            }
        }
        println!("filled in {:.0} s", begun.elapsed().as_secs_f64());
        Ok(())
    }
}
