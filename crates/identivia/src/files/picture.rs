//! Whether a picture decodes: size from its header first, then every pixel, within a budget of memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Seek};
use std::sync::Arc;

use image_webp::WebPDecoder;
use tokio::sync::OwnedSemaphorePermit;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::{Files, FilesError, blocking};
use crate::domain::media::{MAX_PIXELS, Media};

/// Megapixels decoded at once, over all requests. One picture of the largest size takes all of it.
pub(super) const BUDGET: usize = 50;
/// The least a picture counts: its file is held in memory while it is looked at.
const LEAST: u64 = 10;
/// The most memory a decoder may take beside its picture, in bytes.
const DECODER_BYTES: usize = 64 * 1024 * 1024;

/// What is wrong with a picture, in words for the person who sent it.
pub type Fault = String;

impl Files {
    /// Decodes a picture whole. Gives the file back, with the number of its pixels or what is wrong with it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn check_picture(
        self: &Arc<Self>,
        file: File,
        media: Media,
    ) -> Result<(File, Result<u64, Fault>), FilesError> {
        let place = self.decoding_place(LEAST).await?;
        let (file, pixels) = held(place, move || measure(file, media)).await?;
        let pixels = match pixels {
            Ok(pixels) => pixels,
            Err(fault) => return Ok((file, Err(fault))),
        };
        let place = self.decoding_place(pixels.div_ceil(1_000_000)).await?;
        let (file, fault) = held(place, move || decode(file, media)).await?;
        Ok((file, fault.map_or(Ok(pixels), Err)))
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

/// What a decoder says of bytes it cannot read. Its words are not passed on.
struct Undecodable;

impl<E: std::error::Error> From<E> for Undecodable {
    fn from(_: E) -> Self {
        Self
    }
}

/// Reads the size from the header; nothing is decoded.
fn measure(file: File, media: Media) -> Result<(File, Result<u64, Fault>), FilesError> {
    let size = match media {
        Media::Png => reader(&file).map(png_size),
        Media::WebP => reader(&file).map(webp_size),
        _ => contents(&file).map(|bytes| jpeg_size(&bytes)),
    }?;
    let outcome = match size {
        Err(Undecodable) => Err(format!("is no {} picture that can be read", media.extension())),
        Ok((width, height)) if u64::from(width) * u64::from(height) > MAX_PIXELS => {
            Err(format!("has {width} x {height} pixels; at most 50 megapixels are taken"))
        }
        Ok((width, height)) => Ok(u64::from(width) * u64::from(height)),
    };
    Ok((file, outcome))
}

fn decode(file: File, media: Media) -> Result<(File, Option<Fault>), FilesError> {
    let decoded = match media {
        Media::Png => reader(&file).map(decode_png),
        Media::WebP => reader(&file).map(decode_webp),
        _ => contents(&file).map(|bytes| decode_jpeg(&bytes)),
    }?;
    let fault = decoded.err().map(|Undecodable| "is damaged or cut off: it does not decode".to_owned());
    Ok((file, fault))
}

fn reader(file: &File) -> Result<BufReader<File>, FilesError> {
    let mut handle = file.try_clone()?;
    handle.rewind()?;
    Ok(BufReader::new(handle))
}

fn contents(file: &File) -> Result<Vec<u8>, FilesError> {
    let mut bytes = Vec::new();
    reader(file)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn jpeg(bytes: &[u8]) -> JpegDecoder<ZCursor<&[u8]>> {
    JpegDecoder::new_with_options(ZCursor::new(bytes), jpeg_options())
}

/// Strict, because a lenient decoder paints grey over what is missing and calls it a picture.
fn jpeg_options() -> DecoderOptions {
    DecoderOptions::default().set_strict_mode(true).set_max_width(usize::MAX).set_max_height(usize::MAX)
}

fn jpeg_size(bytes: &[u8]) -> Result<(u32, u32), Undecodable> {
    let mut decoder = jpeg(bytes);
    decoder.decode_headers()?;
    let info = decoder.info().ok_or(Undecodable)?;
    Ok((u32::from(info.width), u32::from(info.height)))
}

fn decode_jpeg(bytes: &[u8]) -> Result<(), Undecodable> {
    let mut decoder = jpeg(bytes);
    decoder.decode_headers()?;
    if decoder.input_colorspace() == Some(ColorSpace::YCbCr) {
        // Brightness alone shows that it decodes, for a third of the memory.
        decoder.set_options(jpeg_options().jpeg_set_out_colorspace(ColorSpace::Luma));
    }
    decoder.decode()?;
    Ok(())
}

/// A decoder of what is seen, and of nothing beside it.
pub(crate) fn png_decoder<R: BufRead + Seek>(reader: R) -> png::Decoder<R> {
    let mut options = png::DecodeOptions::default();
    // Texts and colour profiles may be bombs, and nobody reads them here.
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder = png::Decoder::new_with_options(reader, options);
    decoder.set_limits(png::Limits { bytes: DECODER_BYTES });
    decoder
}

fn png(reader: BufReader<File>) -> Result<png::Reader<BufReader<File>>, Undecodable> {
    Ok(png_decoder(reader).read_info()?)
}

fn png_size(reader: BufReader<File>) -> Result<(u32, u32), Undecodable> {
    let reader = png(reader)?;
    Ok((reader.info().width, reader.info().height))
}

/// Row by row, so that the size of the picture does not matter.
fn decode_png(reader: BufReader<File>) -> Result<(), Undecodable> {
    let mut reader = png(reader)?;
    while reader.next_row()?.is_some() {}
    Ok(())
}

fn webp_size(reader: BufReader<File>) -> Result<(u32, u32), Undecodable> {
    Ok(WebPDecoder::new(reader)?.dimensions())
}

fn decode_webp(reader: BufReader<File>) -> Result<(), Undecodable> {
    let mut decoder = WebPDecoder::new(reader)?;
    decoder.set_memory_limit(DECODER_BYTES);
    let mut pixels = vec![0; decoder.output_buffer_size().ok_or(Undecodable)?];
    Ok(decoder.read_image(&mut pixels)?)
}
