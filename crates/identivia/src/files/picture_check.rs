//! Checks that an uploaded picture decodes: its size from the header first, then every pixel, within a memory budget.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::sync::Arc;

use vision::intake;

use super::Files;
use super::error::{FilesError, run_blocking};
use crate::work::fair_permits::WorkPermit;
use crate::work::holder::WorkHolder;

/// The megapixels that every picture counts at least, because its file is in memory while it is decoded.
const MIN_MEGAPIXELS: u32 = 10;
/// The checked picture is scaled down to this side, in pixels: only the check matters.
const CHECK_SIDE: u32 = 16;

/// What is wrong with a picture, in words for the person who sent it.
pub type PictureFault = String;

impl Files {
    /// Decodes a whole picture, when it is the holder's turn. Returns the file, with the number of its pixels or its fault.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn check_picture(
        self: &Arc<Self>,
        file: File,
        holder: &WorkHolder,
    ) -> Result<(File, Result<u64, PictureFault>), FilesError> {
        let permit = self.acquire_decoding_permit(holder, 0).await;
        let (file, size) = run_with_permit(permit, move || read_picture(file, intake::read_size)).await?;
        let pixels = match size {
            Ok((_, width, height)) => u64::from(width) * u64::from(height),
            Err(fault) => return Ok((file, Err(fault))),
        };
        let permit = self.acquire_decoding_permit(holder, pixels).await;
        let decoding = move || read_picture(file, |bytes| intake::decode_photo(bytes, CHECK_SIDE).map(drop));
        let (file, decoded) = run_with_permit(permit, decoding).await?;
        Ok((file, decoded.map(|()| pixels)))
    }

    async fn acquire_decoding_permit(&self, holder: &WorkHolder, pixels: u64) -> WorkPermit {
        let megapixels = u32::try_from(pixels.div_ceil(1_000_000)).unwrap_or(u32::MAX);
        self.decoding.acquire(holder.clone(), megapixels.max(MIN_MEGAPIXELS)).await
    }
}

/// Runs work that holds its permit until the end, also when the caller is gone.
async fn run_with_permit<T: Send + 'static>(
    permit: WorkPermit,
    work: impl FnOnce() -> Result<T, FilesError> + Send + 'static,
) -> Result<T, FilesError> {
    run_blocking(move || {
        let _work = permit.begin_work();
        work()
    })
    .await
}

fn read_picture<T>(
    mut file: File,
    read: impl FnOnce(&[u8]) -> Result<T, intake::PictureRefusal>,
) -> Result<(File, Result<T, PictureFault>), FilesError> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    let result = read(&bytes).map_err(|refused| refused.to_string());
    Ok((file, result))
}
