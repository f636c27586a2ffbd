//! Pictures with a video behind them: Motion Photos of Google, Samsung and others. The picture is processed; of the
//! video is only said that it is there.

use crate::{error::MediaError, source::Source};
use memchr::memmem;
use smmu_core::{
    image::ImageFormat,
    iso_bmff::{BadSize, Header},
};

/// Bytes of the video, where there is one.
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

/// The video behind a JPEG. Makers announce it in different ways (Google's `MotionPhoto` and `MicroVideo` in XMP,
/// Samsung's trailer, Huawei's); what it is, its own boxes tell.
fn behind_jpeg(content: &[u8]) -> Option<u64> {
    memmem::find_iter(content, b"ftyp").filter_map(|at| video_bytes(content.get(at.checked_sub(4)?..)?)).max()
}

/// The video in a box of its own (Google's and Samsung's `mpvd`), or behind the picture's boxes.
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

/// The first box of some bytes, if all of it is there: its header and its content.
fn first_box(bytes: &[u8]) -> Option<(Header, &[u8])> {
    let header = Header::read(bytes.len() as u64, |offset| {
        let offset = usize::try_from(offset).map_err(|_| BadSize)?;
        bytes.get(offset..).and_then(<[u8]>::first_chunk).copied().ok_or(BadSize)
    });
    let header = header.ok()?;
    let within = |end: u64| usize::try_from(end).ok();
    Some((header, bytes.get(within(header.header_bytes)?..within(header.bytes())?)?))
}

/// Bytes of the boxes of a video that begins here, up to what is no box of it.
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

/// The boxes that stand side by side in a video file (ISO/IEC 14496-12, table 1; `QuickTime`).
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
    fn a_video_behind_a_jpeg_is_measured_without_what_stands_around_it() {
        let video = video();
        let bytes = Some(video.len() as u64);
        let picture = [0xff, 0xd8, 1, 2, 0xff, 0xd9];
        assert_eq!(behind_jpeg(&[&picture[..], &video].concat()), bytes);
        assert_eq!(
            behind_jpeg(&[&picture[..], b"MotionPhoto_Data", &video, b"SEFH\x6b\0\0\0\x01\0\0\0SEFT"].concat()),
            bytes
        );
        assert_eq!(behind_jpeg(&picture), None);
        // A word alone is no video, nor is one of which the end is missing.
        assert_eq!(behind_jpeg(b"\xff\xd8ftypftyp"), None);
        assert_eq!(behind_jpeg(&[&picture[..], &video[..video.len() - 1]].concat()), None);
    }

    #[test]
    fn a_video_in_heif_has_a_box_or_follows() {
        let (video, picture) = (video(), [boxed(b"ftyp", b"heic\0\0\0\0"), boxed(b"meta", &[0; 30])].concat());
        let bytes = Some(video.len() as u64);
        assert_eq!(in_heif(&[&picture[..], &boxed(b"mpvd", &video)].concat()), bytes);
        assert_eq!(in_heif(&[&picture[..], &video].concat()), bytes);
        assert_eq!(in_heif(&picture), None);
        assert_eq!(in_heif(&[&picture[..], &boxed(b"mpvd", b"nothing")].concat()), None);
    }
}
