//! The file: opened once, measured and hashed, and named by its content.

use crate::error::{Fault, MediaError, unsupported};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{
    ErrorCode, MediaKind, Refusal, Sha256, detect,
    image::{ImageFormat, ImageLimits},
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
    if is_avif(head) {
        return Ok(ImageFormat::Avif);
    }
    let Some(found) = smmu_core::detect(head) else {
        return Err(unsupported(if looks_like_svg(head) {
            "SVG is not supported: it is a program that draws, not a picture"
        } else {
            "the content is of no image format that is known here"
        }));
    };
    match found.kind {
        MediaKind::Image => {}
        MediaKind::Video => {
            return Err(unsupported(format!("the content is video ({}), not an image", found.content_type)));
        }
        MediaKind::Audio => {
            return Err(unsupported(format!("the content is audio ({}), not an image", found.content_type)));
        }
    }
    ImageFormat::of_content_type(found.content_type).ok_or_else(|| {
        let name = format_name(found.content_type);
        Refusal::new(
            ErrorCode::UnsupportedMedia,
            format!("{name} is not supported; send JPEG, PNG, WebP, GIF, TIFF, BMP or AVIF"),
        )
        .into()
    })
}

/// What people call an image format that is not decoded here.
fn format_name(content_type: &str) -> &str {
    match content_type {
        "image/heif" | "image/heic" => "HEIC",
        "image/jxl" => "JPEG XL",
        "image/jp2" | "image/jpx" => "JPEG 2000",
        "image/vnd.ms-photo" => "JPEG XR",
        "image/vnd.adobe.photoshop" => "Photoshop (PSD)",
        "image/vnd.microsoft.icon" | "image/x-icon" => "the icon format (ICO)",
        "image/x-canon-cr2" => "Canon raw (CR2)",
        "image/vnd.djvu" => "DjVu",
        "image/openraster" => "OpenRaster",
        other => other,
    }
}

/// Whether any brand of the file is AVIF's; the major brand alone may be the generic `mif1`
/// (AV1 Image File Format, 6.1).
fn is_avif(head: &[u8]) -> bool {
    let (Some(length), Some(b"ftyp")) = (head.first_chunk::<4>(), head.get(4..8)) else { return false };
    let end = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX).min(head.len());
    let brands = head.get(8..end).unwrap_or_default();
    brands.chunks_exact(4).enumerate().any(|(index, brand)| index != 1 && matches!(brand, b"avif" | b"avis"))
}

fn looks_like_svg(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    text.trim_start_matches('\u{feff}').trim_start().starts_with('<') && text.contains("<svg")
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
            (&b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], "HEIC"),
            (b"8BPS\0\x01", "PSD"),
            (b"\0\0\x01\0\x01\0", "ICO"),
            (b"\xff\x0a\xfa\x7f\x01", "JPEG XL"),
            (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video"),
            (b"ID3\x03\0\0\0\0\0\0", "audio"),
            (b"hello", "no image format"),
            (b"", "no image format"),
        ] {
            let text = message(head);
            assert!(text.contains(name), "{name} is not in: {text}");
        }
    }

    #[test]
    fn a_generic_brand_with_avif_among_the_compatible_ones_is_avif() {
        let head = b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf";
        assert_eq!(image_format(head).expect("AVIF"), ImageFormat::Avif);
    }

    #[test]
    fn the_minor_version_of_a_file_is_no_brand() {
        assert!(!is_avif(b"\0\0\0\x14ftypheicavifheic"));
    }
}
