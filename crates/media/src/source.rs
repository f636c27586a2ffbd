//! The file: opened once, measured and hashed, and named by its content.

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

/// An image file, proven to be of a format that is decoded and of an acceptable number of bytes.
pub(crate) struct Source {
    file: File,
    /// Found in the content.
    pub(crate) format: ImageFormat,
    /// Its media type; of raw files the camera maker's.
    pub(crate) content_type: &'static str,
    /// Size in bytes.
    pub(crate) bytes: u64,
    /// Of the whole content.
    pub(crate) sha256: Sha256,
}

impl Source {
    /// Opens a file, and refuses it where its size or its first bytes already tell.
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

    /// The file, for who needs little of it here and there.
    pub(crate) fn any_offset(&self) -> Result<AnyOffset, MediaError> {
        Ok(AnyOffset::new(self.file()?))
    }

    /// A buffered reader from the start, for decoders that need only a part at a time.
    pub(crate) fn reader(&self) -> Result<BufReader<File>, MediaError> {
        let mut file = self.file()?;
        file.rewind().map_err(Transient::Read)?;
        Ok(BufReader::with_capacity(64 * 1024, file))
    }

    /// The open file, whose position is shared by all who have it.
    pub(crate) fn file(&self) -> Result<File, MediaError> {
        Ok(self.file.try_clone().map_err(Transient::Read)?)
    }

    /// The whole content, for decoders that need it in memory; no more of it than was measured.
    pub(crate) fn content(&self) -> Result<Vec<u8>, MediaError> {
        let mut content = Vec::with_capacity(usize::try_from(self.bytes).unwrap_or(0));
        self.reader()?.into_inner().take(self.bytes).read_to_end(&mut content).map_err(Transient::Read)?;
        Ok(content)
    }
}

/// The first bytes and the digest of all of them.
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

/// A file that is read at any offset. What cannot be read is missing to its readers; why, [`AnyOffset::check`] says.
pub(crate) struct AnyOffset {
    file: File,
    failure: RefCell<Option<io::Error>>,
}

impl AnyOffset {
    const fn new(file: File) -> Self {
        Self { file, failure: RefCell::new(None) }
    }

    /// The failure to read that was no end of the file, if there was one.
    pub(crate) fn check(self) -> io::Result<()> {
        self.failure.into_inner().map_or(Ok(()), Err)
    }
}

impl ReadAt for AnyOffset {
    fn fill(&self, offset: u64, into: &mut [u8]) -> Option<()> {
        match self.file.read_exact_at(into, offset) {
            Ok(()) => Some(()),
            // An offset that no file can have is beyond the end too.
            Err(error) if matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput) => None,
            Err(error) => {
                self.failure.replace(Some(error));
                None
            }
        }
    }
}

/// The format that the content shows, if it is an image that is decoded here, and its media type. Raw files look like
/// TIFF, and what tells them apart can be anywhere.
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
    fn a_raw_file_is_told_by_what_comes_after_its_first_bytes() {
        let mut file = b"II*\0\0\x20\0\0".to_vec();
        file.resize(0x2000, 0);
        file.extend(b"\x01\0\x12\xC6\x01\0\x04\0\0\0\x01\x04\0\0\0\0\0\0");
        let head = &file[..detect::HEAD_BYTES];
        let dng = image_format(head, &file[..]).expect("an image");
        assert_eq!(dng, (ImageFormat::Raw, "image/x-adobe-dng"));
        let cut = image_format(head, head).expect("an image");
        assert_eq!(cut, (ImageFormat::Tiff, "image/tiff"));
    }
}
