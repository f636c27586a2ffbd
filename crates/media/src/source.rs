//! The file: opened once, measured and hashed, and named by its content.

use crate::error::{Fault, MediaError, unsupported};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{
    MediaKind, Sha256, detect,
    image::{self, ImageFormat, ImageLimits},
};
use std::{
    fs::File,
    io::{BufReader, Read, Seek},
    path::Path,
};

/// An image file, proven to be of a format that is decoded and of an acceptable number of bytes.
pub(crate) struct Source {
    file: File,
    /// Found in the content.
    pub(crate) format: ImageFormat,
    /// Size in bytes.
    pub(crate) bytes: u64,
    /// Of the whole content.
    pub(crate) sha256: Sha256,
}

impl Source {
    /// Opens a file, and refuses it where its size or its first bytes already tell.
    pub(crate) fn open(path: &Path, limits: &ImageLimits) -> Result<Self, MediaError> {
        let mut file = File::open(path).map_err(Fault::Read)?;
        let bytes = file.metadata().map_err(Fault::Read)?.len();
        limits.check_bytes(bytes)?;
        let (head, sha256) = read_through(&mut file).map_err(Fault::Read)?;
        let format = image_format(&head)?;
        file.rewind().map_err(Fault::Read)?;
        Ok(Self { file, format, bytes, sha256 })
    }

    /// A buffered reader from the start, for decoders that need only a part at a time.
    pub(crate) fn reader(&self) -> Result<BufReader<File>, MediaError> {
        let mut file = self.file()?;
        file.rewind().map_err(Fault::Read)?;
        Ok(BufReader::with_capacity(64 * 1024, file))
    }

    /// The open file, whose position is shared by all who have it.
    pub(crate) fn file(&self) -> Result<File, MediaError> {
        Ok(self.file.try_clone().map_err(Fault::Read)?)
    }

    /// The whole content, for decoders that need it in memory; no more of it than was measured.
    pub(crate) fn content(&self) -> Result<Vec<u8>, MediaError> {
        let mut content = Vec::with_capacity(usize::try_from(self.bytes).unwrap_or(0));
        self.reader()?.into_inner().take(self.bytes).read_to_end(&mut content).map_err(Fault::Read)?;
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

/// The format that the first bytes show, if it is an image that is decoded here.
fn image_format(head: &[u8]) -> Result<ImageFormat, MediaError> {
    let found = detect::known(head)?;
    match found.kind {
        MediaKind::Image => {}
        MediaKind::Video => {
            return Err(unsupported(format!("the content is video ({}), not an image", found.content_type)));
        }
        MediaKind::Audio => {
            return Err(unsupported(format!("the content is audio ({}), not an image", found.content_type)));
        }
    }
    ImageFormat::of_content_type(found.content_type).ok_or_else(|| unsupported(image::undecoded(found.content_type)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(head: &[u8]) -> String {
        image_format(head).expect_err("not decoded").to_string()
    }

    #[test]
    fn formats_that_are_not_decoded_are_refused_by_name() {
        for (head, name) in [
            (&b"\0\0\0\x14ftypcrx \0\0\0\0isom"[..], "camera raw"),
            (b"8BPS\0\x01", "PSD"),
            (b"\0\0\x01\0\x01\0", "ICO"),
            (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video"),
            (b"ID3\x03\0\0\0\0\0\0", "audio"),
            (b"hello", "not a recognised"),
            (b"", "not a recognised"),
        ] {
            let text = message(head);
            assert!(text.contains(name), "{name} is not in: {text}");
        }
    }
}
