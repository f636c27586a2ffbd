//! Detects pictures with an embedded video: Motion Photos by Google, Samsung and others. The picture is processed; the
//! video is only measured and reported.

use crate::{error::MediaError, source::Source};
use memchr::memmem;
use smmu_core::{
    image::ImageFormat,
    iso_bmff::{BadSize, Header},
};

/// Size of the embedded video in bytes, if any.
pub(crate) fn embedded_video_bytes(source: &Source) -> Result<Option<u64>, MediaError> {
    Ok(match source.format {
        ImageFormat::Jpeg => behind_jpeg(&source.content()?),
        ImageFormat::Heic | ImageFormat::Avif => in_heif(&source.content()?),
        ImageFormat::Png
        | ImageFormat::Webp
        | ImageFormat::Gif
        | ImageFormat::Tiff
        | ImageFormat::Bmp
        | ImageFormat::Jxl
        | ImageFormat::Ppm
        | ImageFormat::Tga
        | ImageFormat::Ico
        | ImageFormat::Raw => None,
    })
}

/// Size of a video appended to a JPEG. Vendors announce it in different ways (Google's `MotionPhoto` and `MicroVideo`
/// in XMP, Samsung's trailer, Huawei's), so it is detected by its own boxes.
fn behind_jpeg(content: &[u8]) -> Option<u64> {
    memmem::find_iter(content, b"ftyp").filter_map(|at| video_bytes(content.get(at.checked_sub(4)?..)?)).max()
}

/// Size of a video in its own box (Google's and Samsung's `mpvd`) or after the picture's boxes.
fn in_heif(content: &[u8]) -> Option<u64> {
    let mut rest = content;
    loop {
        let (header, payload) = first_box(rest)?;
        match &header.kind {
            b"mpvd" => return video_bytes(payload),
            b"ftyp" if rest.len() < content.len() => return video_bytes(rest),
            _ => rest = rest.get(usize::try_from(header.bytes()).ok()?..)?,
        }
    }
}

/// Header and content of the first box, if it is complete.
fn first_box(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let header = Header::read(bytes.len() as u64, |offset| {
        let offset = usize::try_from(offset).map_err(|_| BadSize)?;
        bytes.get(offset..).and_then(<[u8]>::first_chunk).copied().ok_or(BadSize)
    });
    let header = header.ok()?;
    let within = |end: u64| usize::try_from(end).ok();
    Some((header, bytes.get(within(header.header_bytes)?..within(header.bytes())?)?))
}

/// Size of the video that starts here, up to the first bytes that are not one of its boxes. `None` if it is not
/// playable.
fn video_bytes(bytes: &[u8]) -> Option<u64> {
    let (mut at, mut playable) = (0_usize, false);
    while let Some((header, _)) = bytes.get(at..).and_then(first_box) {
        if !VIDEO_BOXES.contains(&&header.kind) || (at == 0) != (&header.kind == b"ftyp") {
            break;
        }
        playable |= matches!(&header.kind, b"moov" | b"moof");
        at += usize::try_from(header.bytes()).ok()?;
    }
    playable.then_some(at as u64)
}

/// Top-level boxes of a video file (ISO/IEC 14496-12, table 1; `QuickTime`).
const VIDEO_BOXES: &[&[u8; 4]] = &[
    b"ftyp", b"free", b"skip", b"wide", b"mdat", b"moov", b"moof", b"mfra", b"sidx", b"styp", b"ssix", b"prft",
    b"emsg", b"uuid", b"meta", b"udta", b"pdin",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8], payload: &[u8]) -> Vec<u8> {
        [&u32::try_from(payload.len() + 8).expect("small").to_be_bytes()[..], kind, payload].concat()
    }

    fn video() -> Vec<u8> {
        [boxed(b"ftyp", b"mp42\0\0\0\0"), boxed(b"mdat", &[7; 50]), boxed(b"moov", &[1; 20])].concat()
    }

    #[test]
    fn a_video_appended_to_a_jpeg_is_measured_without_the_data_around_it() {
        let video = video();
        let bytes = Some(video.len() as u64);
        let picture = [0xff, 0xd8, 1, 2, 0xff, 0xd9];
        assert_eq!(behind_jpeg(&[&picture[..], &video].concat()), bytes);
        assert_eq!(
            behind_jpeg(&[&picture[..], b"MotionPhoto_Data", &video, b"SEFH\x6b\0\0\0\x01\0\0\0SEFT"].concat()),
            bytes
        );
        assert_eq!(behind_jpeg(&picture), None);
        // The word "ftyp" alone is not a video, nor is a video without its end.
        assert_eq!(behind_jpeg(b"\xff\xd8ftypftyp"), None);
        assert_eq!(behind_jpeg(&[&picture[..], &video[..video.len() - 1]].concat()), None);
    }

    #[test]
    fn a_video_in_heif_is_in_its_own_box_or_after_the_others() {
        let (video, picture) = (video(), [boxed(b"ftyp", b"heic\0\0\0\0"), boxed(b"meta", &[0; 30])].concat());
        let bytes = Some(video.len() as u64);
        assert_eq!(in_heif(&[&picture[..], &boxed(b"mpvd", &video)].concat()), bytes);
        assert_eq!(in_heif(&[&picture[..], &video].concat()), bytes);
        assert_eq!(in_heif(&picture), None);
        assert_eq!(in_heif(&[&picture[..], &boxed(b"mpvd", b"nothing")].concat()), None);
    }
}
