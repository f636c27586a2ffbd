//! HEIC, as phones, cameras and tools write it.

use crate::{
    Rendered, refused, refused_within, render,
    support::{self, heif::*},
};
use smmu_core::{
    ErrorCode, WarningCode,
    image::{ImageFormat, ImageLimits, ImageProfile, Orientation},
};

/// Where a pixel of what is shown lies in the coded picture.
type Place = fn(u32, u32) -> (u32, u32);

/// Checks what was made against the picture that every fixture shows.
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
    // The seams of a grid of gradients are sharp, and cost WebP more.
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
fn alpha_of_half_the_size_is_scaled_to_the_colours() {
    let rendered = render(&support::fixture("avif/alpha-half.avif"));
    let picture = rendered.picture("webp-64.webp");
    let alpha: Vec<u8> = (0..64).map(|x| picture.get_pixel(x, 20)[3]).collect();
    assert!(alpha[..30].iter().all(|alpha| *alpha > 250) && alpha[63] < 16, "{alpha:?}");
    // Twice as many steps as are stored, each half as large.
    let steps = alpha[32..63].windows(2).map(|pair| pair[0].abs_diff(pair[1]));
    assert!(steps.clone().all(|step| (4..=12).contains(&step)), "{alpha:?}");
}

#[test]
fn without_a_statement_of_the_container_the_stream_s_range_counts() {
    // iPhones write no nclx; the fixtures' streams say full range as theirs do.
    let silent = Heif { properties: Vec::new(), ..Heif::default() }.written();
    expect("no nclx", &render(&silent), WIDTH, HEIGHT, AS_STORED);
    // A statement of the container counts more than the stream's.
    let limited = Heif { properties: vec![colours(1, 13, 6, false)], ..Heif::default() }.written();
    let picture = render(&limited).picture("webp-64.webp");
    assert!(picture.get_pixel(20, 5)[1] < 12, "dark is darker: {:?}", picture.get_pixel(20, 5));
}

#[test]
fn a_grid_is_put_together_and_cut_to_its_size() {
    let rendered = render(&Heif { tiles: (3, 2), size: (150, 90), ..Heif::default() }.written());
    expect("grid", &rendered, 150, 90, AS_STORED);
}

#[test]
fn the_last_tiles_of_a_grid_may_be_missing() {
    let written = Heif { tiles: (5, 5), size: (300, 230), ..Heif::default() }.written();
    // As if they were behind the end of the file.
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
fn turns_and_mirrors_of_the_container_count_and_its_exif_does_not() {
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
fn a_clean_aperture_is_what_is_shown() {
    let cut = |properties: Vec<Vec<u8>>| Heif { properties, ..Heif::default() }.written();
    let centred = render(&cut(vec![colours(1, 13, 6, true), aperture(40, 20, 0, 0)]));
    expect("centred", &centred, 40, 20, |x, y| (x + 12, y + 14));
    let corner = render(&cut(vec![colours(1, 13, 6, true), aperture(40, 20, 24, -28), turn(2)]));
    expect("in a corner and turned", &corner, 40, 20, |x, y| (WIDTH - 1 - x, 19 - y));
}

#[test]
fn high_dynamic_range_is_brought_into_range() {
    for transfer in [16, 18] {
        let file = Heif { properties: vec![colours(9, transfer, 6, true)], ..Heif::default() }.written();
        let rendered = render(&file);
        let picture = rendered.picture("webp-64.webp");
        let reds: Vec<u8> = (0..8).map(|step| picture.get_pixel(step * 8 + 4, 24)[0]).collect();
        // Give or take what WebP loses.
        let rising = reds.windows(2).all(|pair| pair[1].saturating_add(4) >= pair[0]);
        assert!(rising && reds[0] < 20 && reds[7] > 200, "transfer {transfer}: {reds:?}");
        // Sample for sample as in sRGB it would be far darker in the middle.
        assert!((100..220).contains(&reds[3]), "transfer {transfer}: {reds:?}");
        let profile = rendered.facts().probe.icc_profile.clone().expect("a description");
        assert!(profile.contains("high dynamic range"), "{profile}");
    }
}

#[test]
fn what_else_is_in_the_file_is_left_alone() {
    // A video behind the picture, as of a Motion Photo; boxes that nobody knows; a generic brand.
    let file = Heif {
        before: boxed(b"free", &[&[7; 40]]),
        behind: boxed(b"mpvd", &[&boxed(b"ftyp", &[b"mp42"])]),
        brand: b"mif1",
        ..Heif::default()
    };
    expect("motion photo", &render(&file.written()), WIDTH, HEIGHT, AS_STORED);
}

#[test]
fn a_picture_that_is_larger_in_memory_than_it_says_is_refused_before_it_is_decoded() {
    let mut file = Heif { tiles: (2, 2), size: (100, 90), ..Heif::default() }.written();
    let limits = ImageLimits { max_pixels: 2000, ..ImageLimits::default() };
    assert_eq!(refused_within(&file, &limits).code, ErrorCode::TooManyPixels);
    let at = file.windows(4).position(|window| window == b"ispe").expect("a size") + 8;
    file[at..at + 8].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1]);
    assert_eq!(refused(&file).code, ErrorCode::CorruptMedia, "tiles do not cover the grid");
}

#[test]
fn a_picture_of_one_image_is_accepted_from_ninety_five_percent_of_its_rows_on() {
    // 60 rows of blocks of 32 × 32 pixels; red grows downwards, green to the right, both with noise.
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
                // What is there is as it was, and nothing below is another colour.
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
    // Of AV1 nothing can be had before all of it is there.
    let avif = support::avif(64, 48, &support::photo(64, 48), ravif::BitDepth::Eight);
    let refusal = refused(&avif[..avif.len() - 20]);
    assert!(refusal.message.contains("cut off: 9") && refusal.message.contains("% of its bytes"), "{refusal}");
}

#[test]
fn what_is_cut_off_is_damaged_and_what_is_missing_is_named() {
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
    for (kind, name) in [(b"vvc1", "H.266"), (b"jpeg", "JPEG"), (b"zzzz", "not known here")] {
        let refusal = of_other_codec(kind);
        assert_eq!(refusal.code, ErrorCode::UnsupportedMedia);
        assert!(refusal.message.contains(name), "{refusal}");
    }
}
