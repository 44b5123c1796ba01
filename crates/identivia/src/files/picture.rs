//! Whether a picture decodes: size from its header first, then every pixel, within a budget of memory.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use vision::intake;

use super::{Files, FilesError, blocking};

/// Megapixels decoded at once, over all requests. One picture of the largest size takes all of it.
pub(super) const BUDGET: usize = 50;
/// The least a picture counts: its file is held in memory while it is looked at.
const LEAST: u64 = 10;
/// What is kept of a picture that is only checked, in pixels a side.
const SIDE: u32 = 16;

/// What is wrong with a picture, in words for the person who sent it.
pub type Fault = String;

impl Files {
    /// Decodes a picture whole. Gives the file back, with the number of its pixels or what is wrong with it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn check_picture(self: &Arc<Self>, file: File) -> Result<(File, Result<u64, Fault>), FilesError> {
        let place = self.decoding_place(LEAST).await?;
        let (file, size) = held(place, move || looked_at(file, intake::read_size)).await?;
        let pixels = match size {
            Ok((_, width, height)) => u64::from(width) * u64::from(height),
            Err(fault) => return Ok((file, Err(fault))),
        };
        let place = self.decoding_place(pixels.div_ceil(1_000_000)).await?;
        let decoded = move || looked_at(file, |bytes| intake::decode_photo(bytes, SIDE).map(drop));
        let (file, decoded) = held(place, decoded).await?;
        Ok((file, decoded.map(|()| pixels)))
    }

    async fn decoding_place(&self, megapixels: u64) -> Result<OwnedSemaphorePermit, FilesError> {
        let share = megapixels.clamp(LEAST, BUDGET as u64);
        let permits = u32::try_from(share).unwrap_or(u32::MAX);
        let place = self.decoding.clone().acquire_many_owned(permits).await;
        place.map_err(|error| FilesError::Failed(error.to_string()))
    }
}

/// Runs work whose place is taken until it is over: also when whoever asked for it has gone.
async fn held<T: Send + 'static>(
    place: OwnedSemaphorePermit,
    work: impl FnOnce() -> Result<T, FilesError> + Send + 'static,
) -> Result<T, FilesError> {
    blocking(move || {
        let _place = place;
        work()
    })
    .await
}

fn looked_at<T>(
    mut file: File,
    look: impl FnOnce(&[u8]) -> Result<T, intake::PictureRefusal>,
) -> Result<(File, Result<T, Fault>), FilesError> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    let found = look(&bytes).map_err(|refused| refused.to_string());
    Ok((file, found))
}
