//! Where a test server keeps its records and files: `TEST_STORE` is `sqlite` (unless said otherwise), `postgres` or
//! `pocketbase`; with PostgreSQL files are in S3. Every test of the API runs on each.

use std::path::Path;

use reqwest::Method;
use serde_json::Value;
use sqlx::Row as _;

use crate::services::pocketbase::{self, PocketBase};
use crate::services::postgres;
use crate::services::s3::{self, Bucket};
use crate::world::flag;

/// The kinds of store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum StoreKind {
    Sqlite,
    Postgres,
    PocketBase,
}

impl StoreKind {
    /// The one that the environment asks for.
    pub(crate) fn wanted() -> Self {
        match std::env::var("TEST_STORE").as_deref().unwrap_or("sqlite") {
            "sqlite" => Self::Sqlite,
            "postgres" => Self::Postgres,
            "pocketbase" => Self::PocketBase,
            other => panic!("TEST_STORE is sqlite, postgres or pocketbase, not {other}"),
        }
    }
}

pub(crate) enum Ground {
    Sqlite,
    /// Files are in a bucket.
    Postgres {
        url: String,
        bucket: Bucket,
    },
    PocketBase(Box<PocketBase>),
}

impl Drop for Ground {
    fn drop(&mut self) {
        if let Self::Postgres { url, .. } = self {
            postgres::remove_later(std::mem::take(url));
        }
    }
}

/// What the audit trail says of one thing: kind, actor, detail.
pub(crate) type Told = (String, String, String);

/// What counts (status, confidence) and what was claimed (status, confidence).
pub(crate) type Liveness = (String, Option<f64>, String, Option<f64>);

impl Ground {
    /// One without records, of the kind that the environment asks for.
    pub(crate) async fn wanted() -> Self {
        match StoreKind::wanted() {
            StoreKind::Sqlite => Self::Sqlite,
            StoreKind::Postgres => Self::postgres().await,
            StoreKind::PocketBase => Self::pocketbase().await,
        }
    }

    /// One without even our tables, for what fills an empty database itself; PocketBase has its collections nevertheless.
    pub(crate) async fn wanted_without_tables() -> Self {
        match StoreKind::wanted() {
            StoreKind::Postgres => Self::Postgres { url: postgres::database().await, bucket: s3::bucket().await },
            _ => Self::wanted().await,
        }
    }

    pub(crate) async fn postgres() -> Self {
        Self::Postgres { url: postgres::migrated_database().await, bucket: s3::bucket().await }
    }

    pub(crate) async fn pocketbase() -> Self {
        Self::PocketBase(Box::new(pocketbase::ready_made().await.1))
    }

    /// The variables that send a server there.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Sqlite => vec![],
            Self::Postgres { url, bucket } => vec![
                ("DATABASE_URL", url.clone()),
                ("FILES_URL", format!("s3://{}/files", bucket.name)),
                ("AWS_ENDPOINT_URL_S3", bucket.endpoint.clone()),
                ("AWS_ACCESS_KEY_ID", bucket.access_key.clone()),
                ("AWS_SECRET_ACCESS_KEY", bucket.secret_key.clone()),
            ],
            Self::PocketBase(service) => vec![
                ("POCKETBASE_URL", service.url.clone()),
                ("PB_USER_EMAIL", service.email.clone()),
                ("PB_USER_PASSWORD", service.password.clone()),
            ],
        }
    }

    /// The same as flags.
    pub(crate) fn flags(&self) -> Vec<String> {
        self.variables().into_iter().flat_map(|(name, value)| [flag(name), value]).collect()
    }

    /// What must not be in a log: passwords and keys, whole URLs with them too.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let is_secret = |name: &str| matches!(name, "DATABASE_URL" | "AWS_SECRET_ACCESS_KEY" | "PB_USER_PASSWORD");
        self.variables().into_iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| value).collect()
    }

    /// Stops the records' service, where there is one for this test alone.
    pub(crate) fn stop(&self) -> bool {
        match self {
            Self::Sqlite | Self::Postgres { .. } => false,
            Self::PocketBase(service) => {
                service.stop();
                true
            }
        }
    }

    /// Every stored file, as `<collection>/<record>/<name>`; in PocketBase the collection is its id.
    pub(crate) async fn stored_files(&self, data_dir: &Path) -> Vec<String> {
        let mut files = match self {
            Self::Sqlite => list_files_below(&data_dir.join("files")),
            Self::Postgres { bucket, .. } => {
                let keys = bucket.keys().await.into_iter();
                keys.map(|key| key.strip_prefix("files/").unwrap().to_owned()).collect()
            }
            Self::PocketBase(service) => list_files_below(&service.folder.join("storage")),
        };
        files.retain(|path| !path.ends_with(".attrs") && path != "store-marker");
        files.sort();
        files
    }

    /// The audit trail, oldest first.
    pub(crate) async fn events(&self, data_dir: &Path) -> Vec<Told> {
        if let Self::PocketBase(service) = self {
            let events = list_pocketbase_records(service, "audit_events", "?sort=@rowid&perPage=1000").await;
            let event = |event: &Value| ["kind", "actor", "detail"].map(|field| text_of(event, field));
            return events.iter().map(event).map(<(String, String, String)>::from).collect();
        }
        let statement = "select kind || ' ' || coalesce(actor, ''), body from audit_events order by seq";
        let rows = self.select_pairs(data_dir, statement).await;
        let event = |(done, body): (String, String)| {
            let body: Value = serde_json::from_str(&body).unwrap();
            let (kind, actor) = done.split_once(' ').unwrap();
            (kind.to_owned(), actor.to_owned(), text_of(&body, "detail"))
        };
        rows.into_iter().map(event).collect()
    }

    /// The biometric templates that are stored, one text for each verification record; empty where it has none.
    pub(crate) async fn face_templates(&self, data_dir: &Path) -> Vec<String> {
        if let Self::PocketBase(service) = self {
            let records = list_pocketbase_records(service, "verification_history", "").await;
            return records.iter().map(|record| text_of(record, "face_templates")).collect();
        }
        let rows = self.select_pairs(data_dir, "select id, coalesce(biometric, '{}') from verification_history").await;
        let templates = |(_, biometric): (String, String)| {
            let biometric: Value = serde_json::from_str(&biometric).unwrap();
            biometric.get("face_templates").map(Value::to_string).unwrap_or_default()
        };
        rows.into_iter().map(templates).collect()
    }

    /// What is stored of the only profile's liveness.
    pub(crate) async fn liveness(&self, data_dir: &Path) -> Liveness {
        let (profile, names) = if let Self::PocketBase(service) = self {
            let profile = list_pocketbase_records(service, "profiles", "").await.remove(0);
            (profile, ["face_liveness_status", "face_liveness_confidence"])
        } else {
            let (_, body) = self.select_pairs(data_dir, "select id, body from profiles").await.remove(0);
            (serde_json::from_str(&body).unwrap(), ["liveness_status", "liveness_confidence"])
        };
        let real = |field: &str| profile[field].as_f64();
        (text_of(&profile, names[0]), real(names[1]), text_of(&profile, "claimed_status"), real("claimed_confidence"))
    }

    /// Reads the rows of two text columns from an SQL database.
    async fn select_pairs(&self, data_dir: &Path, statement: &'static str) -> Vec<(String, String)> {
        match self {
            Self::Sqlite => {
                let database = rusqlite::Connection::open(data_dir.join("identivia.db")).unwrap();
                let mut rows = database.prepare(statement).unwrap();
                let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
                rows.map(Result::unwrap).collect()
            }
            Self::Postgres { url, .. } => {
                let pool = sqlx::PgPool::connect(url).await.unwrap();
                let rows = sqlx::query(statement).fetch_all(&pool).await.unwrap();
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
            Self::PocketBase(_) => panic!("PocketBase is no SQL database"),
        }
    }
}

async fn list_pocketbase_records(service: &PocketBase, collection: &str, query: &str) -> Vec<Value> {
    let path = format!("/api/collections/{collection}/records{query}");
    let mut found = service.api(Method::GET, &path, Value::Null).await.expect(200);
    found["items"].as_array_mut().unwrap().drain(..).collect()
}

/// A field's text; empty where it is unknown.
fn text_of(record: &Value, field: &str) -> String {
    record[field].as_str().unwrap_or_default().to_owned()
}

fn list_files_below(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found
}
