//! Migrations: the texts that make the tables, and the check that a database is not of a newer version.

use crate::store::StoreError;

const RECORDS: &str = include_str!("../../../migrations/0001_records.sql");
const OUTBOX: &str = include_str!("../../../migrations/0001_outbox.postgres.sql");
const WEBHOOKS: &str = include_str!("../../../migrations/0002_webhooks.sql");
const CONSOLE: &str = include_str!("../../../migrations/0003_console.sql");
const REVIEWS: &str = include_str!("../../../migrations/0004_reviews.sql");
const ANALYTICS: &str = include_str!("../../../migrations/0005_analytics.sql");
const REVIEW_CHANGES: &str = include_str!("../../../migrations/0006_review_changes.sql");
const PASSKEYS: &str = include_str!("../../../migrations/0007_passkeys.sql");
const OIDC: &str = include_str!("../../../migrations/0008_oidc.sql");
const REVIEW_FILTERS: &str = include_str!("../../../migrations/0009_review_filters.sql");
const FILE_STORE: &str = include_str!("../../../migrations/0010_file_store.sql");
const READINGS: &str = include_str!("../../../migrations/0012_readings.sql");
const TOKEN_FAILURES: &str = include_str!("../../../migrations/0001_token_failures.postgres.sql");

/// One migration: the name under which a database remembers it, and its text.
pub(in crate::store) struct Migration {
    pub(in crate::store) name: &'static str,
    pub(in crate::store) text: String,
}

impl Migration {
    /// SQLite's migrations, oldest first.
    pub(in crate::store) fn list_for_sqlite() -> Vec<Self> {
        vec![
            Self { name: "0001_records", text: RECORDS.to_owned() },
            Self { name: "0002_webhooks", text: WEBHOOKS.to_owned() },
            Self { name: "0003_console", text: CONSOLE.to_owned() },
            Self { name: "0004_reviews", text: REVIEWS.to_owned() },
            Self { name: "0005_analytics", text: ANALYTICS.to_owned() },
            Self { name: "0006_review_changes", text: REVIEW_CHANGES.to_owned() },
            Self { name: "0007_passkeys", text: PASSKEYS.to_owned() },
            Self { name: "0008_oidc", text: OIDC.to_owned() },
            Self { name: "0009_review_filters", text: REVIEW_FILTERS.to_owned() },
            Self { name: "0010_file_store", text: FILE_STORE.to_owned() },
            Self { name: "0012_readings", text: READINGS.to_owned() },
        ]
    }

    /// PostgreSQL's migrations, oldest first.
    pub(in crate::store) fn list_for_postgres() -> Vec<Self> {
        vec![
            Self { name: "0001_records", text: to_postgres(RECORDS) },
            Self { name: "0001_outbox", text: OUTBOX.to_owned() },
            Self { name: "0001_token_failures", text: TOKEN_FAILURES.to_owned() },
            Self { name: "0002_webhooks", text: to_postgres(WEBHOOKS) },
            Self { name: "0003_console", text: to_postgres(CONSOLE) },
            Self { name: "0004_reviews", text: to_postgres(REVIEWS) },
            Self { name: "0005_analytics", text: to_postgres(ANALYTICS) },
            Self { name: "0006_review_changes", text: to_postgres(REVIEW_CHANGES) },
            Self { name: "0007_passkeys", text: to_postgres(PASSKEYS) },
            Self { name: "0008_oidc", text: to_postgres(OIDC) },
            Self { name: "0009_review_filters", text: to_postgres(REVIEW_FILTERS) },
            Self { name: "0010_file_store", text: to_postgres(FILE_STORE) },
            Self { name: "0012_readings", text: to_postgres(READINGS) },
        ]
    }
}

/// Replaces the phrases that PostgreSQL writes in another way: a number that it gives to each row itself, the collation that
/// compares bytes, and a table that is nothing but its index, which it does not have.
fn to_postgres(text: &str) -> String {
    text.replace("seq integer primary key", "seq bigint generated always as identity primary key")
        .replace("collate binary", "collate \"C\"")
        .replace(" without rowid", "")
}

/// Refuses a database with a migration that this program does not have: only the newer program knows what it means.
pub(in crate::store) fn refuse_newer_migrations(applied: &[String], known: &[Migration]) -> Result<(), StoreError> {
    match applied.iter().find(|name| !known.iter().any(|migration| migration.name == name.as_str())) {
        None => Ok(()),
        Some(name) => Err(StoreError::Failed(format!(
            "it was made by a newer version of this program (it has the migration {name}); run that version"
        ))),
    }
}
