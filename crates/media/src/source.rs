//! The source file: opened once, measured, hashed, and its format detected from the content.

use crate::error::{MediaError, Transient};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{
    MediaKind, Sha256, detect,
    ifd::ReadAt,
    image::{ImageFormat, ImageLimits},
    raw,
};
use std::{
    cell::RefCell,
    fs::File,
    io::{self, BufReader, Read, Seek},
    os::unix::fs::FileExt as _,
    path::Path,
};

/// An image file of a supported format and an accepted size.
pub(crate) struct Source {
    file: File,
    /// Detected from the content.
    pub(crate) format: ImageFormat,
    /// Its media type; for raw files the camera maker's.
    pub(crate) content_type: &'static str,
    /// Size in bytes.
    pub(crate) bytes: u64,
    /// Digest of the whole content.
    pub(crate) sha256: Sha256,
}

impl Source {
    /// Opens a file. Refuses it if its size is over the limit or its format is not supported.
    pub(crate) fn open(path: &Path, limits: &ImageLimits) -> Result<Self, MediaError> {
        let mut file = File::open(path).map_err(Transient::Read)?;
        let bytes = file.metadata().map_err(Transient::Read)?.len();
        limits.check_bytes(bytes)?;
        let (head, sha256) = read_through(&mut file).map_err(Transient::Read)?;
        file.rewind().map_err(Transient::Read)?;
        let whole = AnyOffset::new(file.try_clone().map_err(Transient::Read)?);
        let (format, content_type) = image_format(&head, &whole)?;
        whole.check().map_err(Transient::Read)?;
        Ok(Self { file, format, content_type, bytes, sha256 })
    }

    /// The file, for callers that read small parts at arbitrary offsets.
    pub(crate) fn any_offset(&self) -> Result<AnyOffset, MediaError> {
        Ok(AnyOffset::new(self.file()?))
    }

    /// A buffered reader from the start, for decoders that need only a part at a time.
    pub(crate) fn reader(&self) -> Result<BufReader<File>, MediaError> {
        let mut file = self.file()?;
        file.rewind().map_err(Transient::Read)?;
        Ok(BufReader::with_capacity(64 * 1024, file))
    }

    /// The open file. All handles share one position.
    pub(crate) fn file(&self) -> Result<File, MediaError> {
        Ok(self.file.try_clone().map_err(Transient::Read)?)
    }

    /// The whole content, for decoders that need it in memory. Reads no more than the measured size.
    pub(crate) fn content(&self) -> Result<Vec<u8>, MediaError> {
        let mut content = Vec::with_capacity(usize::try_from(self.bytes).unwrap_or(0));
        self.reader()?.into_inner().take(self.bytes).read_to_end(&mut content).map_err(Transient::Read)?;
        Ok(content)
    }
}

/// Reads the whole file; returns its first bytes and its digest.
fn read_through(file: &mut File) -> std::io::Result<(Vec<u8>, Sha256)> {
    let mut buffer = vec![0; 256 * 1024];
    let mut head = Vec::new();
    let mut hasher = Hasher::new();
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((head, Sha256::from_bytes(hasher.finalize().into())));
        }
        hasher.update(&buffer[..read]);
        let wanted = detect::HEAD_BYTES.saturating_sub(head.len()).min(read);
        head.extend_from_slice(&buffer[..wanted]);
    }
}

/// A file that is read at any offset. Readers see unreadable bytes as missing; [`AnyOffset::check`] returns the cause.
pub(crate) struct AnyOffset {
    file: File,
    failure: RefCell<Option<io::Error>>,
}

impl AnyOffset {
    const fn new(file: File) -> Self {
        Self { file, failure: RefCell::new(None) }
    }

    /// Returns the last read error, if any, other than reading past the end of the file.
    pub(crate) fn check(self) -> io::Result<()> {
        self.failure.into_inner().map_or(Ok(()), Err)
    }
}

impl ReadAt for AnyOffset {
    fn fill(&self, offset: u64, into: &mut [u8]) -> Option<()> {
        match self.file.read_exact_at(into, offset) {
            Ok(()) => Some(()),
            // InvalidInput: an offset larger than any file's is also past the end.
            Err(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput) => None,
            Err(error) => {
                self.failure.replace(Some(error));
                None
            }
        }
    }
}

/// Detects format and media type from the content; refuses everything except supported images. Raw files look like
/// TIFF, and what distinguishes them can be anywhere in the file.
fn image_format<R: ReadAt + ?Sized>(head: &[u8], whole: &R) -> Result<(ImageFormat, &'static str), MediaError> {
    let found = detect::known_as(head, &[MediaKind::Image])?.content_type;
    let is_tiff = ImageFormat::of_content_type(found) == Some(ImageFormat::Tiff);
    let found = if is_tiff { raw::content_type(whole).unwrap_or(found) } else { found };
    let format = ImageFormat::of_content_type(found).ok_or_else(|| detect::refusal(found))?;
    Ok((format, if format == ImageFormat::Raw { found } else { format.content_type() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_file_is_recognised_by_data_beyond_its_first_bytes() {
        let mut file = b"II*\0\0\0\x02\0".to_vec();
        file.resize(0x2_0000, 0);
        file.extend(b"\x01\0\x12\xC6\x01\0\x04\0\0\0\x01\x04\0\0\0\0\0\0");
        let head = &file[..detect::HEAD_BYTES];
        let dng = image_format(head, &file[..]).expect("an image");
        assert_eq!(dng, (ImageFormat::Raw, "image/x-adobe-dng"));
        let cut = image_format(head, head).expect("an image");
        assert_eq!(cut, (ImageFormat::Tiff, "image/tiff"));
    }
}
