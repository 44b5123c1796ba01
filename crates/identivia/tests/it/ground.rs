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

pub(crate) enum Ground {
    Sqlite,
    /// Files are in a bucket.
    Postgres {
        url: String,
        bucket: Bucket,
    },
    PocketBase(Box<PocketBase>),
}

/// What the audit trail says of one thing: kind, actor, detail.
pub(crate) type Told = (String, String, String);

/// What counts (status, confidence) and what was claimed (status, confidence).
pub(crate) type Liveness = (String, Option<f64>, String, Option<f64>);

impl Ground {
    /// An empty one, of the kind that the environment asks for.
    pub(crate) async fn wanted() -> Self {
        match std::env::var("TEST_STORE").as_deref().unwrap_or("sqlite") {
            "sqlite" => Self::Sqlite,
            "postgres" => Self::postgres().await,
            "pocketbase" => Self::pocketbase().await,
            other => panic!("TEST_STORE is sqlite, postgres or pocketbase, not {other}"),
        }
    }

    pub(crate) async fn postgres() -> Self {
        Self::Postgres { url: postgres::database().await, bucket: s3::bucket().await }
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

    /// Stops the records' service, where there is one that nobody else uses.
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
            Self::Sqlite => below(&data_dir.join("files")),
            Self::Postgres { bucket, .. } => {
                let keys = bucket.keys().await.into_iter();
                keys.map(|key| key.strip_prefix("files/").unwrap().to_owned()).collect()
            }
            Self::PocketBase(service) => below(&service.folder.join("storage")),
        };
        files.retain(|path| !path.ends_with(".attrs"));
        files.sort();
        files
    }

    /// The audit trail, oldest first.
    pub(crate) async fn events(&self, data_dir: &Path) -> Vec<Told> {
        const EVENTS: &str = "select kind, actor, detail from events order by seq";
        match self {
            Self::Sqlite => {
                let database = rusqlite::Connection::open(data_dir.join("identivia.db")).unwrap();
                let mut rows = database.prepare(EVENTS).unwrap();
                let events = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
                events.map(Result::unwrap).collect()
            }
            Self::Postgres { url, .. } => {
                let pool = sqlx::PgPool::connect(url).await.unwrap();
                let rows = sqlx::query(EVENTS).fetch_all(&pool).await.unwrap();
                rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
            }
            Self::PocketBase(service) => {
                let path = "/api/collections/audit_events/records?sort=@rowid&perPage=1000";
                let events = service.api(Method::GET, path, Value::Null).await.expect(200);
                let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
                let events = events["items"].as_array().unwrap().iter();
                events.map(|event| (text(event, "kind"), text(event, "actor"), text(event, "detail"))).collect()
            }
        }
    }

    /// The biometric templates that are kept, a text a verification record.
    pub(crate) async fn face_templates(&self, data_dir: &Path) -> Vec<String> {
        const TEMPLATES: &str = "select face_templates from verification_history";
        match self {
            Self::Sqlite => {
                let database = rusqlite::Connection::open(data_dir.join("identivia.db")).unwrap();
                let mut rows = database.prepare(TEMPLATES).unwrap();
                rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
            }
            Self::Postgres { url, .. } => {
                let pool = sqlx::PgPool::connect(url).await.unwrap();
                sqlx::query(TEMPLATES).fetch_all(&pool).await.unwrap().iter().map(|row| row.get(0)).collect()
            }
            Self::PocketBase(service) => {
                let path = "/api/collections/verification_history/records";
                let records = service.api(Method::GET, path, Value::Null).await.expect(200);
                let records = records["items"].as_array().unwrap().iter();
                records.map(|record| record["face_templates"].as_str().unwrap().to_owned()).collect()
            }
        }
    }

    /// What is kept of the only profile's liveness.
    pub(crate) async fn liveness(&self, data_dir: &Path) -> Liveness {
        const LIVENESS: &str =
            "select liveness_status, liveness_confidence, claimed_status, claimed_confidence from profiles";
        match self {
            Self::Sqlite => {
                let database = rusqlite::Connection::open(data_dir.join("identivia.db")).unwrap();
                let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
                database.query_row(LIVENESS, [], read).unwrap()
            }
            Self::Postgres { url, .. } => {
                let pool = sqlx::PgPool::connect(url).await.unwrap();
                let row = sqlx::query(LIVENESS).fetch_one(&pool).await.unwrap();
                (row.get(0), row.get(1), row.get(2), row.get(3))
            }
            Self::PocketBase(service) => {
                let path = "/api/collections/profiles/records";
                let found = service.api(Method::GET, path, Value::Null).await.expect(200);
                let profile = &found["items"][0];
                let text = |field: &str| profile[field].as_str().unwrap().to_owned();
                let real = |field: &str| profile[field].as_f64();
                (
                    text("face_liveness_status"),
                    real("face_liveness_confidence"),
                    text("claimed_status"),
                    real("claimed_confidence"),
                )
            }
        }
    }
}

fn below(root: &Path) -> Vec<String> {
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
