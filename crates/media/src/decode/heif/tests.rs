//! Comparison with libheif and libavif: `fixtures/libheif/make.py` and `fixtures/libavif/make.py` made the reference
//! pictures with them.

use crate::{
    colour,
    decode::tests::{opened, psnr},
    orient,
    raster::Raster,
};
use smmu_core::image::Orientation;
use std::{fs, path::Path};

fn fixture(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)).expect("a fixture")
}

/// Decodes the picture at full size, upright, in sRGB.
fn shown(content: &[u8]) -> Raster {
    let mut decoder = opened(content);
    let still = decoder.still(decoder.header().stored).expect("decoded");
    let raster = colour::to_srgb(still, decoder.header().profile.as_ref()).expect("converted");
    orient::upright(raster, decoder.header().orientation)
}

/// Peak signal-to-noise ratio of a raster to a tool's output, in dB. Colours are weighted by their alpha.
fn decibels(name: &str, made: &Raster) -> f64 {
    let right = image::load_from_memory(&fixture(&format!("{name}.png"))).expect("a picture");
    assert_eq!((made.size.width, made.size.height), (right.width(), right.height()), "{name}");
    let seen = |samples: &[u8]| -> Vec<u8> {
        let over_black = |pixel: &[u8]| {
            let colours =
                [pixel[0], pixel[1], pixel[2]].map(|sample| (u16::from(sample) * u16::from(pixel[3]) / 255) as u8);
            [&colours[..], &pixel[3..]].concat()
        };
        samples.chunks_exact(4).flat_map(over_black).collect()
    };
    let rgba = |channels: usize, pixel: &[u8]| match (channels, pixel) {
        (1, &[grey]) => [grey, grey, grey, 255],
        (3, &[red, green, blue]) => [red, green, blue, 255],
        (4, &[red, green, blue, alpha]) => [red, green, blue, alpha],
        _ => panic!("{name} has {channels} channels"),
    };
    let count = made.channels.count();
    let made: Vec<u8> = made.samples.chunks_exact(count).flat_map(|pixel| rgba(count, pixel)).collect();
    psnr(&seen(&made), &seen(&right.into_rgba8()))
}

fn expect(folder: &str, suffix: &str, names: &[&str]) {
    for name in names {
        let name = format!("{folder}/{name}");
        let decibels = decibels(&name, &shown(&fixture(&format!("{name}.{suffix}"))));
        eprintln!("{name}: {decibels:.1} dB");
        assert!(decibels >= 45.0, "{name}: {decibels:.1} dB");
    }
}

#[test]
fn every_kind_of_heic_matches_libheif() {
    let kinds = [
        "420",
        "422",
        "444",
        "ten-bits",
        "ten-bits-422",
        "grey",
        "alpha",
        "limited-range",
        "stream-only",
        "grid",
        "aperture",
        "p3",
        "turned-5",
        "turned-7",
    ];
    expect("libheif", "heic", &kinds);
}

#[test]
fn avif_with_gain_map_layers_or_aperture_matches_libavif() {
    expect("libavif", "avif", &["gain-map", "layers", "aperture"]);
}

#[test]
fn high_dynamic_range_of_avif_is_tone_mapped_by_the_formulas() {
    expect("libavif", "avif", &["pq", "hlg"]);
}

#[test]
fn turns_and_mirrors_of_the_container_override_exif() {
    for (name, orientation) in [("turned-5", Orientation::Transpose), ("turned-7", Orientation::Transverse)] {
        let decoder = opened(&fixture(&format!("libheif/{name}.heic")));
        assert_eq!(decoder.header().orientation, orientation, "{name}");
        let camera = decoder.header().camera.clone().and_then(|camera| camera.model);
        assert_eq!(camera.as_deref(), Some("Sampler Two"), "{name}: its Exif is read");
    }
}
