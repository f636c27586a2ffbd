//! Truncated files, and files that violate their format in ways that browsers tolerate.

use crate::{Rendered, difference, refused, render, support};
use image::ImageFormat;
use png::{BitDepth, ColorType};
use smmu_core::{ErrorCode, WarningCode};
use std::io::Cursor;

const WIDTH: u32 = 320;
const HEIGHT: u32 = 640;

fn codes(rendered: &Rendered) -> Vec<WarningCode> {
    rendered.manifest.warnings.iter().map(|warning| warning.code).collect()
}

/// Lengthens a truncated file until it is accepted. Returns the last refusal and the first rendering.
fn first_accepted(content: &[u8]) -> (String, Rendered) {
    let mut refusal = String::new();
    for tenths in (800..1000).step_by(4) {
        let cut = &content[..content.len() * tenths / 1000];
        match crate::render_with(
            cut,
            &smmu_core::image::ImageProfile::default(),
            &smmu_core::image::ImageLimits::default(),
        ) {
            Ok(rendered) => return (refusal, rendered),
            Err(error) => refusal = error.to_string(),
        }
    }
    panic!("every cut is refused: {refusal}");
}

#[test]
fn a_picture_is_accepted_with_at_least_95_percent_of_its_rows() {
    let photo = support::photo(WIDTH, HEIGHT);
    let jpeg = support::jpeg(WIDTH, HEIGHT, &photo, false);
    let pixels = image::RgbImage::from_raw(WIDTH, HEIGHT, photo.clone()).expect("a picture");
    let plain = |format| {
        let mut file = Cursor::new(Vec::new());
        pixels.write_to(&mut file, format).expect("written");
        file.into_inner()
    };
    let files = [
        ("PNG", support::png(WIDTH, HEIGHT, ColorType::Rgb, BitDepth::Eight, &photo)),
        ("PNG", support::interlaced_png(WIDTH, HEIGHT, &photo)),
        ("BMP", support::bmp(WIDTH, HEIGHT, &photo)),
        ("WebP", render(&jpeg).bytes("webp-640.webp")),
        ("WebP", render(&vignette()).bytes("webp-640.webp")),
        ("WebP", plain(ImageFormat::WebP)),
        ("PPM", plain(ImageFormat::Pnm)),
        ("TGA", uncompressed_tga(&pixels)),
        ("TGA", plain(ImageFormat::Tga)),
        ("PPM", text("P3", &photo)),
        ("JPEG", jpeg),
    ];
    for (name, content) in files {
        let whole = render(&content);
        assert_eq!(codes(&whole), []);
        let (refusal, rendered) = first_accepted(&content);
        assert!(refusal.contains("cut off: 9") && refusal.contains("at least 95%"), "{name}: {refusal}");
        assert_eq!(codes(&rendered), [WarningCode::CutOff], "{name}");
        let message = &rendered.manifest.warnings[0].message;
        assert!(message.contains("95%") || message.contains("96%"), "{name}: {message}");
        // The existing rows are unchanged.
        let (cut, whole) = (rendered.picture("jpeg-320.jpg"), whole.picture("jpeg-320.jpg"));
        let top = |picture: &image::RgbaImage| {
            let tenth = picture.height() / 10;
            // BMP and TGA start with the bottom row.
            let from = if matches!(name, "BMP" | "TGA") { tenth } else { 0 };
            image::imageops::crop_imm(picture, 0, from, picture.width(), picture.height() - tenth).to_image()
        };
        let off = difference(&top(&cut), &top(&whole));
        assert!(off < 0.5, "{name} is off by {off}");
        assert_eq!(refused(&content[..content.len() / 2]).code, ErrorCode::CorruptMedia);
    }
}

fn vignette() -> Vec<u8> {
    support::png(WIDTH, HEIGHT, ColorType::Rgba, BitDepth::Eight, &support::vignette(WIDTH, HEIGHT))
}

/// A text file of the PPM family, with several numbers per line.
fn text(kind: &str, samples: &[u8]) -> Vec<u8> {
    let lines = samples.chunks(17).map(|line| line.iter().map(u8::to_string).collect::<Vec<_>>().join(" "));
    format!("{kind}\n# by hand\n{WIDTH} {HEIGHT}\n255\n{}\n", lines.collect::<Vec<_>>().join("\n")).into_bytes()
}

#[test]
fn a_text_file_that_ends_inside_a_number_ignores_that_number() {
    let grey: Vec<u8> = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| 100 + ((x + y) % 100) as u8)).collect();
    let content = text("P2", &grey);
    let there = content.len() * 97 / 100;
    for end in there..there + 8 {
        let rendered = render(&content[..end]);
        assert_eq!(codes(&rendered), [WarningCode::CutOff], "{end}");
        let darkest = rendered.picture("webp-640.webp").pixels().map(|pixel| pixel[0]).min();
        assert!(darkest.is_some_and(|darkest| darkest > 60), "{end}: half a number was used: {darkest:?}");
    }
    // Bits need no spaces between them.
    let bits = format!("P1 {WIDTH} {HEIGHT}\n{}", "1".repeat((WIDTH * HEIGHT) as usize));
    assert_eq!(codes(&render(bits.as_bytes())), []);
    let rendered = render(&bits.as_bytes()[..bits.len() - 700]);
    assert_eq!(codes(&rendered), [WarningCode::CutOff]);
    assert!(rendered.picture("webp-640.webp").pixels().all(|pixel| pixel[0] < 5));
}

/// An icon with one picture of 64 × 64 pixels; `stated` is its length in the directory.
fn icon(picture: &[u8], stated: usize) -> Vec<u8> {
    let entry = [&[64, 64, 0, 0, 1, 0, 32, 0][..], &(stated as u32).to_le_bytes(), &22_u32.to_le_bytes()];
    [&[0, 0, 1, 0, 1, 0][..], &entry.concat(), picture].concat()
}

/// Red grows downwards, green to the right; opaque.
fn squares() -> Vec<u8> {
    (0..64).flat_map(|y| (0..64).flat_map(move |x| [y * 4, x * 4, 90, 255])).collect()
}

#[test]
fn an_icon_is_accepted_with_at_least_95_percent_of_its_rows() {
    let header = [&40_u32.to_le_bytes()[..], &64_u32.to_le_bytes(), &128_u32.to_le_bytes(), &[1, 0, 32, 0], &[0; 24]];
    let pixels = squares();
    let rows = pixels.chunks_exact(64 * 4).rev().flatten().copied().collect::<Vec<_>>();
    let bgra: Vec<u8> = rows.chunks_exact(4).flat_map(|pixel| [pixel[2], pixel[1], pixel[0], pixel[3]]).collect();
    let bitmap = [&header.concat()[..], &bgra, &[0; 64 * 8]].concat();
    let whole = icon(&bitmap, bitmap.len());
    assert_eq!(codes(&render(&whole)), []);
    let rows_end = 22 + 40 + 64 * 64 * 4;
    for (end, percent) in
        [(whole.len() - 9, "100%"), (rows_end, "100%"), (rows_end - 1, "98%"), (rows_end - 700, "95%")]
    {
        let rendered = render(&whole[..end]);
        assert_eq!(codes(&rendered), [WarningCode::CutOff], "{end}");
        assert!(rendered.manifest.warnings[0].message.contains(percent), "{end}: {:?}", rendered.manifest.warnings);
        let picture = rendered.picture("webp-64.webp");
        // The picture's first rows are the last ones in the file.
        assert!((4..64).all(|y| picture.get_pixel(30, y)[0].abs_diff(y as u8 * 4) < 12), "{end}");
        assert!(picture.pixels().all(|pixel| pixel[3] == 255), "{end}");
    }
    let refusal = refused(&whole[..rows_end - 2000]);
    assert_eq!(refusal.code, ErrorCode::CorruptMedia);
    assert!(refusal.message.contains("cut off: 87%"), "{refusal}");
    // The stated length can be larger than needed.
    assert_eq!(codes(&render(&icon(&bitmap, bitmap.len() + 100))), []);
}

#[test]
fn an_icons_png_is_accepted_with_at_least_95_percent_of_its_rows() {
    let noise: Vec<u8> = squares().iter().enumerate().map(|(at, byte)| byte ^ (at * 7919 % 13) as u8).collect();
    let png = support::png(64, 64, ColorType::Rgba, BitDepth::Eight, &noise);
    let icon = icon(&png, png.len());
    let (refusal, rendered) = first_accepted(&icon);
    assert!(refusal.contains("ICO") && refusal.contains("at least 95%"), "{refusal}");
    assert_eq!(codes(&rendered), [WarningCode::CutOff]);
    assert!(rendered.manifest.warnings[0].message.starts_with("the ICO file"), "{:?}", rendered.manifest.warnings);
}

fn uncompressed_tga(pixels: &image::RgbImage) -> Vec<u8> {
    let head =
        [&[0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &(WIDTH as u16).to_le_bytes(), &(HEIGHT as u16).to_le_bytes()];
    let rows = pixels.rows().rev().flat_map(|row| row.flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]));
    head.concat().into_iter().chain([24, 0]).chain(rows).collect()
}

#[test]
fn a_webp_truncated_after_its_picture_is_rendered_completely() {
    let webp = render(&vignette()).bytes("webp-640.webp");
    let mut with_exif = [&webp[..], b"EXIF\x40\0\0\0MM\0*"].concat();
    let stated = (with_exif.len() - 8 + 60) as u32;
    with_exif[4..8].copy_from_slice(&stated.to_le_bytes());
    let rendered = render(&with_exif);
    assert_eq!(codes(&rendered), [WarningCode::CutOff]);
    assert!(difference(&rendered.picture("jpeg-320.jpg"), &render(&webp).picture("jpeg-320.jpg")) < 0.01);
}

#[test]
fn an_animated_webp_without_its_last_frames_keeps_the_others() {
    let webp = render(&support::gif(80, 60, 6, gif::Repeat::Infinite)).bytes("webp-80.webp");
    let frames = |rendered: &Rendered| rendered.facts().probe.animation.map_or(1, |animation| animation.frames);
    assert_eq!(frames(&render(&webp)), 6);
    let last = webp.windows(4).rposition(|name| name == b"ANMF").expect("a frame");
    for end in [last, last + 5, webp.len() - 3] {
        let rendered = render(&webp[..end]);
        assert_eq!((frames(&rendered), codes(&rendered)), (5, vec![WarningCode::CutOff]), "cut at {end}");
    }
    let first = webp.windows(4).position(|name| name == b"ANMF").expect("a frame");
    assert_eq!(refused(&webp[..first + 20]).code, ErrorCode::CorruptMedia);
}

#[test]
fn a_progressive_jpeg_is_accepted_with_a_truncated_last_scan_but_not_without_its_details() {
    let jpeg = support::jpeg(WIDTH, HEIGHT, &support::photo(WIDTH, HEIGHT), true);
    assert_eq!(codes(&render(&jpeg[..jpeg.len() - 2])), [WarningCode::CutOff]);
    assert_eq!(refused(&jpeg[..jpeg.len() / 3]).code, ErrorCode::CorruptMedia);
}

#[test]
fn an_arithmetic_coded_jpeg_is_accepted_with_at_least_95_percent_of_its_rows() {
    let jpeg = support::fixture("jpeg/arithmetic.jpg");
    assert_eq!(codes(&render(&jpeg)), []);
    assert_eq!(codes(&render(&jpeg[..jpeg.len() - 2])), [WarningCode::Repaired]);
    let (refusal, rendered) = first_accepted(&jpeg);
    assert!(refusal.contains("cut off: 9"), "{refusal}");
    assert_eq!(codes(&rendered), [WarningCode::CutOff]);
    assert_eq!(refused(&jpeg[..jpeg.len() / 2]).code, ErrorCode::CorruptMedia);
}

#[test]
fn a_jpeg_with_violations_that_browsers_tolerate_is_rendered_with_a_warning() {
    let jpeg = support::jpeg(64, 48, &support::photo(64, 48), false);
    let table = jpeg.windows(2).position(|pair| pair == [0xff, 0xc4]).expect("a table");
    let padded = [&jpeg[..table], &[0; 14], &jpeg[table..]].concat();
    let behind_lines = [b"\r\n\n", &jpeg[..]].concat();
    for (name, content) in
        [("padding", &padded[..]), ("no end mark", &jpeg[..jpeg.len() - 2]), ("line ends in front", &behind_lines)]
    {
        assert_eq!(codes(&render(content)), [WarningCode::Repaired], "{name}");
    }
}

#[test]
fn jpeg_ls_is_refused_by_name() {
    let file = b"\xff\xd8\xff\xf7\0\x0b\x08\0\x10\0\x10\x01\x01\x11\0\xff\xda\0\x08\x01\x01\0\0\0\0\x7f\xff\xd9";
    assert_eq!(refused(file).message, "unsupported format: JPEG-LS");
}

#[test]
fn a_picture_after_other_bytes_is_refused_as_in_browsers() {
    let photo = support::photo(64, 48);
    for (name, content) in [
        ("JPEG", support::jpeg(64, 48, &photo, false)),
        ("PNG", support::png(64, 48, ColorType::Rgb, BitDepth::Eight, &photo)),
        ("GIF", support::gif(64, 48, 1, gif::Repeat::Infinite)),
        ("WebP", render(&support::jpeg(64, 48, &photo, false)).bytes("webp-64.webp")),
        ("BMP", support::bmp(64, 48, &photo)),
    ] {
        for front in [&b"\xEF\xBB\xBF"[..], b" ", b"\n"] {
            if name == "JPEG" && front == b"\n" {
                continue;
            }
            let refusal = refused(&[front, &content].concat());
            assert_eq!(refusal.code, ErrorCode::UnsupportedMedia, "{name}");
            assert!(refusal.message.contains("not a recognised image"), "{name}: {refusal}");
        }
    }
}

#[test]
fn a_gif_of_one_frame_is_accepted_with_at_least_95_percent_of_its_rows() {
    let gif = support::gif(200, 300, 1, gif::Repeat::Infinite);
    let (refusal, rendered) = first_accepted(&gif);
    assert!(refusal.contains("cut off: 9"), "{refusal}");
    assert_eq!(codes(&rendered), [WarningCode::CutOff]);
}

#[test]
fn a_gif_without_a_palette_is_black_and_one_larger_than_its_screen_is_whole_as_in_browsers() {
    let gif = support::gif(60, 40, 1, gif::Repeat::Infinite);
    assert_eq!(gif[10] & 0x87, 0x81, "four colours for all frames");
    let plain = [&gif[..10], &[gif[10] & 0x7f], &gif[11..13], &gif[13 + 12..]].concat();
    let picture = render(&plain).picture("webp-60.webp");
    let middle = picture.get_pixel(10, 20);
    assert!(middle[3] > 250 && middle.0[..3].iter().all(|sample| *sample < 8), "{middle:?}");
    // The frame has 20 × 20 pixels at the left edge, 10 from the top.
    for (screen, canvas) in [((0, 0), (20, 30)), ((5, 5), (20, 30)), ((5, 200), (20, 200)), ((60, 40), (60, 40))] {
        let (width, height): (u16, u16) = screen;
        let file = [&gif[..6], &width.to_le_bytes(), &height.to_le_bytes(), &gif[10..]].concat();
        let rendered = render(&file);
        assert_eq!((rendered.facts().probe.width, rendered.facts().probe.height), canvas, "{screen:?}");
    }
}

#[test]
fn exif_after_the_pixels_of_a_png_rotates_it_upright() {
    let png = support::png(60, 40, ColorType::Rgb, BitDepth::Eight, &support::photo(60, 40));
    let exif = support::exif(6);
    let chunk = [&(exif.len() as u32).to_be_bytes()[..], b"eXIf", &exif, &crc(b"eXIf", &exif).to_be_bytes()].concat();
    let end = png.len() - 12;
    let rendered = render(&[&png[..end], &chunk, &png[end..]].concat());
    assert_eq!((rendered.facts().probe.width, rendered.facts().probe.height), (40, 60));
}

#[test]
fn a_png_with_text_before_its_header_or_a_wrong_text_checksum_is_rendered() {
    let png = support::png(60, 40, ColorType::Rgb, BitDepth::Eight, &support::photo(60, 40));
    let text = b"Comment\0made by hand";
    let chunk = |crc: u32| [&(text.len() as u32).to_be_bytes()[..], b"tEXt", text, &crc.to_be_bytes()].concat();
    let pictures =
        |rendered: &Rendered| rendered.names().into_iter().map(|name| rendered.bytes(name)).collect::<Vec<_>>();
    let plain = pictures(&render(&png));
    let before = render(&[&png[..8], &chunk(crc(b"tEXt", text)), &png[8..]].concat());
    assert_eq!(codes(&before), [WarningCode::Repaired]);
    assert_eq!(pictures(&before), plain);
    // After the header, whose chunk has 25 bytes.
    let wrong = render(&[&png[..33], &chunk(7), &png[33..]].concat());
    assert_eq!(pictures(&wrong), plain);
    // No program shows a PNG with a critical chunk before its header.
    let critical = [&b"\0\0\0\0IEND"[..], &crc(b"IEND", b"").to_be_bytes()].concat();
    refused(&[&png[..8], &critical, &png[8..]].concat());
}

#[test]
fn a_jpeg_with_an_unknown_jfif_version_is_rendered() {
    let mut jpeg = support::jpeg(60, 40, &support::photo(60, 40), false);
    assert_eq!(&jpeg[6..12], b"JFIF\0\x01");
    jpeg[11] = 2;
    assert_eq!(codes(&render(&jpeg)), [WarningCode::Repaired]);
}

#[test]
fn a_png_whose_pixels_end_before_the_file_is_accepted_with_95_percent_of_its_rows() {
    const SIDE: u32 = 200;
    let header = [&SIDE.to_be_bytes()[..], &SIDE.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    // Rows without a filter, in a stream without compression that ends after some of them.
    let with = |rows: u32| {
        let rows: Vec<u8> = (0..rows).flat_map(|y| [vec![0], vec![y as u8; SIDE as usize]].concat()).collect();
        let (length, open) = (rows.len() as u16, u16::MAX);
        let block = [&[1], &length.to_le_bytes()[..], &(length ^ open).to_le_bytes(), &rows].concat();
        let pixels = [b"\x78\x01", &block[..], &[0; 4]].concat();
        support::png_of_chunks(&[(b"IHDR", &header), (b"IDAT", &pixels), (b"IEND", &[])])
    };
    let rendered = render(&with(196));
    assert_eq!(codes(&rendered), [WarningCode::CutOff]);
    let warning = &rendered.manifest.warnings[0].message;
    assert!(warning.contains("98% of its rows"), "{warning}");
    let picture = rendered.picture("webp-200.webp");
    assert!(picture.get_pixel(100, 150)[0].abs_diff(150) < 4 && picture.get_pixel(100, 198)[0].abs_diff(195) < 4);
    assert!(codes(&render(&with(200))).is_empty());
    let refusal = refused(&with(150));
    assert_eq!(refusal.code, ErrorCode::CorruptMedia, "{refusal}");
}

#[test]
fn an_interlaced_png_whose_stream_breaks_is_accepted_with_95_percent_of_its_rows() {
    // A large one: the decoder loses what it has inflated of the last chunk, up to 128 KiB.
    const SIDE: u32 = 1500;
    let whole = support::interlaced_png(SIDE, SIDE, &support::photo(SIDE, SIDE));
    // Signature, header chunk, and the head of the pixels' chunk; at the end its checksum and IEND.
    let (header, pixels) = (&whole[16..29], &whole[41..whole.len() - 16]);
    // The zlib header, then blocks without compression. 3 is no kind of block.
    let with_broken_block = |number: usize| {
        let mut pixels = pixels.to_vec();
        pixels[2 + number * (65_535 + 5)] = 3 << 1;
        support::png_of_chunks(&[(b"IHDR", header), (b"IDAT", &pixels), (b"IEND", &[])])
    };
    let rendered = render(&with_broken_block(103));
    assert_eq!(codes(&rendered), [WarningCode::CutOff]);
    let warning = &rendered.manifest.warnings[0].message;
    assert!(warning.contains("% of its rows"), "{warning}");
    let off = difference(&rendered.picture("webp-1280.webp"), &render(&whole).picture("webp-1280.webp"));
    assert!(off < 1.0, "off by {off}");
    let refusal = refused(&with_broken_block(92));
    assert_eq!(refusal.code, ErrorCode::CorruptMedia, "{refusal}");
}

#[test]
fn a_png_made_by_xcode_is_refused_by_name() {
    let plain = support::png(8, 8, ColorType::Rgb, BitDepth::Eight, &[90; 192]);
    let apple =
        [&plain[..8], &[0, 0, 0, 4], b"CgBI", &[0x50, 0, 0x20, 2, 0x2b, 0xd5, 0xb3, 0x7f], &plain[8..]].concat();
    let refusal = refused(&apple);
    assert_eq!(refusal.code, ErrorCode::UnsupportedMedia);
    assert!(refusal.message.contains("CgBI"), "{refusal}");
}

/// The checksum of a chunk (PNG, annex D), bit by bit.
fn crc(kind: &[u8], data: &[u8]) -> u32 {
    !kind.iter().chain(data).fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
