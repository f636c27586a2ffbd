//! JPEG XL, from the file to what is made of it.

use crate::{render, render_with, support::fixture};
use smmu_core::{
    WarningCode,
    image::{ImageFormat, ImageLimits, ImageProfile, Orientation},
};

#[test]
fn a_picture_is_upright_and_its_facts_are_told() {
    let rendered = render(&fixture("jxl/jpeg.jxl"));
    let probe = &rendered.facts().probe;
    assert_eq!((probe.format, probe.width, probe.height), (ImageFormat::Jxl, 60, 88));
    assert_eq!(probe.orientation, Orientation::Rotate90);
    assert_eq!(rendered.manifest.source.content_type, "image/jxl");
    assert_eq!(rendered.picture("webp-88.webp").dimensions(), (60, 88));
    // Red grows to the right as stored, which is downwards; green downwards, which is to the left.
    let picture = rendered.picture("jpeg-88.jpg");
    let (top, bottom) = (picture.get_pixel(2, 2), picture.get_pixel(57, 85));
    assert!(top[0] < 60 && top[1] > 200 && bottom[0] > 200 && bottom[1] < 60, "{top:?} {bottom:?}");
    let manifest = serde_json::to_value(&rendered.manifest).expect("JSON");
    assert_eq!(manifest["image"]["format"], "jxl");
    // And no place, which is there, too.
    assert_eq!(manifest["image"]["camera"], serde_json::json!({ "make": "Smmu", "model": "Sampler One" }));
}

#[test]
fn what_moves_keeps_moving() {
    let rendered = render(&fixture("jxl/moving.jxl"));
    assert_eq!(rendered.facts().probe.animation.map(|a| (a.frames, a.duration_ms)), Some((4, 1110)));
    assert!(rendered.names().contains(&"poster.jpg"));
}

#[test]
fn high_dynamic_range_is_brought_into_range() {
    for name in ["jxl/pq.jxl", "jxl/hlg.jxl"] {
        let rendered = render(&fixture(name));
        let picture = rendered.picture("webp-88.webp");
        let reds: Vec<u8> = (0..8).map(|step| picture.get_pixel(step * 11 + 2, 8)[0]).collect();
        let rising = reds.windows(2).all(|pair| pair[1].saturating_add(6) >= pair[0]);
        assert!(rising && reds[0] < 30 && reds[7] > 190, "{name}: {reds:?}");
    }
}

#[test]
fn a_file_in_bands_and_one_that_is_cut_off_are_rendered() {
    let content = fixture("jxl/tall.jxl");
    let whole = render(&content);
    assert_eq!(whole.manifest.warnings, []);
    let cut = render(&content[..content.len() * 99 / 100]);
    assert_eq!(cut.manifest.warnings[0].code, WarningCode::CutOff);
    let limits = ImageLimits { max_memory_bytes: 8 * 1024 * 1024, ..ImageLimits::default() };
    let refused = render_with(&content, &ImageProfile::default(), &limits).map(|_| ()).expect_err("too much");
    assert!(refused.to_string().starts_with("too_much_memory"), "{refused}");
}
