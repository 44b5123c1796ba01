//! The database's plan of a list: what of the tables and indexes it reads.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use identivia::domain::event::EventKind;
use identivia::domain::profile::{ProfileFilter, Reach, Word as _};
use identivia::domain::review::ReviewFilter;
use identivia::records::id::RecordId;
use identivia::records::review::ReviewState;
use identivia::records::status_word::{StatusWord, VerificationStatus};
use identivia::records::time::Millis;
use identivia::store::postgres::Postgres;
use identivia::store::sqlite::Sqlite;
use identivia::store::{
    AuditFilter, Commit, CommitOutcome, PageRequest, ProfileIdentity, Query, Store, StoreError, StoredRecord,
};

type Result<T> = std::result::Result<T, StoreError>;
type Explain = Box<dyn Fn(Query) -> BoxFuture<'static, Result<Vec<String>>>>;

/// Asks the database for plans.
pub(crate) struct Explainer {
    recorder: Arc<QueryRecorder>,
    explain: Explain,
}

impl Explainer {
    pub(crate) async fn open(url: Option<&String>, data: &Path) -> anyhow::Result<Self> {
        let explain: Explain = if let Some(url) = url {
            let store = Arc::new(Postgres::open(url, 1).await?);
            Box::new(move |query| {
                let store = store.clone();
                Box::pin(async move { store.explain_query(query).await })
            })
        } else {
            let store = Arc::new(Sqlite::open_beside_server(data)?);
            Box::new(move |query| {
                let store = store.clone();
                Box::pin(async move { store.explain_query(query).await })
            })
        };
        Ok(Self { recorder: Arc::default(), explain })
    }

    /// The indexes that a list of people of these teams reads.
    pub(crate) async fn explain(&self, path: &str, teams: Option<&[String]>) -> anyhow::Result<String> {
        let reach = teams.map_or(Reach::Every, |teams| Reach::Teams(teams.to_vec()));
        let store: Arc<dyn Store> = self.recorder.clone();
        let page = PageRequest { limit: 20, cursor: None };
        let (path, filters) = path.split_once('?').unwrap_or((path, ""));
        let filters = form_urlencoded::parse(filters.as_bytes());
        let filters: Vec<(String, String)> = filters.into_owned().collect();
        let record = RecordId::parse(path.rsplit('/').next().unwrap_or_default());
        match (path, record) {
            ("/api/profiles", _) => drop(store.list_profiles(&reach, profile_filter(&filters), &page).await?),
            ("/api/audit_events", _) => drop(store.list_audit_events(&audit_filter(&filters, reach), &page).await?),
            ("/api/reviews", _) => {
                drop(store.list_reviews(&reach, &review_filter(&filters), Millis(0), &page).await?);
            }
            (path, Some(record)) if path.contains("status_history") => {
                drop(store.list_status_records(record, &page).await?);
            }
            (_, record) => drop(store.list_verification_records(record.context("an id")?, &page).await?),
        }
        let query = self.recorder.last.lock().unwrap_or_else(PoisonError::into_inner).take().context("a query")?;
        let plan = (self.explain)(query).await?;
        Ok(list_indexes(&plan))
    }
}

/// The indexes that a plan reads, and the tables that it reads in whole. What finds a row by its key is left out.
fn list_indexes(plan: &[String]) -> String {
    let mut reads: Vec<&str> = Vec::new();
    for line in plan.iter().map(|line| line.trim().trim_start_matches("-> ").trim()) {
        let behind = |word: &str| line.split_once(word).map(|(_, rest)| rest);
        let index = behind(" INDEX ").or_else(|| behind("Scan using ")).or_else(|| behind("Backward using "));
        let read = match index.or_else(|| behind("Bitmap Index Scan on ")) {
            Some(rest) => rest.split(' ').next().unwrap_or_default(),
            None if line.contains("PRIMARY KEY (token=?") => "search_tokens",
            None if line.starts_with("Seq Scan on") || line == "SCAN r" => line.split("  (").next().unwrap_or_default(),
            None => continue,
        };
        // The table of JSON values has one plan, which SQLite calls an index.
        if !reads.contains(&read) && read != "1:" && !read.ends_with("_pkey") {
            reads.push(read);
        }
    }
    reads.join(", ")
}

fn profile_filter(filters: &[(String, String)]) -> ProfileFilter {
    let mut filter = ProfileFilter::default();
    for (name, value) in filters {
        match name.as_str() {
            "status" => filter.status = StatusWord::parse(value),
            "verification_status" => filter.verification_status = VerificationStatus::of(value),
            "country" => filter.country = Some(value.clone()),
            "userID" => filter.user_id = Some(value.clone()),
            "q" => filter.q = Some(value.clone()),
            "created_after" => filter.created_after = day(value),
            "created_before" => filter.created_before = day(value),
            _ => filter.updated_after = day(value),
        }
    }
    filter
}

fn audit_filter(filters: &[(String, String)], reach: Reach) -> AuditFilter {
    let (mut kinds, mut from, mut to) = (Vec::new(), None, None);
    let [mut actor, mut profile, mut object, mut address] = [None, None, None, None];
    for (name, value) in filters {
        match name.as_str() {
            "kind" => kinds = value.split(',').flat_map(EventKind::list_named).collect(),
            "from" => from = day(value),
            "to" => to = day(value),
            "actor" => actor = Some(value.clone()),
            "profile" => profile = Some(value.clone()),
            "object" => object = Some(value.clone()),
            _ => address = Some(value.clone()),
        }
    }
    let profile = profile.as_deref().and_then(RecordId::parse);
    AuditFilter { reach, actor, kinds, profile, object, address, from, to }
}

fn review_filter(filters: &[(String, String)]) -> ReviewFilter {
    let mut filter = ReviewFilter::default();
    for (name, value) in filters {
        match name.as_str() {
            "state" => {
                let is_named = |state: &ReviewState| value.split(',').any(|word| word == state.word());
                filter.states = ReviewState::ALL.into_iter().filter(is_named).collect();
            }
            "country" => filter.country = Some(value.clone()),
            "document_type" => filter.document_type = Some(value.clone()),
            "assignee" => filter.assignee = Some(value.clone()),
            _ => filter.q = Some(value.clone()),
        }
    }
    filter
}

fn day(text: &str) -> Option<Millis> {
    Millis::parse(&format!("{text} 00:00:00.000Z"))
}

/// Remembers what is asked of it, and finds nothing.
#[derive(Default)]
struct QueryRecorder {
    last: Mutex<Option<Query>>,
}

#[async_trait]
impl Store for QueryRecorder {
    async fn read(&self, query: Query) -> Result<Vec<StoredRecord>> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(query);
        Ok(Vec::new())
    }

    async fn commit(&self, _: Commit) -> Result<CommitOutcome> {
        Err(StoreError::Busy)
    }

    async fn profile_identity(&self, _: &str, _: &str, _: Millis) -> Result<ProfileIdentity> {
        Err(StoreError::Busy)
    }

    async fn check_ready(&self) -> Result<()> {
        Ok(())
    }
}
