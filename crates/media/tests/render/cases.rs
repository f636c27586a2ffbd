//! Pictures that users sent, from a folder that is not in the repository. The expected values come from the formats'
//! own tools (libheif, libavif, libtiff, libjpeg-turbo, Pillow).

use crate::{Rendered, render};
use image::RgbaImage;
use smmu_core::WarningCode::{self, CutOff, Repaired};
use std::{env, fs, path::Path};

/// The mean colours of the four quarters: top left, top right, bottom left, bottom right.
type Quarters = [[u8; 3]; 4];

#[derive(Clone, Copy)]
struct Case {
    file: &'static str,
    /// Size as shown.
    size: (u32, u32),
    /// Orientation as stored, from 1 to 8.
    orientation: u8,
    frames: Option<u32>,
    warnings: &'static [WarningCode],
    quarters: Quarters,
    /// Largest difference of a mean that encoding may cause.
    off: u8,
}

const fn case(file: &'static str, size: (u32, u32), quarters: Quarters) -> Case {
    Case { file, size, orientation: 1, frames: None, warnings: &[], quarters, off: 4 }
}

const fn moving(frames: u32, case: Case) -> Case {
    Case { frames: Some(frames), ..case }
}

const fn warned(warnings: &'static [WarningCode], case: Case) -> Case {
    Case { warnings, ..case }
}

const SIDES: (u32, u32) = (800, 600);
/// Red, green, blue and a bright grey, with a few darker marks.
const SQUARES: Quarters = [[231, 65, 46], [40, 160, 60], [46, 77, 188], [182, 183, 183]];
const BLACK: Quarters = [[0; 3]; 4];

const CASES: &[Case] = &[
    moving(4, case("anim.avif", SIDES, SQUARES)),
    moving(4, case("anim.png", SIDES, SQUARES)),
    case("float_p3.tif", SIDES, SQUARES),
    case("g3.tif", SIDES, [[112; 3], [112; 3], [80; 3], [183; 3]]),
    moving(450, case("gif-450-frames.gif", (120, 90), [[0, 255, 128]; 4])),
    case("gif-64-xmp24k.gif", (64, 64), BLACK),
    case("gif-looks-like-transport-stream.gif", (320, 240), [[79; 3], [124; 3], [79; 3], [124; 3]]),
    moving(4, warned(&[Repaired], case("gif-no-trailer.gif", SIDES, SQUARES))),
    case("iphone-11-pro-p3-grid.heic", (3024, 4032), [[90, 121, 157], [107, 141, 182], [76, 106, 138], [76, 112, 145]]),
    warned(&[Repaired], case("leading-newline.jpg", SIDES, SQUARES)),
    warned(&[Repaired], case("no-eoi.jpg", SIDES, SQUARES)),
    Case { orientation: 6, ..case("o6-exif-after-idat.png", SIDES, SQUARES) },
    case("rgb+0_lzw_p2_r64.tif", SIDES, SQUARES),
    warned(&[Repaired], case("samsung-invalid-sos.jpg", SIDES, SQUARES)),
    case("sony-10bit-422.hif", (8640, 5760), BLACK),
    // Below the cut it is grey.
    warned(&[CutOff], case("truncated-95.jpg", SIDES, [[231, 65, 46], [40, 160, 60], [51, 82, 194], [174; 3]])),
    case("x.heic", SIDES, SQUARES),
    warned(&[Repaired], case("real/Tests__images__icc-after-SOF.jpg", (10, 10), BLACK)),
    case("real/avif-clean-aperture.avif", (180, 100), [[51, 0, 253], [85, 0, 253], [51, 0, 254], [85, 0, 254]]),
    // Hard edges of strong colours, whose chroma JPEG halves.
    Case { off: 20, ..case("real/bigtiff.tif", (64, 64), [[255, 14, 14], [18, 137, 18], [16, 16, 255], [19; 3]]) },
    case("real/bmp-os2v2.bmp", (127, 64), [[151, 144, 113], [127, 126, 166], [86, 85, 113], [114, 112, 90]]),
    case("real/bmp-rle8-skips.rle", (301, 331), [[68, 103, 239], [72, 85, 202], [226, 225, 236], [124, 99, 167]]),
    case("real/gif-photoshop-xmp.gif", (8, 12), [[131, 146, 196], [131, 146, 197], [216, 220, 236], [216, 221, 237]]),
    warned(
        &[Repaired],
        case("real/jpeg-empty-icc.jpeg", (612, 816), [[158, 142, 128], [128, 116, 106], [147, 117, 96], [116, 93, 83]]),
    ),
    warned(
        &[Repaired],
        case("real/jpeg-padding-between-segments.jpg", (164, 144), [[205; 3], [242; 3], [204; 3], [228; 3]]),
    ),
    case("real/tiff-fillorder2.tif", (128, 128), [[80; 3], [118; 3], [65; 3], [75; 3]]),
    case("real/tiff-tile-taller.tif", (300, 225), [[122, 83, 80], [119, 82, 91], [121, 78, 78], [104, 72, 60]]),
];

/// The largest still that was made.
fn largest(rendered: &Rendered) -> RgbaImage {
    let edge = |name: &&str| name.strip_prefix("jpeg-")?.strip_suffix(".jpg")?.parse::<u32>().ok();
    let names = rendered.names();
    rendered.picture(names.into_iter().max_by_key(edge).expect("a still"))
}

fn quarters(picture: &RgbaImage) -> Quarters {
    let (width, height) = picture.dimensions();
    [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(column, row)| {
        let (left, right) = (column * width / 2, (column + 1) * width / 2);
        let (top, bottom) = (row * height / 2, (row + 1) * height / 2);
        let quarter = image::imageops::crop_imm(picture, left, top, right - left, bottom - top).to_image();
        let mean = |at: usize| {
            let sum: u64 = quarter.pixels().map(|pixel| u64::from(pixel[at])).sum();
            (sum as f64 / f64::from(quarter.width() * quarter.height())).round() as u8
        };
        [mean(0), mean(1), mean(2)]
    })
}

#[test]
fn given_pictures_look_as_in_their_formats_own_tools() {
    let Some(folder) = env::var_os("SMMU_CASES_DIR") else {
        eprintln!("SMMU_CASES_DIR is not set: the given pictures are not tested");
        return;
    };
    for Case { file, size, orientation, frames, warnings, quarters: wanted, off } in CASES {
        let content = fs::read(Path::new(&folder).join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let rendered = render(&content);
        let probe = &rendered.facts().probe;
        assert_eq!((probe.width, probe.height), *size, "{file}");
        assert_eq!(probe.orientation.number(), *orientation, "{file}");
        assert_eq!(probe.animation.map(|animation| animation.frames), *frames, "{file}");
        let codes: Vec<_> = rendered.manifest.warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(codes, *warnings, "{file}");
        let made = quarters(&largest(&rendered));
        let near =
            made.iter().flatten().zip(wanted.iter().flatten()).all(|(made, wanted)| made.abs_diff(*wanted) <= *off);
        assert!(near, "{file}: {made:?} is not {wanted:?}");
    }
}

#[test]
fn colours_that_only_the_tiles_of_a_grid_state_are_used() {
    let Some(folder) = env::var_os("SMMU_CASES_DIR") else {
        eprintln!("SMMU_CASES_DIR is not set: the photo whose colours only its tiles state is not tested");
        return;
    };
    let photo = fs::read(Path::new(&folder).join("iphone-11-pro-p3-grid.heic")).expect("a photo");
    // The associations of the grid, item 49: replace its first property, the profile (1), with `pixi` (6).
    let grid = [0, 49, 4, 0x81];
    let mut found = photo.windows(4).enumerate().filter(|(_, window)| *window == grid).map(|(at, _)| at);
    let (Some(at), None) = (found.next(), found.next()) else { panic!("its associations are elsewhere") };
    let mut of_tiles = photo.clone();
    of_tiles[at + 3] = 6;
    assert_eq!(largest(&render(&of_tiles)), largest(&render(&photo)));
}
