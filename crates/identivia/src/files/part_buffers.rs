//! The parts in which a large file is sent, and their buffers.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file up to this size goes in one request, a larger one in parts of this size. S3 takes no smaller parts than 5 MiB:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
pub(super) const PART_BYTES: usize = 8 * 1024 * 1024;
/// The most parts in memory at once, over all requests.
pub(super) const MAX_PARTS: usize = 4;

/// Buffers for parts, reused because allocators keep the memory that many threads have freed.
#[derive(Default)]
pub(super) struct SpareBuffers(Mutex<Vec<Vec<u8>>>);

impl SpareBuffers {
    fn lock_buffers(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part of a file. Its buffer is reused once it is dropped.
pub(super) struct FilePart {
    bytes: Vec<u8>,
    spare: Arc<SpareBuffers>,
}

impl FilePart {
    /// Reads the part of a file that begins at that byte.
    pub(super) fn read_from(file: &File, at: u64, spare: Arc<SpareBuffers>) -> std::io::Result<Self> {
        let mut bytes = spare.lock_buffers().pop().unwrap_or_else(|| Vec::with_capacity(PART_BYTES));
        let left = file.metadata()?.len().saturating_sub(at);
        bytes.resize(usize::try_from(left).unwrap_or(PART_BYTES).min(PART_BYTES), 0);
        file.read_exact_at(&mut bytes, at)?;
        Ok(Self { bytes, spare })
    }
}

impl AsRef<[u8]> for FilePart {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for FilePart {
    fn drop(&mut self) {
        let mut buffers = self.spare.lock_buffers();
        if buffers.len() < MAX_PARTS {
            buffers.push(std::mem::take(&mut self.bytes));
        }
    }
}
