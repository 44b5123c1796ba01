//! Whether a picture decodes: size from its header first, then every pixel, within a budget of memory.

use std::fs::File;
use std::io::{BufReader, Seek as _};
use std::sync::Arc;

use image::{ImageFormat, ImageReader, Limits};

use super::{Files, FilesError, blocking};
use crate::domain::media::{MAX_PIXELS, MAX_SIDE, Media};

/// Megapixels decoded at once, over all requests. One picture of the largest size takes all of it.
pub(super) const BUDGET: usize = 50;
/// The least a picture counts: its file is held in memory while it is looked at.
const LEAST: u64 = 10;
/// The most memory one decoder may take, in bytes.
const DECODER_BYTES: u64 = 256 * 1024 * 1024;

/// What is wrong with a picture, in words for the person who sent it.
pub type Fault = String;

impl Files {
    /// Decodes a picture whole. Gives the file back, and what is wrong with the picture if it does not decode.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn check_picture(
        self: &Arc<Self>,
        file: File,
        media: Media,
    ) -> Result<(File, Option<Fault>), FilesError> {
        let (file, pixels) = {
            let _place = self.decoding_place(LEAST).await?;
            blocking(move || measure(file, media)).await?
        };
        let pixels = match pixels {
            Ok(pixels) => pixels,
            Err(fault) => return Ok((file, Some(fault))),
        };
        let _place = self.decoding_place(pixels.div_ceil(1_000_000)).await?;
        blocking(move || decode(file, media)).await
    }

    async fn decoding_place(&self, megapixels: u64) -> Result<tokio::sync::SemaphorePermit<'_>, FilesError> {
        let share = megapixels.clamp(LEAST, BUDGET as u64);
        let permits = u32::try_from(share).unwrap_or(u32::MAX);
        self.decoding.acquire_many(permits).await.map_err(|error| FilesError::Failed(error.to_string()))
    }
}

fn reader(file: &File, media: Media) -> Result<ImageReader<BufReader<File>>, FilesError> {
    let mut handle = file.try_clone()?;
    handle.rewind()?;
    let mut reader = ImageReader::new(BufReader::new(handle));
    reader.set_format(match media {
        Media::Png => ImageFormat::Png,
        Media::WebP => ImageFormat::WebP,
        _ => ImageFormat::Jpeg,
    });
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODER_BYTES);
    reader.limits(limits);
    Ok(reader)
}

/// Reads the size from the header; nothing is decoded. No larger picture gets as far as the decoder.
fn measure(file: File, media: Media) -> Result<(File, Result<u64, Fault>), FilesError> {
    let Ok((width, height)) = reader(&file, media)?.into_dimensions() else {
        return Ok((file, Err(format!("is no {} picture that can be read", media.extension()))));
    };
    let pixels = u64::from(width) * u64::from(height);
    let fits = width <= MAX_SIDE && height <= MAX_SIDE && pixels <= MAX_PIXELS;
    let outcome = if fits {
        Ok(pixels)
    } else {
        Err(format!("has {width} x {height} pixels; at most 50 megapixels and {MAX_SIDE} a side are taken"))
    };
    Ok((file, outcome))
}

fn decode(file: File, media: Media) -> Result<(File, Option<Fault>), FilesError> {
    let decoded = reader(&file, media)?.decode();
    let fault = decoded.err().map(|_| "is damaged or cut off: it does not decode".to_owned());
    Ok((file, fault))
}
