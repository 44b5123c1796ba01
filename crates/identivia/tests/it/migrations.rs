//! Migrations that a kill interrupts: the next start completes them, in the store that `TEST_STORE` names.

use std::path::Path;

use reqwest::Method;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection};

use crate::command::{self, Running};
use crate::ground::StoreKind;
use crate::services::pocketbase::PocketBase;
use crate::services::postgres;
use crate::step_killer::{StepKiller, choose_steps};

/// The steps of a migration that are tried by default.
const SAMPLED_STEPS: i64 = 16;

/// A store without tables, which a command fills.
enum EmptyStore {
    Sqlite(String),
    Postgres(String),
    PocketBase(Box<PocketBase>),
}

impl EmptyStore {
    async fn create(folder: &Path, name: &str) -> Self {
        match StoreKind::wanted() {
            StoreKind::Sqlite => {
                std::fs::create_dir(folder.join(name)).unwrap();
                Self::Sqlite(name.to_owned())
            }
            StoreKind::Postgres => Self::Postgres(postgres::database().await),
            StoreKind::PocketBase => Self::PocketBase(Box::new(PocketBase::start().await)),
        }
    }

    /// Makes the tables: a copy of an empty store does, and `init` does in PocketBase. Says whether it ended well.
    fn migrate(&self, folder: &Path, killer: Option<&StepKiller>) -> bool {
        let output = command::run(folder, |command| {
            match self {
                Self::Sqlite(name) => {
                    command.args(["copy", "--from", "sqlite:data", "--to", &format!("sqlite:{name}")])
                }
                Self::Postgres(url) => {
                    let copy = ["copy", "--from", "sqlite:data", "--to", "postgres", "--to-files", "file:files"];
                    command.args(copy).env("DATABASE_URL", url)
                }
                Self::PocketBase(service) => {
                    let account = [("PB_USER_EMAIL", &service.email), ("PB_USER_PASSWORD", &service.password)];
                    command.args(["pocketbase", "init"]).env("POCKETBASE_URL", &service.url).envs(account)
                }
            };
            if let Some(killer) = killer {
                killer.watch(command);
            }
        });
        output.status.success()
    }

    /// The tables, indexes and applied migrations.
    async fn list_objects(&self, folder: &Path) -> Vec<String> {
        let applied = "select name from migrations";
        match self {
            Self::Sqlite(name) => {
                let database = rusqlite::Connection::open(folder.join(name).join("identivia.db")).unwrap();
                let whole: String = database.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
                assert_eq!(whole, "ok");
                let mut query = database.prepare(&format!("select name from sqlite_master union {applied}")).unwrap();
                let objects = query.query_map([], |row| row.get(0)).unwrap();
                objects.map(Result::unwrap).collect()
            }
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let objects = format!(
                    "select relname::text from pg_class where relnamespace = 'public'::regnamespace \
                    union {applied} order by 1"
                );
                sqlx::query_scalar(sqlx::AssertSqlSafe(objects)).fetch_all(&mut connection).await.unwrap()
            }
            Self::PocketBase(service) => {
                let path = "/api/collections?perPage=100&sort=name";
                let listed = service.api(Method::GET, path, Value::Null).await.expect(200);
                let describe = |collection: &Value| {
                    let fields = collection["fields"].as_array().unwrap().iter().map(|field| field["name"].to_string());
                    format!("{}: {}", collection["name"], fields.collect::<Vec<_>>().join(" "))
                };
                listed["items"].as_array().unwrap().iter().map(describe).collect()
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r21_migration_that_was_killed_completes_at_the_next_start() {
    let Some(killer) = StepKiller::build("r21_migration_that_was_killed_completes_at_the_next_start") else { return };
    let folder = tempfile::tempdir().unwrap();
    Running::start(folder.path(), |_| ()).stop();
    let whole = EmptyStore::create(folder.path(), "whole").await;
    killer.kill_at(i64::MAX);
    assert!(whole.migrate(folder.path(), Some(&killer)));
    let total = i64::MAX - killer.steps_left();
    let expected = whole.list_objects(folder.path()).await;
    let steps = choose_steps(total, SAMPLED_STEPS);
    let mut killed = 0;
    for step in &steps {
        let store = EmptyStore::create(folder.path(), &format!("killed-{step}")).await;
        killer.kill_at(*step);
        killed += usize::from(!store.migrate(folder.path(), Some(&killer)));
        assert!(store.migrate(folder.path(), None), "after a kill at step {step} of {total}");
        assert_eq!(store.list_objects(folder.path()).await, expected, "after a kill at step {step} of {total}");
    }
    eprintln!("{total} steps, {} tried, {killed} killed, {} objects", steps.len(), expected.len());
    assert!(killed * 2 > steps.len(), "only {killed} of {} were killed", steps.len());
}
