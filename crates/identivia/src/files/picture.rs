//! Pictures before they are stored: rebuilt from the parts that draw them, then decoded completely, within a memory budget.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::sync::Arc;

use vision::intake;
use vision::quality::detect_editor;

use super::Files;
use super::error::{FilesError, run_blocking};
use crate::domain::media::{MAX_IMAGE_BYTES, Media};
use crate::work::fair_permits::WorkPermit;
use crate::work::holder::WorkHolder;

/// The megapixels that every picture counts at least, because its file is in memory, as sent and rebuilt.
pub(super) const MIN_MEGAPIXELS: u32 = 10;

/// What is wrong with a picture, in words for the person who sent it.
pub type PictureFault = String;

/// A file that may be stored. For a picture there is one only after it was rebuilt.
#[derive(Debug)]
pub struct StorableFile {
    file: File,
    origin: FileOrigin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileOrigin {
    RebuiltPicture,
    ReceivedVideo,
    OtherStore,
}

impl StorableFile {
    /// A video as it was received.
    #[must_use]
    pub const fn from_video(file: File) -> Self {
        Self { file, origin: FileOrigin::ReceivedVideo }
    }

    /// A file as another store has it: `copy` compares the bytes of both sides.
    #[must_use]
    pub const fn from_other_store(file: File) -> Self {
        Self { file, origin: FileOrigin::OtherStore }
    }

    /// The file, to be stored under a name of that kind. A picture that was called a video is refused.
    pub(super) fn into_file(self, media: Option<Media>) -> Result<File, FilesError> {
        let is_video = media.is_some_and(Media::is_video);
        if self.origin == FileOrigin::ReceivedVideo && !is_video {
            return Err(FilesError::Failed("a picture that was not rebuilt cannot be stored".to_owned()));
        }
        Ok(self.file)
    }
}

/// A picture that was rebuilt and decodes.
#[derive(Debug)]
pub struct StorablePicture {
    pub file: StorableFile,
    /// The editing program that the picture as sent named: a word of a closed list. The rebuilt picture names none.
    pub editor: Option<&'static str>,
}

/// What a picture as sent says.
#[derive(Clone, Copy, Debug, Default)]
pub struct CheckedPicture {
    pub pixels: u64,
    /// The editing program that it named: a word of a closed list.
    pub editor: Option<&'static str>,
}

/// What becomes of the file of a checked picture.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FileUse {
    /// It stays as it was sent: it is read once and not stored.
    Read,
    /// The rebuilt picture takes its place.
    Store,
}

impl Files {
    /// Checks a picture that is read once and not stored, when it is the holder's turn. Returns the file as sent, with the number of its pixels or its
    /// fault.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn check_picture(
        self: &Arc<Self>,
        file: File,
        holder: &WorkHolder,
    ) -> Result<(File, Result<u64, PictureFault>), FilesError> {
        let (file, checked) = self.check_file(file, FileUse::Read, holder).await?;
        Ok((file, checked.map(|checked| checked.pixels)))
    }

    /// Rebuilds a picture that is read once and not stored, in place: what is read is then what would be stored. Returns the
    /// file with what the picture as sent said, or its fault.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub async fn rebuild_scratch_picture(
        self: &Arc<Self>,
        file: File,
        holder: &WorkHolder,
    ) -> Result<(File, Result<CheckedPicture, PictureFault>), FilesError> {
        self.check_file(file, FileUse::Store, holder).await
    }

    /// Rebuilds the picture in a file from the parts that draw it, in place, and decodes what is to be stored, when it is the
    /// holder's turn.
    ///
    /// # Errors
    /// When the file cannot be read or written. The fault of a picture is for the person who sent it.
    pub async fn rebuild_picture(
        self: &Arc<Self>,
        file: File,
        holder: &WorkHolder,
    ) -> Result<Result<StorablePicture, PictureFault>, FilesError> {
        let (file, checked) = self.check_file(file, FileUse::Store, holder).await?;
        let to_storable = |file| StorableFile { file, origin: FileOrigin::RebuiltPicture };
        Ok(checked.map(|checked| StorablePicture { file: to_storable(file), editor: checked.editor }))
    }

    async fn check_file(
        &self,
        file: File,
        file_use: FileUse,
        holder: &WorkHolder,
    ) -> Result<(File, Result<CheckedPicture, PictureFault>), FilesError> {
        if file.metadata()?.len() > MAX_IMAGE_BYTES {
            return Ok((file, Err("has more than 10 MiB".to_owned())));
        }
        let permit = self.acquire_decoding_permit(holder, 0).await;
        let read_size = move || {
            let (bytes, file) = read_file(file)?;
            Ok((file, intake::read_size(&bytes)))
        };
        let (file, size) = run_with_permit(permit, read_size).await?;
        let pixels = match size {
            Ok((_, width, height)) => u64::from(width) * u64::from(height),
            Err(refusal) => return Ok((file, Err(refusal.to_string()))),
        };
        let permit = self.acquire_decoding_permit(holder, pixels).await;
        run_with_permit(permit, move || {
            let (sent, mut file) = read_file(file)?;
            match rebuild_and_decode(sent) {
                Ok(rebuilt) => {
                    if file_use == FileUse::Store {
                        overwrite_file(&mut file, &rebuilt.bytes)?;
                    }
                    let editor = rebuilt.tags.software.as_deref().and_then(detect_editor);
                    Ok((file, Ok(CheckedPicture { pixels, editor })))
                }
                Err(refusal) => Ok((file, Err(refusal.to_string()))),
            }
        })
        .await
    }

    async fn acquire_decoding_permit(&self, holder: &WorkHolder, pixels: u64) -> WorkPermit {
        let megapixels = u32::try_from(pixels.div_ceil(1_000_000)).unwrap_or(u32::MAX);
        self.decoding.acquire(holder.clone(), megapixels.max(self.least_megapixels)).await
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

fn read_file(mut file: File) -> Result<(Vec<u8>, File), FilesError> {
    let length = usize::try_from(file.metadata()?.len()).unwrap_or_default();
    let mut bytes = Vec::with_capacity(length);
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok((bytes, file))
}

fn overwrite_file(file: &mut File, bytes: &[u8]) -> std::io::Result<()> {
    file.rewind()?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)
}

/// Rebuilds a picture, and checks that what was rebuilt decodes: what is stored is what was checked. The picture as sent is
/// not in memory while its pixels are.
fn rebuild_and_decode(sent: Vec<u8>) -> Result<intake::RebuiltPicture, intake::PictureRefusal> {
    let rebuilt = intake::rebuild_picture(&sent)?;
    drop(sent);
    rebuilt.check_decoding()?;
    Ok(rebuilt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s52_picture_cannot_be_stored_as_a_video() {
        let received = || StorableFile::from_video(tempfile::tempfile().unwrap());
        assert!(received().into_file(Some(Media::WebM)).is_ok());
        assert!(received().into_file(Some(Media::Jpeg)).is_err());
        assert!(received().into_file(None).is_err());
    }
}
