//! Reads how far a PostgreSQL database has been migrated, and changes nothing.

use anyhow::ensure;

use super::{open_first_connection, parse_options, to_store_error};
use crate::store::SchemaState;
use crate::store::sql::{Migration, refuse_newer_migrations};

/// Says what a start would do to the database.
///
/// # Errors
/// When a start would refuse it: it cannot be reached, or is no database of this or an older version. The text holds neither the
/// URL nor its password.
pub async fn inspect_database(url: &str) -> anyhow::Result<SchemaState> {
    let options = parse_options(url)?.options([("default_transaction_read_only", "on")]);
    let mut connection = open_first_connection(&options).await?;
    let failed = |error| to_store_error(&error);
    let encoding: String =
        sqlx::query_scalar("show server_encoding").fetch_one(&mut connection).await.map_err(failed)?;
    ensure!(encoding == "UTF8", "its encoding is {encoding}; make it with the encoding UTF8");
    let exists = sqlx::query_scalar("select to_regclass('migrations') is not null").fetch_one(&mut connection).await;
    if !exists.map_err(failed)? {
        return Ok(SchemaState::Missing);
    }
    let applied = sqlx::query_scalar("select name from migrations").fetch_all(&mut connection).await;
    let applied: Vec<String> = applied.map_err(failed)?;
    let migrations = Migration::list_for_postgres();
    refuse_newer_migrations(&applied, &migrations)?;
    Ok(SchemaState::of_counts(applied.len(), migrations.len()))
}
