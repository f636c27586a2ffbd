//! HEIC as written by phones, cameras and tools.

use crate::{
    Rendered, refused, refused_within, render,
    support::{self, heif::*},
};
use smmu_core::{
    ErrorCode, WarningCode,
    image::{ImageFormat, ImageLimits, ImageProfile, Orientation},
};

/// Maps a pixel of the shown picture to its place in the coded picture.
type Place = fn(u32, u32) -> (u32, u32);

/// Compares the largest output with the picture that every fixture shows.
fn expect(name: &str, rendered: &Rendered, width: u32, height: u32, place: Place) {
    let longest = width.max(height);
    let picture = rendered.picture(&format!("webp-{longest}.webp"));
    assert_eq!(picture.dimensions(), (width, height), "{name}");
    let off = picture.enumerate_pixels().map(|(x, y, shown)| {
        let (x, y) = place(x, y);
        let wanted = colour(x % WIDTH, y % HEIGHT);
        (0..3).map(|at| f64::from(shown[at].abs_diff(wanted[at]))).sum::<f64>() / 3.0
    });
    let off = off.sum::<f64>() / f64::from(width * height);
    // A grid of gradients has sharp seams, which lose more in WebP.
    assert!(off < if name == "grid" { 4.5 } else { 3.0 }, "{name} is off by {off}");
}

const AS_STORED: Place = |x, y| (x, y);

#[test]
fn every_subsampling_depth_and_matrix_shows_the_same_picture() {
    for name in ["420", "422", "444", "bt709", "ten-bits"] {
        let rendered = render(file(name));
        expect(name, &rendered, WIDTH, HEIGHT, AS_STORED);
        let probe = &rendered.facts().probe;
        assert_eq!((probe.format, probe.bit_depth), (ImageFormat::Heic, if name == "ten-bits" { 10 } else { 8 }));
    }
}

#[test]
fn alpha_is_kept_and_grey_is_grey() {
    let rendered = render(file("alpha"));
    let picture = rendered.picture("webp-64.webp");
    assert!(rendered.facts().probe.has_alpha);
    assert_eq!((picture.get_pixel(10, 20)[3], picture.get_pixel(60, 20)[3]), (255, 0));
    let grey = render(file("grey")).picture("webp-64.webp");
    assert!(grey.pixels().all(|pixel| pixel[0].abs_diff(pixel[1]) < 4 && pixel[1].abs_diff(pixel[2]) < 4));
    assert!(grey.get_pixel(5, 20)[0] < 40 && grey.get_pixel(60, 20)[0] > 220);
}

#[test]
fn alpha_of_half_the_size_is_scaled_to_the_size_of_the_colours() {
    let rendered = render(&support::fixture("avif/alpha-half.avif"));
    let picture = rendered.picture("webp-64.webp");
    let alpha: Vec<u8> = (0..64).map(|x| picture.get_pixel(x, 20)[3]).collect();
    assert!(alpha[..30].iter().all(|alpha| *alpha > 250) && alpha[63] < 16, "{alpha:?}");
    // Twice as many steps as stored, each half as large.
    let steps = alpha[32..63].windows(2).map(|pair| pair[0].abs_diff(pair[1]));
    assert!(steps.clone().all(|step| (4..=12).contains(&step)), "{alpha:?}");
}

#[test]
fn the_streams_range_applies_if_the_container_states_none() {
    // iPhones write no nclx; like theirs, the fixtures' streams state full range.
    let silent = Heif { properties: Vec::new(), ..Heif::default() }.written();
    expect("no nclx", &render(&silent), WIDTH, HEIGHT, AS_STORED);
    // The container's range takes precedence over the stream's.
    let limited = Heif { properties: vec![colours(1, 13, 6, false)], ..Heif::default() }.written();
    let picture = render(&limited).picture("webp-64.webp");
    assert!(picture.get_pixel(20, 5)[1] < 12, "dark is darker: {:?}", picture.get_pixel(20, 5));
}

#[test]
fn a_grid_is_assembled_and_cropped_to_its_size() {
    let rendered = render(&Heif { tiles: (3, 2), size: (150, 90), ..Heif::default() }.written());
    expect("grid", &rendered, 150, 90, AS_STORED);
}

#[test]
fn a_grid_without_its_last_tiles_is_rendered_with_a_warning() {
    let written = Heif { tiles: (5, 5), size: (300, 230), ..Heif::default() }.written();
    // Moves their data past the end of the file.
    let without = |missing: std::ops::RangeInclusive<u16>| {
        let mut file = written.clone();
        for id in missing {
            let entry = [&id.to_be_bytes()[..], &[0, 0, 0, 1]].concat();
            let at = file.windows(6).position(|found| found == entry).expect("its place") + 6;
            file[at..at + 4].copy_from_slice(&0x7fff_ffff_u32.to_be_bytes());
        }
        file
    };
    let rendered = render(&without(26..=26));
    let warning = &rendered.manifest.warnings[0];
    assert_eq!((warning.code, warning.message.contains("96% of its tiles")), (WarningCode::CutOff, true));
    expect("grid", &rendered, 300, 230, |x, y| if x >= 256 && y >= 192 { (x, 191) } else { (x, y) });
    for missing in [25..=26, 2..=2, 1..=1] {
        let refusal = refused(&without(missing.clone()));
        assert_eq!(refusal.code, ErrorCode::CorruptMedia, "{missing:?}: {refusal}");
    }
}

#[test]
fn rotation_is_taken_from_the_container_and_not_from_exif() {
    let turned = |quarters| Heif { properties: vec![colours(1, 13, 6, true), turn(quarters)], ..Heif::default() };
    for (quarters, orientation, place) in [
        (1, Orientation::Rotate270, (|x, y| (WIDTH - 1 - y, x)) as Place),
        (2, Orientation::Rotate180, |x, y| (WIDTH - 1 - x, HEIGHT - 1 - y)),
        (3, Orientation::Rotate90, |x, y| (y, HEIGHT - 1 - x)),
    ] {
        let rendered = render(&turned(quarters).written());
        assert_eq!(rendered.facts().probe.orientation, orientation);
        let (width, height) = if quarters == 2 { (WIDTH, HEIGHT) } else { (HEIGHT, WIDTH) };
        expect("turned", &rendered, width, height, place);
    }
}

#[test]
fn only_the_clean_aperture_is_shown() {
    let cut = |properties: Vec<Vec<u8>>| Heif { properties, ..Heif::default() }.written();
    let centred = render(&cut(vec![colours(1, 13, 6, true), aperture(40, 20, 0, 0)]));
    expect("centred", &centred, 40, 20, |x, y| (x + 12, y + 14));
    let corner = render(&cut(vec![colours(1, 13, 6, true), aperture(40, 20, 24, -28), turn(2)]));
    expect("in a corner and turned", &corner, 40, 20, |x, y| (WIDTH - 1 - x, 19 - y));
}

#[test]
fn an_identity_image_applies_the_source_images_rotation_and_then_its_own() {
    let same = Heif { properties: vec![turn(2)], of_tiles: Some(turn(1)), ..Heif::default() };
    let rendered = render(&same.written());
    expect("the same", &rendered, HEIGHT, WIDTH, |x, y| (y, HEIGHT - 1 - x));
    // Three quarter turns anticlockwise.
    assert_eq!(rendered.facts().probe.orientation, Orientation::Rotate90);
}

#[test]
fn grid_tiles_can_be_cropped_only_on_the_right_and_below_and_cannot_be_rotated() {
    let grid = |of_tiles, size| Heif { tiles: (2, 2), size, of_tiles: Some(of_tiles), ..Heif::default() }.written();
    // The centre of 48 × 32 pixels in the top left corner is 8 pixels to the left and above that of the tile.
    let rendered = render(&grid(aperture(48, 32, -16, -16), (96, 64)));
    let picture = rendered.picture("webp-96.webp");
    let off = picture.enumerate_pixels().map(|(x, y, shown)| {
        let wanted = colour(x % 48, y % 32);
        (0..3).map(|at| f64::from(shown[at].abs_diff(wanted[at]))).sum::<f64>() / 3.0
    });
    let off = off.sum::<f64>() / f64::from(96 * 64);
    assert!(off < 4.5, "off by {off}");
    for of_tiles in [turn(1), aperture(48, 32, 0, 0)] {
        let refusal = refused(&grid(of_tiles, (96, 64)));
        assert_eq!(refusal.code, ErrorCode::UnsupportedMedia);
        assert!(refusal.message.contains("a grid of images that are turned"), "{refusal}");
    }
}

#[test]
fn a_stream_whose_chroma_contradicts_the_container_is_damaged() {
    let mut file = support::fixture("libavif/gain-map.avif");
    // The flags of 4:2:0 in the configuration (AV1 ISOBMFF binding, 2.3.3) become those of 4:4:4.
    let at = file.windows(4).position(|window| window == b"av1C").expect("a configuration") + 6;
    file[at] &= !0x0c;
    let refusal = refused(&file);
    assert_eq!(refusal.code, ErrorCode::CorruptMedia);
    assert!(refusal.message.contains("chroma differs from the one in the container"), "{refusal}");
}

#[test]
fn position_and_xmp_are_not_in_any_output() {
    // Written by libheif and exiftool, with a position of 48.8583° N, 2.2945° E.
    let rendered = render(&support::fixture("libheif/turned-5.heic"));
    assert_eq!(rendered.facts().camera.as_ref().and_then(|camera| camera.make.as_deref()), Some("Smmu"));
    for name in rendered.names().into_iter().chain(["manifest.json"]) {
        let bytes = rendered.bytes(name);
        for private in [&b"Exif"[..], b"SECRET", b"xmpmeta", b"GPS", b"gps", b"atitude", b"48.85", b"2.29"] {
            let found = bytes.windows(private.len()).any(|window| window == private);
            assert!(!found, "{name} contains {:?}", String::from_utf8_lossy(private));
        }
    }
}

#[test]
fn high_dynamic_range_is_tone_mapped() {
    for transfer in [16, 18] {
        let file = Heif { properties: vec![colours(9, transfer, 6, true)], ..Heif::default() }.written();
        let rendered = render(&file);
        let picture = rendered.picture("webp-64.webp");
        let reds: Vec<u8> = (0..8).map(|step| picture.get_pixel(step * 8 + 4, 24)[0]).collect();
        // The tolerance is for WebP's losses.
        let rising = reds.windows(2).all(|pair| pair[1].saturating_add(4) >= pair[0]);
        assert!(rising && reds[0] < 20 && reds[7] > 200, "transfer {transfer}: {reds:?}");
        // If the samples were taken for sRGB, the middle would be far darker.
        assert!((100..220).contains(&reds[3]), "transfer {transfer}: {reds:?}");
        let profile = rendered.facts().probe.icc_profile.clone().expect("a description");
        assert!(profile.contains("high dynamic range"), "{profile}");
    }
}

#[test]
fn additional_boxes_in_the_file_are_ignored() {
    // A video after the picture, as in a Motion Photo; unknown boxes; a generic brand.
    let file = Heif {
        before: boxed(b"free", &[&[7; 40]]),
        after: boxed(b"mpvd", &[&boxed(b"ftyp", &[b"mp42"])]),
        brand: b"mif1",
        ..Heif::default()
    };
    expect("motion photo", &render(&file.written()), WIDTH, HEIGHT, AS_STORED);
}

#[test]
fn a_picture_whose_stated_size_is_too_small_is_refused_before_it_is_decoded() {
    let mut file = Heif { tiles: (2, 2), size: (100, 90), ..Heif::default() }.written();
    let limits = ImageLimits { max_pixels: 2000, ..ImageLimits::default() };
    assert_eq!(refused_within(&file, &limits).code, ErrorCode::TooManyPixels);
    let at = file.windows(4).position(|window| window == b"ispe").expect("a size") + 8;
    file[at..at + 8].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(refused(&file).code, ErrorCode::CorruptMedia, "tiles do not cover the grid");
}

#[test]
fn a_picture_of_one_image_is_accepted_with_at_least_95_percent_of_its_rows() {
    // 60 rows of 32 × 32 pixel blocks; red grows downwards, green to the right, both with noise.
    let tall = support::fixture("heif/tall.heic");
    let whole = render(&tall).picture("webp-1920.webp");
    let (mut refusal, mut accepted) = (String::new(), 0);
    for end in (tall.len() * 8 / 10..tall.len()).step_by(150) {
        match crate::render_with(&tall[..end], &ImageProfile::default(), &ImageLimits::default()) {
            Err(error) if accepted == 0 => refusal = error.to_string(),
            Err(error) => panic!("cut at {end}: {error}"),
            Ok(rendered) => {
                accepted += 1;
                let warning = &rendered.manifest.warnings[0];
                assert_eq!(warning.code, WarningCode::CutOff);
                assert!(warning.message.contains("HEIC file is cut off: 9"), "{}", warning.message);
                // The existing rows are unchanged, and the missing ones have no foreign colour.
                let cut = rendered.picture("webp-1920.webp");
                let off = |rows: std::ops::Range<u32>| {
                    let pixels = f64::from((rows.end - rows.start) * 96);
                    let pixels_off = rows.flat_map(|y| (0..96).map(move |x| (x, y)));
                    let off = pixels_off.map(|(x, y)| cut.get_pixel(x, y)[0].abs_diff(whole.get_pixel(x, y)[0]));
                    off.map(f64::from).sum::<f64>() / pixels
                };
                let (there, missing) = (off(0..1800), off(1830..1920));
                assert!(there < 4.0 && missing < 20.0, "cut at {end}: {there}, {missing}");
            }
        }
    }
    assert!(accepted > 2 && refusal.contains("cut off: 9") && refusal.contains("at least 95%"), "{refusal}");
    let refusal = refused(&tall[..tall.len() / 2]);
    assert!(refusal.message.contains("% of its rows"), "{refusal}");
    // AV1 cannot be decoded before all of it is present.
    let avif = support::avif(64, 48, &support::photo(64, 48), ravif::BitDepth::Eight);
    let refusal = refused(&avif[..avif.len() - 20]);
    assert!(refusal.message.contains("cut off: 9") && refusal.message.contains("% of its bytes"), "{refusal}");
}

#[test]
fn a_truncated_file_is_damaged_and_an_unsupported_codec_is_named() {
    let file = Heif::default().written();
    for end in [20, 100, file.len() / 2, file.len() - 60] {
        let refusal = refused(&file[..end]);
        assert!(
            matches!(refusal.code, ErrorCode::CorruptMedia | ErrorCode::UnsupportedMedia),
            "cut at {end}: {refusal}"
        );
    }
    let of_other_codec = |kind: &[u8; 4]| {
        let mut file = file.clone();
        let at = file.windows(4).position(|window| window == b"hvc1").expect("the item's kind");
        file[at..at + 4].copy_from_slice(kind);
        refused(&file)
    };
    for (kind, name) in [(b"vvc1", "H.266"), (b"jpeg", "JPEG"), (b"zzzz", "an unknown codec")] {
        let refusal = of_other_codec(kind);
        assert_eq!(refusal.code, ErrorCode::UnsupportedMedia);
        assert!(refusal.message.contains(name), "{refusal}");
    }
}
