//! Files in an S3 bucket: `<prefix>/<collection>/<record id>/<stored name>`.
//!
//! A file is written to a nameless local file, looked at there, and sent once it is whole. What S3 has acknowledged is
//! durable. What it has not may still arrive: a request that was given up can be in a buffer on its way, so the note of a
//! failed upload is kept until nothing of it can come any more, and its files are looked for once again then.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{self, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::{FilesError, Kept, Opened, Place, Spot, blocking, scratch};
use crate::config::BucketLocation;
use crate::domain::media::Media;
use crate::providers::aws;
use crate::records::id::RecordId;
use crate::store::{Collection, FileIntent};

/// A file up to this size goes in one request, a larger one in parts of it. S3 takes no smaller parts than 5 MiB:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
const PART: usize = 8 * 1024 * 1024;
/// Parts in memory at once, over all requests.
const PARTS_AT_ONCE: usize = 4;
/// How long a part waits for its turn. Longer, and S3 is not keeping up with what comes in.
const TURN: Duration = Duration::from_secs(30);
/// How long it counts what the last look at the bucket has found.
const LOOK_COUNTS: Duration = Duration::from_secs(5);
/// Attempts at a request, the first one counted.
const ATTEMPTS: u32 = 3;
/// S3's words for "no room": AWS has none, MinIO and Ceph have these.
const FULL: [&str; 4] = ["InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded"];

/// How long S3 may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until a connection stands.
    pub connect: Duration,
    /// Until an answer begins; not for what sends a file, which has the whole attempt.
    pub answer: Duration,
    pub attempt: Duration,
    /// All attempts and the pauses between them.
    pub operation: Duration,
    /// A look at whether the bucket is there.
    pub look: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(10),
            attempt: Duration::from_secs(30),
            operation: Duration::from_secs(60),
            look: Duration::from_secs(3),
        }
    }
}

impl Patience {
    fn timeouts(self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.connect)
            .read_timeout(self.answer)
            .operation_attempt_timeout(self.attempt)
            .operation_timeout(self.operation)
            .build()
    }

    /// Beside what a client has by default: for one operation.
    fn instead(self) -> config::Builder {
        config::Config::builder().timeout_config(self.timeouts())
    }
}

/// A bucket, and how it was when it was last looked at.
pub struct Bucket {
    client: Client,
    name: String,
    prefix: String,
    scratch: PathBuf,
    patience: Patience,
    /// What the parts of a file are checked by; `None` where S3's newer checksums may not be known.
    checksum: Option<ChecksumAlgorithm>,
    turns: Semaphore,
    spare: Arc<Spare>,
    last_look: Mutex<Option<Look>>,
}

struct Look {
    at: Instant,
    found: Result<(), String>,
}

impl Bucket {
    /// Opens a bucket. Files are written to nameless files in the `scratch` folder first.
    ///
    /// # Errors
    /// When the bucket is not there, denied or out of reach, or nothing says who asks for it.
    pub async fn open(at: &BucketLocation, scratch: &Path, patience: Patience) -> Result<Self, FilesError> {
        let bucket = Self {
            client: client(at, patience).await?,
            name: at.bucket.clone(),
            prefix: at.prefix.clone(),
            scratch: scratch.to_owned(),
            patience,
            checksum: at.endpoint.is_none().then_some(ChecksumAlgorithm::Crc32),
            turns: Semaphore::new(PARTS_AT_ONCE),
            spare: Arc::default(),
            last_look: Mutex::default(),
        };
        bucket.look().await?;
        Ok(bucket)
    }

    fn key(&self, spot: &Spot) -> String {
        format!("{}{}", self.prefix, spot.path())
    }

    /// What the keys of a record's files begin with.
    fn folder(&self, intent: &FileIntent) -> String {
        format!("{}{}/{}/", self.prefix, intent.collection.name(), intent.record)
    }

    /// Lists one key at most: unlike a `HeadBucket`, whose answer has no body, a refusal of this one says why; and it
    /// asks for no more than what is needed anyway.
    async fn look(&self) -> Result<(), FilesError> {
        let look = Patience { answer: self.patience.look, operation: self.patience.look, ..self.patience };
        let list = self.client.list_objects_v2().bucket(&self.name).prefix(&self.prefix).max_keys(1);
        list.customize().config_override(look.instead()).send().await.map_err(failure)?;
        Ok(())
    }

    /// How long what sends a file may take: its answer cannot begin before all of it has been sent.
    fn sending(&self) -> config::Builder {
        Patience { answer: self.patience.attempt, ..self.patience }.instead()
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, FilesError> {
        match timeout(TURN, self.turns.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(FilesError::Unavailable("S3 takes files more slowly than they come in".to_owned())),
        }
    }

    async fn part(&self, file: &Arc<File>, at: u64) -> Result<Bytes, FilesError> {
        let (file, spare) = (file.clone(), self.spare.clone());
        blocking(move || Ok(Bytes::from_owner(Part::read(&file, at, spare)?))).await
    }

    async fn send_whole(&self, key: &str, file: &Arc<File>) -> Result<(), FilesError> {
        let _turn = self.turn().await?;
        let put = self.client.put_object().bucket(&self.name).key(key).body(self.part(file, 0).await?.into());
        let put = put.set_content_type(content_type(key)).set_checksum_algorithm(self.checksum.clone());
        put.customize().config_override(self.sending()).send().await.map_err(failure)?;
        Ok(())
    }

    async fn send_in_parts(&self, key: &str, file: &Arc<File>, length: u64) -> Result<(), FilesError> {
        let create = self.client.create_multipart_upload().bucket(&self.name).key(key);
        let create = create.set_content_type(content_type(key)).set_checksum_algorithm(self.checksum.clone());
        let created = create.send().await.map_err(failure)?;
        let id = created.upload_id().ok_or_else(unreadable)?;
        let sent = self.send_parts(key, id, file, length).await;
        if sent.is_err() {
            // Only sooner than the sweeper, who would find it as well.
            let _ = self.abort(key, id).await;
        }
        sent
    }

    async fn send_parts(&self, key: &str, id: &str, file: &Arc<File>, length: u64) -> Result<(), FilesError> {
        let mut sent = CompletedMultipartUpload::builder();
        for (number, at) in (1..).zip((0..length).step_by(PART)) {
            sent = sent.parts(self.send_part(key, id, file, number, at).await?);
        }
        let complete = self.client.complete_multipart_upload().bucket(&self.name).key(key).upload_id(id);
        let complete = complete.multipart_upload(sent.build());
        complete.customize().config_override(self.sending()).send().await.map_err(failure)?;
        Ok(())
    }

    async fn send_part(
        &self,
        key: &str,
        id: &str,
        file: &Arc<File>,
        number: i32,
        at: u64,
    ) -> Result<CompletedPart, FilesError> {
        let _turn = self.turn().await?;
        let send = self.client.upload_part().bucket(&self.name).key(key).upload_id(id).part_number(number);
        let send = send.body(self.part(file, at).await?.into()).set_checksum_algorithm(self.checksum.clone());
        let sent = send.customize().config_override(self.sending()).send().await.map_err(failure)?;
        let checksum = sent.checksum_crc32.filter(|_| self.checksum.is_some());
        Ok(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).set_checksum_crc32(checksum).build())
    }

    async fn abort(&self, key: &str, id: &str) -> Result<(), FilesError> {
        let abort = self.client.abort_multipart_upload().bucket(&self.name).key(key).upload_id(id);
        match abort.send().await {
            Err(SdkError::ServiceError(refusal)) if refusal.err().code() == Some("NoSuchUpload") => Ok(()),
            outcome => outcome.map(|_| ()).map_err(failure),
        }
    }

    async fn abort_unfinished(&self, intent: &FileIntent) -> Result<usize, FilesError> {
        let folder = self.folder(intent);
        let (mut aborted, mut key_marker, mut id_marker) = (0, None, None);
        loop {
            let list = self.client.list_multipart_uploads().bucket(&self.name).prefix(&folder);
            let list = list.set_key_marker(key_marker).set_upload_id_marker(id_marker);
            let page = list.send().await.map_err(failure)?;
            for upload in page.uploads() {
                if let (Some(key), Some(id)) = (upload.key(), upload.upload_id())
                    && names(intent, &folder, key)
                {
                    self.abort(key, id).await?;
                    aborted += 1;
                }
            }
            if page.is_truncated() != Some(true) || page.next_key_marker().is_none() {
                return Ok(aborted);
            }
            (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
        }
    }

    async fn delete_stored(&self, intent: &FileIntent) -> Result<usize, FilesError> {
        let folder = self.folder(intent);
        let list = self.client.list_objects_v2().bucket(&self.name).prefix(&folder);
        let mut pages = list.into_paginator().send();
        let mut deleted = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(failure)?;
            for key in
                page.contents().iter().filter_map(|object| object.key()).filter(|key| names(intent, &folder, key))
            {
                self.client.delete_object().bucket(&self.name).key(key).send().await.map_err(failure)?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }
}

#[async_trait]
impl Place for Bucket {
    async fn begin(&self, _: &Spot) -> Result<File, FilesError> {
        self.ready().await?;
        scratch(&self.scratch).await
    }

    async fn keep(&self, spot: &Spot, file: File) -> Result<Kept, FilesError> {
        let (key, length, file) = (self.key(spot), file.metadata()?.len(), Arc::new(file));
        if length <= PART as u64 {
            self.send_whole(&key, &file).await?;
        } else {
            self.send_in_parts(&key, &file, length).await?;
        }
        Ok(Kept::There)
    }

    async fn copy(&self, from: &Spot, to: &Spot) -> Result<Kept, FilesError> {
        // It goes into a header as part of a URL. Neither bucket, prefix nor stored name has a character to encode.
        let source = format!("{}/{}", self.name, self.key(from));
        let copy = self.client.copy_object().bucket(&self.name).copy_source(source).key(self.key(to));
        copy.customize().config_override(self.sending()).send().await.map_err(failure)?;
        Ok(Kept::There)
    }

    async fn settle(&self, _: Collection, _: RecordId) -> Result<(), FilesError> {
        Ok(())
    }

    async fn read(&self, spot: &Spot) -> Result<Opened, FilesError> {
        let get = self.client.get_object().bucket(&self.name).key(self.key(spot));
        let got = get.send().await.map_err(failure)?;
        let length = got.content_length().and_then(|length| u64::try_from(length).ok()).ok_or_else(unreadable)?;
        Ok(Opened { length, pieces: pieces(got.body).boxed() })
    }

    async fn remove(&self, intent: &FileIntent) -> Result<usize, FilesError> {
        self.ready().await?;
        // An upload may be completed between two looks, so objects are looked for last.
        let aborted = self.abort_unfinished(intent).await?;
        Ok(aborted + self.delete_stored(intent).await?)
    }

    async fn ready(&self) -> Result<(), FilesError> {
        // Whoever comes meanwhile waits for this look, so that a bucket out of reach is asked once.
        let mut last = self.last_look.lock().await;
        let recent = last.as_ref().filter(|look| look.at.elapsed() < LOOK_COUNTS);
        let found = match recent {
            Some(look) => look.found.clone(),
            None => self.look().await.map_err(|error| error.to_string()),
        };
        if recent.is_none() {
            tell_change(last.as_ref(), &found);
            *last = Some(Look { at: Instant::now(), found: found.clone() });
        }
        found.map_err(FilesError::Unavailable)
    }

    fn arrives_late(&self) -> bool {
        true
    }
}

/// The way to S3. A redirect is an error to it, so what is sent stays with the host that was named.
async fn client(at: &BucketLocation, patience: Patience) -> Result<Client, FilesError> {
    let chain = aws::chain(&at.access, at.endpoint.is_some()).await.map_err(FilesError::Failed)?;
    let mut config = config::Builder::from(&chain)
        .timeout_config(patience.timeouts())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .force_path_style(at.endpoint.is_some());
    // Set in either case: the chain's own could come from a file that nobody has checked.
    config.set_endpoint_url(at.endpoint.clone());
    if at.endpoint.is_some() {
        config = config
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    }
    Ok(Client::from_conf(config.build()))
}

/// What S3's refusal comes to. Only its code is told: its texts quote keys, which hold names that people gave.
fn failure<E: ProvideErrorMetadata>(error: SdkError<E, HttpResponse>) -> FilesError {
    let refusal = match error {
        SdkError::ServiceError(refusal) => refusal,
        SdkError::TimeoutError(_) => return unavailable("S3 does not answer in time"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => return unavailable("S3 does not answer in time"),
        SdkError::DispatchFailure(failure) if failure.is_io() => return unavailable("S3 cannot be reached"),
        SdkError::DispatchFailure(_) => return unavailable("nothing could be sent to S3"),
        _ => return unreadable(),
    };
    let (status, code) = (refusal.raw().status().as_u16(), refusal.err().code().unwrap_or("nothing more"));
    match code {
        "NoSuchKey" => FilesError::Gone,
        _ if status == 507 || FULL.contains(&code) => FilesError::Full,
        _ => {
            FilesError::Unavailable(format!("S3 says {status}, {}", code.escape_default().take(64).collect::<String>()))
        }
    }
}

fn unavailable(why: &str) -> FilesError {
    FilesError::Unavailable(why.to_owned())
}

fn unreadable() -> FilesError {
    unavailable("what answers is not S3, or broke off")
}

/// Says once that the bucket is out of reach, and once that it is back.
fn tell_change(last: Option<&Look>, found: &Result<(), String>) {
    let was_well = last.is_none_or(|look| look.found.is_ok());
    match found {
        Err(error) if was_well => tracing::warn!(error, "files can be neither stored nor read"),
        Ok(()) if !was_well => tracing::info!("files can be stored and read again"),
        _ => {}
    }
}

/// Says whether a key is that of a file which an intent names.
fn names(intent: &FileIntent, folder: &str, key: &str) -> bool {
    key.strip_prefix(folder).is_some_and(|stored| intent.names(stored))
}

fn content_type(key: &str) -> Option<String> {
    Media::of_stored_name(key).map(|media| media.mime().to_owned())
}

/// Memory for parts, used again and again: allocators keep what many threads have freed, each some of it.
#[derive(Default)]
struct Spare(std::sync::Mutex<Vec<Vec<u8>>>);

impl Spare {
    fn buffers(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Part of a file; its memory is given back once nobody sends it any more.
struct Part {
    bytes: Vec<u8>,
    spare: Arc<Spare>,
}

impl Part {
    /// Reads the part of a file that begins there.
    fn read(file: &File, at: u64, spare: Arc<Spare>) -> std::io::Result<Self> {
        let mut bytes = spare.buffers().pop().unwrap_or_else(|| Vec::with_capacity(PART));
        let left = file.metadata()?.len().saturating_sub(at);
        bytes.resize(usize::try_from(left).unwrap_or(PART).min(PART), 0);
        file.read_exact_at(&mut bytes, at)?;
        Ok(Self { bytes, spare })
    }
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let mut buffers = self.spare.buffers();
        if buffers.len() < PARTS_AT_ONCE {
            buffers.push(std::mem::take(&mut self.bytes));
        }
    }
}

fn pieces(body: ByteStream) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    stream::try_unfold(body, |mut body| async move {
        let piece = body.try_next().await.map_err(|_| std::io::Error::other("S3 broke off within a file"))?;
        Ok(piece.map(|piece| (piece, body)))
    })
}
