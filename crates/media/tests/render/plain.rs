//! The PPM family, TGA and ICO.

use crate::{refused, refused_within, render, render_with, support};
use smmu_core::{
    ErrorCode,
    image::{ColourModel, ImageFormat, ImageLimits, ImageProfile},
};
use smmu_media::MediaError;

const WIDTH: u32 = 64;
const HEIGHT: u32 = 48;

macro_rules! fixture {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../fixtures/plain/", $name)).as_slice())
    };
}

const COLOURS: &[(&str, &[u8])] =
    &[fixture!("rgb.tga"), fixture!("rgb-rle.tga"), fixture!("rgb-from-top.tga"), fixture!("rgb.ppm")];
const GREYS: &[(&str, &[u8])] =
    &[fixture!("grey.tga"), fixture!("palette.tga"), fixture!("grey.pgm"), fixture!("grey-16.pgm")];
const TRANSPARENT: (&str, &[u8]) = fixture!("rgba.tga");
const ICONS: &[(&str, &[u8])] = &[fixture!("png.ico"), fixture!("bmp.ico")];

/// Checks the mean difference to an expected picture, at the pixels for which `wanted` returns a colour.
fn expect(name: &str, content: &[u8], (width, height): (u32, u32), wanted: impl Fn(u32, u32) -> Option<[u8; 3]>) {
    let picture = render(content).picture(&format!("webp-{}.webp", width.max(height)));
    assert_eq!(picture.dimensions(), (width, height), "{name}");
    let off = picture.enumerate_pixels().filter_map(|(x, y, shown)| {
        let wanted = wanted(x, y)?;
        Some((0..3).map(|at| f64::from(shown[at].abs_diff(wanted[at]))).sum::<f64>() / 3.0)
    });
    let (sum, count) = off.fold((0.0, 0.0), |(sum, count), off| (sum + off, count + 1.0));
    assert!(sum / count < 3.5, "{name} is off by {}", sum / count);
}

fn colour(x: u32, y: u32) -> [u8; 3] {
    [(x * 4) as u8, (y * 5) as u8, 128]
}

fn grey(x: u32) -> [u8; 3] {
    [(x * 4) as u8; 3]
}

#[test]
fn colour_grey_and_palette_pictures_are_decoded() {
    for (name, content) in COLOURS {
        expect(name, content, (WIDTH, HEIGHT), |x, y| Some(colour(x, y)));
    }
    for (name, content) in GREYS {
        expect(name, content, (WIDTH, HEIGHT), |x, _| Some(grey(x)));
    }
    let facts = |content: &[u8]| render(content).facts().probe.clone();
    assert_eq!(facts(GREYS[0].1).format, ImageFormat::Tga);
    assert_eq!(facts(GREYS[1].1).colour_model, ColourModel::Palette);
    assert_eq!((facts(GREYS[3].1).format, facts(GREYS[3].1).bit_depth), (ImageFormat::Ppm, 16));
}

#[test]
fn text_bits_and_unusual_ranges_of_the_ppm_family_are_decoded() {
    let row = |sample: fn(u32) -> u32| (0..WIDTH).map(|x| sample(x).to_string()).collect::<Vec<_>>().join(" ");
    let rows = |sample| vec![row(sample); HEIGHT as usize].join("\n");
    let sixteenths = format!("P2\n# a comment\n64 48 15\n{}\n", rows(|x| x / 4));
    expect("P2", sixteenths.as_bytes(), (WIDTH, HEIGHT), |x, _| Some([(x / 4 * 17) as u8; 3]));
    // 1 is black.
    let bits = format!("P1 64 48\n{}\n", rows(|x| u32::from(x >= 32)));
    expect("P1", bits.as_bytes(), (WIDTH, HEIGHT), |x, _| Some([if x < 32 { 255 } else { 0 }; 3]));
    let packed = [&b"P4 64 48\n"[..], &[0, 0, 0, 0, 255, 255, 255, 255].repeat(48)].concat();
    expect("P4", &packed, (WIDTH, HEIGHT), |x, _| Some([if x < 32 { 255 } else { 0 }; 3]));
}

#[test]
fn tga_alpha_is_used_unless_it_is_declared_absent_or_is_all_zeros() {
    let (name, content) = TRANSPARENT;
    assert!(render(content).facts().probe.has_alpha);
    expect(name, content, (WIDTH, HEIGHT), |x, y| (x < WIDTH / 2).then(|| colour(x, y)));
    let picture = render(content).picture("webp-64.webp");
    assert_eq!((picture.get_pixel(10, 20)[3], picture.get_pixel(60, 20)[3]), (255, 0));
    let mut none = content.to_vec();
    none[17] &= 0xF0;
    expect("no alpha bits", &none, (WIDTH, HEIGHT), |x, y| Some(colour(x, y)));
    let mut zeros = content.to_vec();
    zeros[18..18 + 64 * 48 * 4].iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 0);
    expect("zeros", &zeros, (WIDTH, HEIGHT), |x, y| Some(colour(x, y)));
}

#[test]
fn the_largest_picture_of_an_icon_is_rendered() {
    for (name, content) in ICONS {
        expect(name, content, (48, 48), |x, y| (x + 8 < WIDTH / 2).then(|| colour(x + 8, y)));
        assert!(render(content).facts().probe.has_alpha, "{name}");
    }
}

#[test]
fn limits_are_checked_before_pixels_are_read_and_a_truncated_file_is_damaged() {
    let limits = ImageLimits { max_pixels: 2000, ..ImageLimits::default() };
    for (name, content) in COLOURS.iter().chain(GREYS).chain(ICONS) {
        assert_eq!(refused_within(content, &limits).code, ErrorCode::TooManyPixels, "{name}");
        let refusal = refused(&content[..content.len() / 2]);
        assert_eq!(refusal.code, ErrorCode::CorruptMedia, "{name}: {refusal}");
    }
    let bits = [&b"\0\0\x03\0\0\0\0\0\0\0\0\0\x10\0\x10\0\x01\0"[..], &[0x55; 32]].concat();
    let refusal = refused(&bits);
    assert_eq!(refusal.code, ErrorCode::UnsupportedMedia);
    assert!(refusal.message.contains("TGA with pixels of one bit"), "{refusal}");
    assert_eq!(refused(b"P6 60000 60000 255\n").code, ErrorCode::TooManyPixels);
}

#[test]
fn every_truncated_file_is_rendered_or_refused() {
    for (name, content) in COLOURS.iter().chain(GREYS).chain(ICONS).chain([&TRANSPARENT]) {
        for end in (0..content.len()).rev().step_by(content.len() / 150 + 1) {
            match render_with(&content[..end], &ImageProfile::default(), &ImageLimits::default()) {
                Ok(_) | Err(MediaError::Refused(_)) => {}
                Err(MediaError::Transient(transient)) => panic!("{name} cut at {end}: {transient}"),
            }
        }
    }
}

#[test]
fn every_file_with_changed_bytes_is_rendered_or_refused() {
    let limits = ImageLimits { max_pixels: 1_000_000, ..ImageLimits::default() };
    let all = COLOURS.iter().chain(GREYS).chain(ICONS).chain([&TRANSPARENT]);
    for (number, (name, content)) in all.enumerate() {
        let mut random = support::Random(number as u32 * 104_729 + 1);
        for round in 0..200 {
            let mut changed = content.to_vec();
            let within = if round % 2 == 0 { content.len().min(64) } else { content.len() };
            for _ in 0..=round % 3 {
                changed[random.below(within)] = random.below(256) as u8;
            }
            match render_with(&changed, &ImageProfile::default(), &limits) {
                Ok(_) => {}
                Err(MediaError::Refused(refusal)) => {
                    assert!(!refusal.message.contains("decoder crashed"), "{name}: {refusal}");
                }
                Err(MediaError::Transient(transient)) => panic!("{name}: {transient}"),
            }
        }
    }
}

#[test]
fn an_icon_can_contain_a_png_without_alpha() {
    let pixels: Vec<u8> = (0..HEIGHT).flat_map(|y| (0..WIDTH).flat_map(move |x| colour(x, y))).collect();
    let png = support::png(WIDTH, HEIGHT, png::ColorType::Rgb, png::BitDepth::Eight, &pixels);
    let small = support::png(16, 16, png::ColorType::Rgba, png::BitDepth::Eight, &[255; 16 * 16 * 4]);
    let mut icon = vec![0, 0, 1, 0, 2, 0];
    let mut at = 6 + 2 * 16;
    for (side, picture) in [([16, 16], &small), ([WIDTH as u8, HEIGHT as u8], &png)] {
        icon.extend(side);
        icon.extend([0, 0, 1, 0, 24, 0]);
        icon.extend((picture.len() as u32).to_le_bytes());
        icon.extend((at as u32).to_le_bytes());
        at += picture.len();
    }
    icon.extend([small, png].concat());
    expect("rgb-png.ico", &icon, (WIDTH, HEIGHT), |x, y| Some(colour(x, y)));
}
