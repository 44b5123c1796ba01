//! The marker of a file store: a random id that the store holds and the database knows. It shows that a store is missing
//! (a forgotten mount, an incomplete restore) or belongs to other records (two servers with folders of their own).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::backend::{FileBackend, StoredPath};
use super::error::{FilesError, MarkerFault};
use crate::clock::Clock;
use crate::records::id::{RecordId, random_text};
use crate::records::time::Millis;
use crate::records::{Collection, FieldMap, RecordKind};
use crate::store::{FileStoreChange, KnownFileStore, Order, Query, Store, parse_record};

/// The marker's name at the root of a store.
pub(super) const MARKER_NAME: &str = "store-marker";
/// The most bytes of a marker.
pub(super) const MAX_MARKER_BYTES: usize = 64;
/// How long the result of a check is valid, in milliseconds.
const CHECK_VALID_MILLIS: i64 = 2_000;
/// How long a caller waits for a check.
const CHECK_TIMEOUT: Duration = Duration::from_millis(1_500);
/// How many of the newest records are searched for a file, in a database that knows no marker.
const SEARCHED_RECORDS: usize = 20;

/// Whether a store that does not fit is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreAcceptance {
    /// It is an error.
    Refuse,
    /// A new database takes over a store that holds files: it is filled from another database.
    TakeOver,
    /// Files that records name may be missing from now on: the operator has said so.
    AcceptAny,
}

/// Makes sure that a store belongs to the records of a database, and returns its marker. The first start writes it to both.
///
/// # Errors
/// [`FilesError::WrongStore`] when it does not fit, or why one of the two cannot be used.
pub async fn establish_marker(
    store: &dyn Store,
    backend: &dyn FileBackend,
    acceptance: StoreAcceptance,
) -> Result<String, FilesError> {
    let found = backend.read_marker().await?;
    let known = match store.known_file_store().await? {
        Some(known) => known,
        None => propose_marker(store, backend, found.as_deref(), acceptance).await?,
    };
    match found {
        Some(found) if found == known.marker => {}
        Some(found) if acceptance == StoreAcceptance::AcceptAny => {
            tracing::warn!("the file store has another marker than the database knew: accepted, as the settings say");
            store.change_file_store(FileStoreChange::Confirm(found.clone())).await?;
            return Ok(found);
        }
        Some(_) => return Err(MarkerFault::Other.into()),
        None if known.is_confirmed && acceptance != StoreAcceptance::AcceptAny => {
            return Err(MarkerFault::Missing.into());
        }
        None => {
            if known.is_confirmed {
                tracing::warn!(
                    "the file store lacks the marker that the database knows: accepted, as the settings say"
                );
            }
            backend.write_marker(&known.marker).await?;
        }
    }
    if !known.is_confirmed {
        store.change_file_store(FileStoreChange::Confirm(known.marker.clone())).await?;
    }
    Ok(known.marker)
}

/// Says whether [`establish_marker`] would refuse the store, and changes nothing.
///
/// # Errors
/// As [`establish_marker`] without acceptance.
pub async fn inspect_marker(store: &dyn Store, backend: &dyn FileBackend) -> Result<(), FilesError> {
    let found = backend.read_marker().await?;
    match (store.known_file_store().await?, found) {
        (Some(known), Some(found)) if known.marker == found => Ok(()),
        (Some(_), Some(_)) => Err(MarkerFault::Other.into()),
        (Some(known), None) if known.is_confirmed => Err(MarkerFault::Missing.into()),
        (Some(_), None) => Ok(()),
        (None, found) => require_plausible_store(store, backend, found.is_some()).await,
    }
}

/// Checks a store for a database that knows no marker.
async fn require_plausible_store(
    store: &dyn Store,
    backend: &dyn FileBackend,
    has_marker: bool,
) -> Result<(), FilesError> {
    let has_profiles = !store.read(keys_of(RecordKind::Profiles).limited(1)).await?.is_empty();
    match (has_profiles, has_marker) {
        (true, _) => require_newest_files(store, backend).await,
        (false, true) => Err(MarkerFault::NewDatabase.into()),
        (false, false) => Ok(()),
    }
}

/// Proposes a marker to a database that knows none. The database decides between servers that start together, and remembers
/// the marker as unconfirmed until the store holds it.
async fn propose_marker(
    store: &dyn Store,
    backend: &dyn FileBackend,
    found: Option<&str>,
    acceptance: StoreAcceptance,
) -> Result<KnownFileStore, FilesError> {
    if acceptance == StoreAcceptance::Refuse {
        require_plausible_store(store, backend, found.is_some()).await?;
    }
    let proposed = found.map_or_else(random_text::<32>, str::to_owned);
    store.change_file_store(FileStoreChange::Propose(proposed)).await?;
    let lost = || FilesError::Failed("the database does not keep the marker of the file store".to_owned());
    store.known_file_store().await?.ok_or_else(lost)
}

/// Checks a store that was filled before there were markers: it must hold a file of the newest records, if they name any.
async fn require_newest_files(store: &dyn Store, backend: &dyn FileBackend) -> Result<(), FilesError> {
    let mut is_any_named = false;
    for collection in [Collection::VerificationHistory, Collection::Profiles] {
        let query = Query::of_kind(collection.kind()).ordered(Order::Newest).limited(SEARCHED_RECORDS);
        for stored in store.read(query).await? {
            for path in list_named_files(collection, &parse_record(&stored.json)?) {
                is_any_named = true;
                match backend.open_file(&path).await {
                    Err(FilesError::Gone) => {}
                    opened => return opened.map(drop),
                }
            }
        }
    }
    if is_any_named { Err(MarkerFault::Missing.into()) } else { Ok(()) }
}

/// The files that a profile or a verification record names.
fn list_named_files(collection: Collection, fields: &FieldMap) -> Vec<StoredPath> {
    let text = |name: &str| fields.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    let Some(record) = RecordId::parse(text(collection.kind().key_field())) else { return Vec::new() };
    let names = collection.kind().fields().iter().filter(|field| field.holds.is_file()).map(|field| text(field.name));
    let named = names.filter(|name| !name.is_empty());
    named.map(|name| StoredPath { collection, record, name: name.to_owned() }).collect()
}

fn keys_of(kind: RecordKind) -> Query {
    Query { keys_only: true, ..Query::of_kind(kind) }
}

/// Refuses to read files of another database's store. A database that was never served by this version knows no marker.
///
/// # Errors
/// [`FilesError::WrongStore`] when it does not fit.
pub async fn refuse_foreign_store(store: &dyn Store, backend: &dyn FileBackend) -> Result<(), FilesError> {
    let known = store.known_file_store().await?;
    let Some(known) = known.filter(|known| known.is_confirmed) else { return Ok(()) };
    match backend.read_marker().await? {
        Some(found) if found == known.marker => Ok(()),
        Some(_) => Err(MarkerFault::Other.into()),
        None => Err(MarkerFault::Missing.into()),
    }
}

/// Checks while the server runs that the file store still fits the database.
pub struct MarkerCheck {
    store: Arc<dyn Store>,
    backend: Arc<dyn FileBackend>,
    clock: Clock,
    state: Mutex<CheckState>,
}

#[derive(Default)]
struct CheckState {
    last: Option<(Millis, Result<(), MarkerFault>)>,
    /// A check that has not answered in time. No other one begins before it ends.
    late: Option<JoinHandle<Option<Result<(), MarkerFault>>>>,
}

impl MarkerCheck {
    /// Checks that backend by what the store knows.
    pub(super) fn new(store: Arc<dyn Store>, backend: Arc<dyn FileBackend>, clock: Clock) -> Self {
        Self { store, backend, clock, state: Mutex::default() }
    }

    /// Checks the store unless it was checked within the last two seconds.
    pub(super) async fn check(&self) -> Result<(), FilesError> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        if let Some((at, outcome)) = &state.last
            && (0..CHECK_VALID_MILLIS).contains(&(now.0 - at.0))
        {
            return outcome.clone().map_err(FilesError::from);
        }
        self.check_again(&mut state, now).await
    }

    /// Checks the store now, because a file was not found.
    pub(super) async fn check_now(&self) -> Result<(), FilesError> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        self.check_again(&mut state, now).await
    }

    async fn check_again(&self, state: &mut CheckState, now: Millis) -> Result<(), FilesError> {
        let mut checking = state.late.take().unwrap_or_else(|| {
            let (store, backend) = (self.store.clone(), self.backend.clone());
            tokio::spawn(async move { compare_markers(store.as_ref(), backend.as_ref()).await })
        });
        let outcome = match timeout(CHECK_TIMEOUT, &mut checking).await {
            Ok(Ok(Some(outcome))) => outcome,
            // A backend or database that fails says so itself to each caller.
            Ok(_) => return Ok(()),
            Err(_) => {
                state.late = Some(checking);
                Err(MarkerFault::NoAnswer)
            }
        };
        log_change(state.last.as_ref().map(|(_, outcome)| outcome), &outcome);
        state.last = Some((now, outcome.clone()));
        outcome.map_err(FilesError::from)
    }
}

/// Compares the markers of both sides; `None` when one of them cannot be read.
async fn compare_markers(store: &dyn Store, backend: &dyn FileBackend) -> Option<Result<(), MarkerFault>> {
    let known = store.known_file_store().await.ok()??;
    Some(match backend.read_marker().await.ok()? {
        Some(found) if found == known.marker => Ok(()),
        Some(_) => Err(MarkerFault::Other),
        None => Err(MarkerFault::Missing),
    })
}

/// Logs once that the store does not fit any more, and once that it fits again.
fn log_change(last: Option<&Result<(), MarkerFault>>, outcome: &Result<(), MarkerFault>) {
    match (last, outcome) {
        (Some(Err(before)), Err(fault)) if before == fault => {}
        (_, Err(fault)) => tracing::error!(%fault, "the file store does not fit the database: uploads are refused"),
        (Some(Err(_)), Ok(())) => tracing::info!("the file store fits the database again"),
        _ => {}
    }
}
