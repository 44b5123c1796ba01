//! Reads documents with the local engines, the pictures of a profile once: what was read on them is kept and judged again.
//!
//! A reading is found by the SHA-256 of the very bytes that were read, within its profile alone. The page and the record send
//! a picture in two requests; both are rebuilt before they are read, so both give the same bytes. The program that a picture
//! named when it was sent is no part of the reading: the caller says what the own picture named.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::tz::TimeZone;
use vision::document::{Date, DocumentEngines, DocumentReading, SideEditors, SidesReading, judge_sides, read_sides};
use vision::intake::{self, Photo};

use crate::clock::Clock;
use crate::domain::document_editors::DocumentEditors;
use crate::providers::http_call::ProviderError;
use crate::providers::local_engines::LocalEngines;
use crate::records::document_reading::StoredReading;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::document_readings::MAX_READINGS;
use crate::store::{Store, StoreError, warn_unless_outage};
use crate::work::holder::WorkHolder;

/// Pictures of documents and faces are scaled down to this longest side, in pixels.
pub const PICTURE_SIDE: u32 = 2_600;

/// How long a reading is kept for a record that may follow, in days.
const PAGE_DAYS: i64 = 1;
/// How long a reading is kept once a record was checked with it, in days: another try may take the pictures over.
const RECORD_DAYS: i64 = 30;

/// For what a document is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadingPurpose {
    /// For the person who fills a form in.
    Page,
    /// For the checks on a verification record.
    Record,
}

impl ReadingPurpose {
    fn expiry(self, now: Millis) -> Millis {
        now.plus_days(match self {
            Self::Page => PAGE_DAYS,
            Self::Record => RECORD_DAYS,
        })
    }
}

/// The pictures of a document, as they are stored or would be.
pub struct SideBytes {
    pub front: Vec<u8>,
    pub back: Option<Vec<u8>>,
}

impl SideBytes {
    /// The SHA-256 of both, in hexadecimal.
    fn hash_pictures(&self) -> String {
        let front = hash_to_hex(&self.front);
        self.back.as_ref().map_or_else(|| front.clone(), |back| format!("{front} {}", hash_to_hex(back)))
    }
}

/// How often pictures were read, and how often that was saved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadingCounts {
    pub read: u64,
    pub kept: u64,
}

/// Reads documents, and keeps what was read.
pub struct KeptReadings {
    engines: Arc<LocalEngines>,
    /// Where readings are kept; `None` where nothing is kept.
    store: Option<Arc<dyn Store>>,
    /// Where the profiles are.
    profiles: Option<Arc<dyn Store>>,
    clock: Clock,
    version: String,
    read: AtomicU64,
    kept: AtomicU64,
}

impl KeptReadings {
    /// Keeps readings in a store: that of the profiles, or one beside it.
    #[must_use]
    pub fn new(engines: Arc<LocalEngines>, store: Arc<dyn Store>, profiles: Arc<dyn Store>, clock: Clock) -> Self {
        Self { store: Some(store), profiles: Some(profiles), ..Self::without_store(engines, clock) }
    }

    /// Keeps nothing.
    #[must_use]
    pub fn without_store(engines: Arc<LocalEngines>, clock: Clock) -> Self {
        let version = document_engines(&engines).describe_version();
        let (read, kept) = (AtomicU64::default(), AtomicU64::default());
        Self { engines, store: None, profiles: None, clock, version, read, kept }
    }

    /// How often pictures were read since the start, and how often that was saved.
    #[must_use]
    pub fn counts(&self) -> ReadingCounts {
        ReadingCounts { read: self.read.load(Ordering::Relaxed), kept: self.kept.load(Ordering::Relaxed) }
    }

    /// Reads a document, unless the same pictures of that profile were read before, and judges it as of today. Work is done
    /// for that holder; a kept reading takes none. `None` if the front does not decode.
    ///
    /// # Errors
    /// When the engines are busy or fail. The store never fails a reading: it only makes it take longer.
    pub async fn read_document(
        &self,
        profile: Option<RecordId>,
        sides: SideBytes,
        editors: &DocumentEditors,
        purpose: ReadingPurpose,
        holder: WorkHolder,
    ) -> Result<Option<DocumentReading>, ProviderError> {
        let (sides, pictures) = hash_off_thread(sides).await?;
        let found = match profile {
            Some(profile) => self.find_reading(profile, &pictures, purpose).await,
            None => None,
        };
        let reading = match found {
            Some(reading) => {
                self.count_reading(&self.kept, "kept");
                reading
            }
            None => {
                let read = self.engines.run_work(holder, move |engines| read_pictures(engines, &sides)).await?;
                let Some(reading) = read else { return Ok(None) };
                self.count_reading(&self.read, "read");
                if let Some(profile) = profile {
                    self.keep_reading(profile, pictures, &reading, purpose).await;
                }
                reading
            }
        };
        let editors = SideEditors { front: editors.front.as_deref(), back: editors.back.as_deref() };
        Ok(Some(judge_sides(reading, editors, to_utc_date(self.clock.now()))))
    }

    fn count_reading(&self, count: &AtomicU64, source: &'static str) {
        count.fetch_add(1, Ordering::Relaxed);
        metrics::counter!("identivia_document_readings_total", "source" => source).increment(1);
    }

    /// The reading of those pictures. What is expired, damaged or of another version is none.
    async fn find_reading(&self, profile: RecordId, pictures: &str, purpose: ReadingPurpose) -> Option<SidesReading> {
        let store = self.store.as_ref()?;
        let stored = match store.document_readings(profile).await {
            Ok(stored) => stored,
            Err(error) => {
                warn_unless_outage!(error, "kept readings could not be read; the pictures are read again");
                return None;
            }
        };
        let now = self.clock.now();
        for kept in stored {
            let is_same = kept.profile == profile && kept.pictures == pictures && kept.version == self.version;
            if !is_same || kept.expires <= now {
                continue;
            }
            let bytes = STANDARD.decode(&kept.reading).ok();
            let Some(reading) = bytes.and_then(|bytes| SidesReading::from_kept_bytes(&bytes)) else { continue };
            self.extend_reading(store, &kept, purpose.expiry(now)).await;
            return Some(reading);
        }
        None
    }

    /// Keeps a reading longer that was kept for less. A day more or less is not worth a write.
    async fn extend_reading(&self, store: &Arc<dyn Store>, kept: &StoredReading, expires: Millis) {
        if expires <= kept.expires.plus_days(1) {
            return;
        }
        if let Err(error) = store.extend_document_reading(kept.id, expires).await {
            warn_unless_outage!(error, "a kept reading could not be extended");
        }
    }

    /// Keeps a reading, if it is complete and small enough.
    async fn keep_reading(&self, profile: RecordId, pictures: String, reading: &SidesReading, purpose: ReadingPurpose) {
        let (Some(store), Some(profiles)) = (&self.store, &self.profiles) else { return };
        let Some(bytes) = reading.to_kept_bytes() else { return };
        let now = self.clock.now();
        let stored = StoredReading {
            id: RecordId::random_at(now),
            profile,
            pictures,
            version: self.version.clone(),
            reading: STANDARD.encode(bytes),
            created: now,
            expires: purpose.expiry(now),
        };
        if let Err(error) = add_to_existing_profile(store, profiles, &stored).await {
            warn_unless_outage!(error, "a reading could not be kept; its pictures will be read again");
        }
    }

    /// Removes readings that are old, that are too many, or whose profile is gone; returns how many were old or too many.
    ///
    /// # Errors
    /// When a store cannot do it now.
    pub async fn remove_old_readings(&self) -> Result<usize, StoreError> {
        let (Some(store), Some(profiles)) = (&self.store, &self.profiles) else { return Ok(0) };
        let removed = store.remove_old_readings(self.clock.now(), MAX_READINGS).await?;
        // In one store they go in the step that deletes the profile.
        if !Arc::ptr_eq(store, profiles) {
            remove_orphans(store, profiles).await?;
        }
        Ok(removed)
    }
}

/// Adds a reading. If the profile was deleted meanwhile, its readings go again.
async fn add_to_existing_profile(
    store: &Arc<dyn Store>,
    profiles: &Arc<dyn Store>,
    reading: &StoredReading,
) -> Result<(), StoreError> {
    store.add_document_reading(reading).await?;
    if profiles.existing_profiles(&[reading.profile]).await?.is_empty() {
        store.remove_readings_of_profile(reading.profile).await?;
    }
    Ok(())
}

async fn remove_orphans(store: &Arc<dyn Store>, profiles: &Arc<dyn Store>) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let (with_readings, next) = store.profiles_with_readings(after).await?;
        if next.is_none() {
            return Ok(());
        }
        let existing = profiles.existing_profiles(&with_readings).await?;
        for profile in with_readings.into_iter().filter(|profile| !existing.contains(profile)) {
            store.remove_readings_of_profile(profile).await?;
        }
        after = next;
    }
}

/// The date in UTC, for comparisons with a document's dates.
#[must_use]
pub fn to_utc_date(now: Millis) -> Date {
    let now = jiff::Timestamp::from_millisecond(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let date = TimeZone::UTC.to_datetime(now).date();
    let part = |number: i8| number.unsigned_abs();
    let date = Date::new(date.year().unsigned_abs(), part(date.month()), part(date.day()));
    date.expect("a calendar date is a valid date")
}

fn document_engines(engines: &LocalEngines) -> DocumentEngines<'_> {
    DocumentEngines { text: &engines.text, faces: &engines.faces }
}

/// Reads both sides. At most the two of them are decoded at once.
fn read_pictures(engines: &LocalEngines, sides: &SideBytes) -> Result<Option<SidesReading>, ProviderError> {
    let Some(front) = decode_photo(&sides.front) else { return Ok(None) };
    let back = sides.back.as_deref().and_then(decode_photo);
    Ok(Some(read_sides(&document_engines(engines), &front, back.as_ref())?))
}

fn decode_photo(bytes: &[u8]) -> Option<Photo> {
    intake::decode_photo(bytes, PICTURE_SIDE).ok()
}

async fn hash_off_thread(sides: SideBytes) -> Result<(SideBytes, String), ProviderError> {
    let hashing = tokio::task::spawn_blocking(move || {
        let pictures = sides.hash_pictures();
        (sides, pictures)
    });
    hashing.await.map_err(|_| ProviderError::failed("hashing a picture broke off"))
}

fn hash_to_hex(bytes: &[u8]) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
