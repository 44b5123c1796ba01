//! Files in an S3 bucket: `<prefix>/<collection>/<record id>/<stored name>`.
//!
//! A file is written to a nameless local file, checked there, and sent once it is whole. What S3 has acknowledged is
//! durable. A request that was given up may still arrive, because parts of it can be in a buffer on the way. So the intent of
//! a failed upload stays until nothing of it can arrive any more, and then its files are removed once again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{self, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::backend::{FileBackend, ListedFile, OpenFile, StoreOutcome, StoredPath};
use super::bucket_error::{to_files_error, unreadable_answer};
use super::error::{FilesError, run_blocking};
use super::file_writer::create_scratch_file;
use super::part_buffers::{FilePart, MAX_PARTS, PART_BYTES, SpareBuffers};
use super::store_marker::{MARKER_NAME, MAX_MARKER_BYTES};
use crate::aws_access::load_aws_config;
use crate::config::BucketLocation;
use crate::domain::media::Media;
use crate::records::id::RecordId;
use crate::store::{Collection, FileIntent};

/// How long a part waits for a permit. If that is not enough, S3 does not keep up with the uploads.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the result of a health check is valid.
const HEALTH_VALID: Duration = Duration::from_secs(5);
/// The most attempts at a request, including the first.
const MAX_ATTEMPTS: u32 = 3;
/// The timeouts of calls to S3.
#[derive(Clone, Copy, Debug)]
pub struct BucketTimeouts {
    /// For the connection.
    pub connect: Duration,
    /// Until an answer begins. A request that sends a file has the whole attempt instead.
    pub answer: Duration,
    pub attempt: Duration,
    /// For all attempts and the delays between them.
    pub operation: Duration,
    /// For a health check.
    pub health: Duration,
}

impl Default for BucketTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(10),
            attempt: Duration::from_secs(30),
            operation: Duration::from_secs(60),
            health: Duration::from_secs(3),
        }
    }
}

impl BucketTimeouts {
    fn to_timeout_config(self) -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(self.connect)
            .read_timeout(self.answer)
            .operation_attempt_timeout(self.attempt)
            .operation_timeout(self.operation)
            .build()
    }

    /// Overrides a client's timeouts for one operation.
    fn to_override(self) -> config::Builder {
        config::Config::builder().timeout_config(self.to_timeout_config())
    }
}

/// A bucket, with the result of its last health check.
pub struct S3Bucket {
    client: Client,
    name: String,
    prefix: String,
    scratch: PathBuf,
    timeouts: BucketTimeouts,
    /// The checksum of a file's parts; `None` where the server may not know S3's newer checksums.
    checksum: Option<ChecksumAlgorithm>,
    part_permits: Semaphore,
    spare_buffers: Arc<SpareBuffers>,
    last_check: Mutex<Option<BucketHealth>>,
}

struct BucketHealth {
    at: Instant,
    outcome: Result<(), String>,
}

impl S3Bucket {
    /// Opens a bucket. Files are written to nameless files in the `scratch` folder first.
    ///
    /// # Errors
    /// When the bucket does not exist, cannot be reached or denies access, or there are no credentials.
    pub async fn open(at: &BucketLocation, scratch: &Path, timeouts: BucketTimeouts) -> Result<Self, FilesError> {
        let bucket = Self {
            client: build_client(at, timeouts).await?,
            name: at.bucket.clone(),
            prefix: at.prefix.clone(),
            scratch: scratch.to_owned(),
            timeouts,
            checksum: at.endpoint.is_none().then_some(ChecksumAlgorithm::Crc32),
            part_permits: Semaphore::new(MAX_PARTS),
            spare_buffers: Arc::default(),
            last_check: Mutex::default(),
        };
        bucket.check_health().await?;
        Ok(bucket)
    }

    fn object_key(&self, path: &StoredPath) -> String {
        format!("{}{}", self.prefix, path.relative_path())
    }

    /// The prefix of the keys of a record's files.
    fn key_prefix(&self, intent: &FileIntent) -> String {
        format!("{}{}/{}/", self.prefix, intent.collection.name(), intent.record)
    }

    /// Lists at most one key. Unlike `HeadBucket`, whose answer has no body, a refusal says why, and the call needs no
    /// permission that is not needed anyway.
    async fn check_health(&self) -> Result<(), FilesError> {
        let health = self.timeouts.health;
        let timeouts = BucketTimeouts { answer: health, operation: health, ..self.timeouts };
        let list = self.client.list_objects_v2().bucket(&self.name).prefix(&self.prefix).max_keys(1);
        list.customize().config_override(timeouts.to_override()).send().await.map_err(to_files_error)?;
        Ok(())
    }

    /// The timeouts of a request that sends a file: its answer cannot begin before the whole file is sent.
    fn sending_timeouts(&self) -> config::Builder {
        BucketTimeouts { answer: self.timeouts.attempt, ..self.timeouts }.to_override()
    }

    async fn acquire_part_permit(&self) -> Result<SemaphorePermit<'_>, FilesError> {
        match timeout(PERMIT_TIMEOUT, self.part_permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(FilesError::Unavailable("S3 takes files more slowly than they come in".to_owned())),
        }
    }

    async fn read_part(&self, file: &Arc<File>, at: u64) -> Result<Bytes, FilesError> {
        let (file, spare) = (file.clone(), self.spare_buffers.clone());
        run_blocking(move || Ok(Bytes::from_owner(FilePart::read_from(&file, at, spare)?))).await
    }

    async fn send_whole(&self, key: &str, file: &Arc<File>) -> Result<(), FilesError> {
        let _permit = self.acquire_part_permit().await?;
        let put = self.client.put_object().bucket(&self.name).key(key).body(self.read_part(file, 0).await?.into());
        let put = put.set_content_type(content_type_of_key(key)).set_checksum_algorithm(self.checksum.clone());
        put.customize().config_override(self.sending_timeouts()).send().await.map_err(to_files_error)?;
        Ok(())
    }

    async fn send_in_parts(&self, key: &str, file: &Arc<File>, length: u64) -> Result<(), FilesError> {
        let create = self.client.create_multipart_upload().bucket(&self.name).key(key);
        let create = create.set_content_type(content_type_of_key(key)).set_checksum_algorithm(self.checksum.clone());
        let created = create.send().await.map_err(to_files_error)?;
        let id = created.upload_id().ok_or_else(unreadable_answer)?;
        let sent = self.send_parts(key, id, file, length).await;
        if sent.is_err() {
            // The sweep would abort it as well, but later.
            let _ = self.abort_upload(key, id).await;
        }
        sent
    }

    async fn send_parts(&self, key: &str, id: &str, file: &Arc<File>, length: u64) -> Result<(), FilesError> {
        let mut sent = CompletedMultipartUpload::builder();
        for (number, at) in (1..).zip((0..length).step_by(PART_BYTES)) {
            sent = sent.parts(self.send_part(key, id, file, number, at).await?);
        }
        let complete = self.client.complete_multipart_upload().bucket(&self.name).key(key).upload_id(id);
        let complete = complete.multipart_upload(sent.build());
        complete.customize().config_override(self.sending_timeouts()).send().await.map_err(to_files_error)?;
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
        let _permit = self.acquire_part_permit().await?;
        let send = self.client.upload_part().bucket(&self.name).key(key).upload_id(id).part_number(number);
        let send = send.body(self.read_part(file, at).await?.into()).set_checksum_algorithm(self.checksum.clone());
        let sent = send.customize().config_override(self.sending_timeouts()).send().await.map_err(to_files_error)?;
        let checksum = sent.checksum_crc32.filter(|_| self.checksum.is_some());
        Ok(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).set_checksum_crc32(checksum).build())
    }

    async fn abort_upload(&self, key: &str, id: &str) -> Result<(), FilesError> {
        let abort = self.client.abort_multipart_upload().bucket(&self.name).key(key).upload_id(id);
        match abort.send().await {
            Err(SdkError::ServiceError(refusal)) if refusal.err().code() == Some("NoSuchUpload") => Ok(()),
            outcome => outcome.map(|_| ()).map_err(to_files_error),
        }
    }

    async fn abort_intent_uploads(&self, intent: &FileIntent) -> Result<usize, FilesError> {
        let prefix = self.key_prefix(intent);
        let (mut aborted, mut key_marker, mut id_marker) = (0, None, None);
        loop {
            let list = self.client.list_multipart_uploads().bucket(&self.name).prefix(&prefix);
            let list = list.set_key_marker(key_marker).set_upload_id_marker(id_marker);
            let page = list.send().await.map_err(to_files_error)?;
            for upload in page.uploads() {
                if let (Some(key), Some(id)) = (upload.key(), upload.upload_id())
                    && names_key(intent, &prefix, key)
                {
                    self.abort_upload(key, id).await?;
                    aborted += 1;
                }
            }
            if page.is_truncated() != Some(true) || page.next_key_marker().is_none() {
                return Ok(aborted);
            }
            (key_marker, id_marker) = (page.next_key_marker, page.next_upload_id_marker);
        }
    }

    async fn delete_intent_objects(&self, intent: &FileIntent) -> Result<usize, FilesError> {
        let prefix = self.key_prefix(intent);
        let list = self.client.list_objects_v2().bucket(&self.name).prefix(&prefix);
        let mut pages = list.into_paginator().send();
        let mut deleted = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(to_files_error)?;
            for key in
                page.contents().iter().filter_map(|object| object.key()).filter(|key| names_key(intent, &prefix, key))
            {
                self.client.delete_object().bucket(&self.name).key(key).send().await.map_err(to_files_error)?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }
}

#[async_trait]
impl FileBackend for S3Bucket {
    async fn create_file(&self, _: &StoredPath) -> Result<File, FilesError> {
        self.check_writable().await?;
        create_scratch_file(&self.scratch).await
    }

    async fn store_file(&self, path: &StoredPath, file: File) -> Result<StoreOutcome, FilesError> {
        let (key, length, file) = (self.object_key(path), file.metadata()?.len(), Arc::new(file));
        if length <= PART_BYTES as u64 {
            self.send_whole(&key, &file).await?;
        } else {
            self.send_in_parts(&key, &file, length).await?;
        }
        Ok(StoreOutcome::Stored)
    }

    async fn copy_file(&self, from: &StoredPath, to: &StoredPath) -> Result<StoreOutcome, FilesError> {
        // The header is part of a URL. Neither bucket, prefix nor stored name has a character to encode.
        let source = format!("{}/{}", self.name, self.object_key(from));
        let copy = self.client.copy_object().bucket(&self.name).copy_source(source).key(self.object_key(to));
        copy.customize().config_override(self.sending_timeouts()).send().await.map_err(to_files_error)?;
        Ok(StoreOutcome::Stored)
    }

    async fn sync_record(&self, _: Collection, _: RecordId) -> Result<(), FilesError> {
        Ok(())
    }

    async fn open_file(&self, path: &StoredPath) -> Result<OpenFile, FilesError> {
        let get = self.client.get_object().bucket(&self.name).key(self.object_key(path));
        let got = get.send().await.map_err(to_files_error)?;
        let length =
            got.content_length().and_then(|length| u64::try_from(length).ok()).ok_or_else(unreadable_answer)?;
        Ok(OpenFile { length, chunks: to_chunks(got.body).boxed() })
    }

    async fn remove_files(&self, intent: &FileIntent) -> Result<usize, FilesError> {
        self.check_writable().await?;
        // An upload may be completed between the two steps, so objects come last.
        let aborted = self.abort_intent_uploads(intent).await?;
        Ok(aborted + self.delete_intent_objects(intent).await?)
    }

    fn list_files(&self) -> BoxStream<'_, Result<ListedFile, FilesError>> {
        let list = self.client.list_objects_v2().bucket(&self.name).prefix(&self.prefix);
        let pages = stream::try_unfold(list.into_paginator().send(), |mut pages| async move {
            let Some(page) = pages.next().await else { return Ok::<_, FilesError>(None) };
            Ok(Some((page.map_err(to_files_error)?, pages)))
        });
        let files = pages.map_ok(|page| {
            let objects = page.contents.unwrap_or_default().into_iter();
            let listed = objects.filter_map(|object| {
                let path = object.key?.strip_prefix(&self.prefix)?.to_owned();
                let length = u64::try_from(object.size.unwrap_or_default()).unwrap_or_default();
                (path != MARKER_NAME).then_some(Ok(ListedFile { path, length }))
            });
            stream::iter(listed.collect::<Vec<_>>())
        });
        files.try_flatten().boxed()
    }

    async fn read_marker(&self) -> Result<Option<String>, FilesError> {
        let get = self.client.get_object().bucket(&self.name).key(format!("{}{MARKER_NAME}", self.prefix));
        let mut body = match get.send().await.map_err(to_files_error) {
            Ok(got) => to_chunks(got.body).boxed(),
            Err(FilesError::Gone) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut marker = Vec::new();
        while let Some(chunk) = body.next().await {
            marker.extend_from_slice(&chunk.map_err(|error| FilesError::Unavailable(error.to_string()))?);
            marker.truncate(MAX_MARKER_BYTES);
        }
        Ok(Some(String::from_utf8_lossy(&marker).trim_end().to_owned()))
    }

    async fn write_marker(&self, marker: &str) -> Result<(), FilesError> {
        let put = self.client.put_object().bucket(&self.name).key(format!("{}{MARKER_NAME}", self.prefix));
        let put = put.body(ByteStream::from(format!("{marker}\n").into_bytes()));
        put.set_checksum_algorithm(self.checksum.clone()).send().await.map_err(to_files_error)?;
        Ok(())
    }

    async fn check_writable(&self) -> Result<(), FilesError> {
        // Concurrent callers wait for this check, so that a bucket out of reach gets one call.
        let mut last = self.last_check.lock().await;
        let recent = last.as_ref().filter(|check| check.at.elapsed() < HEALTH_VALID);
        let outcome = match recent {
            Some(check) => check.outcome.clone(),
            None => self.check_health().await.map_err(|error| error.to_string()),
        };
        if recent.is_none() {
            *last = Some(BucketHealth { at: Instant::now(), outcome: outcome.clone() });
        }
        outcome.map_err(FilesError::Unavailable)
    }

    fn may_arrive_late(&self) -> bool {
        true
    }
}

/// Builds the client of S3. It treats a redirect as an error, so data goes to the named host only.
async fn build_client(at: &BucketLocation, timeouts: BucketTimeouts) -> Result<Client, FilesError> {
    let sdk = load_aws_config(&at.access, at.endpoint.is_some()).await.map_err(FilesError::Failed)?;
    let mut config = config::Builder::from(&sdk)
        .timeout_config(timeouts.to_timeout_config())
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
        .force_path_style(at.endpoint.is_some());
    // Set in either case: the SDK's own could come from a file that our checks have not seen.
    config.set_endpoint_url(at.endpoint.clone());
    if at.endpoint.is_some() {
        config = config
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    }
    Ok(Client::from_conf(config.build()))
}

/// Says whether an intent names the file with that key.
fn names_key(intent: &FileIntent, prefix: &str, key: &str) -> bool {
    key.strip_prefix(prefix).is_some_and(|stored| intent.names_file(stored))
}

fn content_type_of_key(key: &str) -> Option<String> {
    Media::of_stored_name(key).map(|media| media.mime().to_owned())
}

fn to_chunks(body: ByteStream) -> impl Stream<Item = std::io::Result<Bytes>> + Send {
    stream::try_unfold(body, |mut body| async move {
        let chunk = body.try_next().await.map_err(|_| std::io::Error::other("S3 broke off within a file"))?;
        Ok(chunk.map(|chunk| (chunk, body)))
    })
}
