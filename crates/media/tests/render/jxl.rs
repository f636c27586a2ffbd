//! Renditions of JPEG XL.

use crate::{refused, render, render_with, support::fixture};
use smmu_core::{
    ErrorCode, WarningCode,
    image::{ImageFormat, ImageLimits, ImageProfile, Orientation},
};

#[test]
fn a_picture_is_rotated_upright_and_described_in_the_manifest() {
    let rendered = render(&fixture("jxl/jpeg.jxl"));
    let probe = &rendered.facts().probe;
    assert_eq!((probe.format, probe.width, probe.height), (ImageFormat::Jxl, 60, 88));
    assert_eq!(probe.orientation, Orientation::Rotate90);
    assert_eq!(rendered.manifest.source.content_type, "image/jxl");
    assert_eq!(rendered.picture("webp-88.webp").dimensions(), (60, 88));
    // As stored, red grows to the right and green downwards; upright, red grows downwards and green to the left.
    let picture = rendered.picture("jpeg-88.jpg");
    let (top, bottom) = (picture.get_pixel(2, 2), picture.get_pixel(57, 85));
    assert!(top[0] < 60 && top[1] > 200 && bottom[0] > 200 && bottom[1] < 60, "{top:?} {bottom:?}");
    let manifest = serde_json::to_value(&rendered.manifest).expect("JSON");
    assert_eq!(manifest["image"]["format"], "jxl");
    // Without the position, which the file contains too.
    assert_eq!(manifest["image"]["camera"], serde_json::json!({ "make": "Smmu", "model": "Sampler One" }));
}

#[test]
fn an_animation_stays_animated() {
    let rendered = render(&fixture("jxl/moving.jxl"));
    assert_eq!(rendered.facts().probe.animation.map(|a| (a.frames, a.duration_ms)), Some((4, 1110)));
    assert!(rendered.names().contains(&"poster.jpg"));
}

#[test]
fn high_dynamic_range_is_tone_mapped() {
    for name in ["jxl/pq.jxl", "jxl/hlg.jxl"] {
        let rendered = render(&fixture(name));
        let picture = rendered.picture("webp-88.webp");
        let reds: Vec<u8> = (0..8).map(|step| picture.get_pixel(step * 11 + 2, 8)[0]).collect();
        let rising = reds.windows(2).all(|pair| pair[1].saturating_add(6) >= pair[0]);
        assert!(rising && reds[0] < 30 && reds[7] > 190, "{name}: {reds:?}");
    }
}

#[test]
fn a_tall_file_is_rendered_and_so_is_a_truncated_one() {
    let content = fixture("jxl/tall.jxl");
    let whole = render(&content);
    assert_eq!(whole.manifest.warnings, []);
    let cut = render(&content[..content.len() * 99 / 100]);
    assert_eq!(cut.manifest.warnings[0].code, WarningCode::CutOff);
    let limits = ImageLimits { max_memory_bytes: 8 * 1024 * 1024, ..ImageLimits::default() };
    let refused = render_with(&content, &ImageProfile::default(), &limits).map(|_| ()).expect_err("too much");
    assert!(refused.to_string().starts_with("too_much_memory"), "{refused}");
}

#[test]
fn an_empty_colour_profile_is_damage() {
    // Codestream (18181-1), each field from its lowest bit: a square of 8 pixels, 8 bits a sample, XYB,
    // and an ICC profile whose two coded bytes state 0 bytes of output and 0 of commands.
    let fields: [(u16, u32); 26] = [
        (0xff, 8),
        (0x0a, 8),
        (1, 1),  // The height is a multiple of 8,
        (0, 5),  // namely the first,
        (1, 3),  // and the width is the height.
        (0, 1),  // Metadata are not all as usual:
        (0, 1),  // no extra fields;
        (0, 1),  // samples are integers
        (0, 2),  // of 8 bits,
        (1, 1),  // which 16-bit buffers hold;
        (0, 2),  // no extra channels;
        (1, 1),  // XYB;
        (0, 1),  // the colours are not sRGB,
        (1, 1),  // but of a profile
        (0, 2),  // of RGB;
        (0, 2),  // no extensions;
        (1, 1),  // the usual upsampling.
        (1, 2),  // The profile's coded bytes are from 1 to 16,
        (1, 4),  // namely 2,
        (0, 1),  // not repeated (LZ77),
        (1, 1),  // all of one distribution,
        (0, 2),  // the first:
        (1, 1),  // a prefix code
        (15, 4), // without split values
        (0, 1),  // and of one symbol, 0.
        (0, 8),  // Up to the next byte.
    ];
    let bits: Vec<bool> =
        fields.iter().flat_map(|(value, bits)| (0..*bits).map(move |bit| value >> bit & 1 == 1)).collect();
    let mut file: Vec<u8> =
        bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |sum, bit| sum << 1 | u8::from(*bit))).collect();
    file.extend([0; 32]);
    let refusal = refused(&file);
    assert_eq!(refusal.code, ErrorCode::CorruptMedia, "{}", refusal.message);
    assert!(refusal.message.contains("its colour profile is empty"), "{}", refusal.message);
}
