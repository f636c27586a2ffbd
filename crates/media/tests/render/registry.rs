//! Checks the registry of formats for images against the actual behaviour.

use crate::support;
use smmu_core::{
    ErrorCode, MediaKind,
    formats::{self, Decoder},
    image::{ImageFormat, ImageLimits, ImageProfile},
};
use smmu_media::MediaError;
use std::collections::BTreeSet;

/// A small file in each format that is decoded.
fn samples() -> Vec<(ImageFormat, Vec<u8>)> {
    let photo = support::photo(32, 24);
    let mut webp = Vec::new();
    image::codecs::webp::WebPEncoder::new_lossless(&mut webp)
        .encode(&photo, 32, 24, image::ExtendedColorType::Rgb8)
        .expect("encoded");
    vec![
        (ImageFormat::Jpeg, support::jpeg(32, 24, &photo, false)),
        (ImageFormat::Png, support::png(32, 24, png::ColorType::Rgb, png::BitDepth::Eight, &photo)),
        (ImageFormat::Webp, webp),
        (ImageFormat::Gif, support::gif(32, 24, 2, gif::Repeat::Infinite)),
        (ImageFormat::Tiff, support::tiff16(32, 24, &photo)),
        (ImageFormat::Bmp, support::bmp(32, 24, &photo)),
        (ImageFormat::Avif, support::avif(32, 24, &photo, ravif::BitDepth::Eight)),
        (ImageFormat::Heic, support::heif::file("420").to_vec()),
        (ImageFormat::Jxl, include_bytes!("../../fixtures/jxl/alpha.jxl").to_vec()),
        (ImageFormat::Ppm, [b"P6 32 24 255\n", &photo[..]].concat()),
        (ImageFormat::Tga, include_bytes!("../../fixtures/plain/rgb.tga").to_vec()),
        (ImageFormat::Ico, include_bytes!("../../fixtures/plain/png.ico").to_vec()),
        (ImageFormat::Raw, include_bytes!("../../fixtures/raw/adobe.dng").to_vec()),
    ]
}

#[test]
fn every_format_that_is_registered_as_decoded_is_decoded() {
    let mut rendered = BTreeSet::new();
    for (format, content) in samples() {
        assert_eq!(crate::render(&content).facts().probe.format, format);
        rendered.insert(format.name());
    }
    for entry in formats::of_kind(MediaKind::Image, true) {
        assert_eq!(entry.decoder, Decoder::Pixels, "{}", entry.name);
        assert!(rendered.contains(entry.name), "{} is registered as decoded but has no sample", entry.name);
    }
}

#[test]
fn an_unsupported_format_is_refused_with_the_same_message_by_both_pipelines() {
    let folder = tempfile::tempdir().expect("a folder");
    let input = folder.path().join("input");
    for (content, words) in [
        (&b"8BPS\0\x01\0\0"[..], "unsupported format: PSD"),
        (b".RMF\0\0\0\x12", "unsupported format: RealMedia"),
        (b"%PDF-1.7\n", "unsupported format: a PDF document"),
        (b"just some words", "unsupported format: not a recognised image, video or audio file"),
    ] {
        std::fs::write(&input, content).expect("written");
        let picture =
            smmu_media::render(&input, &ImageProfile::default(), &ImageLimits::default(), folder.path(), &mut |_| {});
        let sound = smmu_media::av::transcode(
            &input,
            &smmu_core::av::AvProfile::default(),
            &smmu_core::av::AvLimits::default(),
            folder.path(),
            &mut |_| {},
            &std::sync::atomic::AtomicBool::new(false),
        );
        for verdict in [picture, sound] {
            let Err(MediaError::Refused(refusal)) = verdict else { panic!("{words}: not refused") };
            assert_eq!((refusal.code, refusal.message.as_str()), (ErrorCode::UnsupportedMedia, words));
        }
    }
}
