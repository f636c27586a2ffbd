//! Generates pictures in code, deterministically and without input files. Shared by the tests and the sample
//! generator.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pictures of known sizes are computed here"
)]
#![allow(dead_code, reason = "each test program and each example uses only a part")]

pub(crate) mod heif;

use std::borrow::Cow;

/// RGB samples of `width` × `height` pixels that compress and resize like a photo: soft light, hills with texture, a
/// few hard edges, grain.
pub(crate) fn photo(width: u32, height: u32) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    let scale = 1.0 / width.max(height) as f32;
    let mut grain = 0x2545_f491_u32;
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (x as f32 * scale, y as f32 * scale);
            let ridge = 0.45 + 0.12 * noise(u * 6.0, 3.0) + 0.03 * noise(u * 40.0, 7.0);
            let texture = noise(u * 90.0, v * 90.0) * 0.5 + noise(u * 260.0, v * 260.0) * 0.3;
            let mut rgb = if v < ridge {
                let cloud = (noise(u * 5.0, v * 9.0) + 0.5 * noise(u * 11.0, v * 20.0)).clamp(0.0, 1.0);
                [0.35 + 0.5 * cloud, 0.55 + 0.35 * cloud, 0.85 + 0.1 * cloud]
            } else {
                let shade = 0.5 + 0.5 * texture;
                [0.25 * shade + 0.1, 0.45 * shade + 0.05, 0.18 * shade]
            };
            let (dx, dy) = (u - 0.72, v - 0.2);
            if dx * dx + dy * dy < 0.004 {
                rgb = [1.0, 0.93, 0.7];
            }
            if (0.2..0.32).contains(&u) && (0.4..0.6).contains(&v) {
                let window = (u * 60.0).fract() < 0.4 && (v * 50.0).fract() < 0.5;
                rgb = if window { [0.9, 0.8, 0.4] } else { [0.55, 0.2, 0.15] };
            }
            grain ^= grain << 13;
            grain ^= grain >> 17;
            grain ^= grain << 5;
            let speck = ((grain & 0xff) as f32 / 255.0 - 0.5) * 0.03;
            pixels.extend(rgb.map(|value| ((value + speck).clamp(0.0, 1.0) * 255.0) as u8));
        }
    }
    pixels
}

/// Smooth noise between 0 and 1.
fn noise(x: f32, y: f32) -> f32 {
    let corner = |x: f32, y: f32| {
        let mut hash = (x as i32 as u32).wrapping_mul(0x9e37_79b1) ^ (y as i32 as u32).wrapping_mul(0x85eb_ca6b);
        hash ^= hash >> 15;
        hash = hash.wrapping_mul(0x2c1b_3c6d);
        hash ^= hash >> 12;
        (hash & 0xffff) as f32 / 65_535.0
    };
    let (left, top) = (x.floor(), y.floor());
    let soft = |t: f32| t * t * (3.0 - 2.0 * t);
    let (fx, fy) = (soft(x - left), soft(y - top));
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    let above = mix(corner(left, top), corner(left + 1.0, top), fx);
    let below = mix(corner(left, top + 1.0), corner(left + 1.0, top + 1.0), fx);
    mix(above, below, fy)
}

/// Reads a file from the folder `fixtures`.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)).expect("a fixture")
}

/// A JPEG file.
pub(crate) fn jpeg(width: u32, height: u32, rgb: &[u8], progressive: bool) -> Vec<u8> {
    let mut compressor = turbojpeg::Compressor::new().expect("libjpeg-turbo");
    compressor.set_quality(90).expect("in range");
    compressor.set_subsamp(turbojpeg::Subsamp::Sub2x2).expect("known");
    compressor.set_progressive(progressive).expect("known");
    let image = turbojpeg::Image {
        pixels: rgb,
        width: width as usize,
        pitch: width as usize * 3,
        height: height as usize,
        format: turbojpeg::PixelFormat::RGB,
    };
    compressor.compress_to_vec(image).expect("a picture")
}

/// A JPEG file with an additional segment after its start marker.
pub(crate) fn with_segment(jpeg: &[u8], marker: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 2).expect("at most 64 KiB").to_be_bytes();
    [&jpeg[..2], &[0xff, marker], &length, payload, &jpeg[2..]].concat()
}

/// A JPEG file with Exif.
pub(crate) fn with_exif(jpeg: &[u8], exif: &[u8]) -> Vec<u8> {
    with_segment(jpeg, 0xe1, &[b"Exif\0\0", exif].concat())
}

/// Exif as a camera writes it: orientation, camera, exposure, time, a maker note and a position.
pub(crate) fn exif(orientation: u16) -> Vec<u8> {
    let camera = Directory::default()
        .rational(33434, 1, 250)
        .rational(33437, 28, 10)
        .short(34855, 400)
        .ascii(36867, "2024:05:01 12:34:56")
        .ascii(36881, "+02:00")
        .rational(37386, 35, 1)
        .undefined(37500, b"SECRET MAKER NOTE 0123456789")
        .ascii(42036, "Lens\u{1b}[31m 35mm F2.8");
    let position = Directory::default().ascii(1, "N").rationals(2, &[(52, 1), (31, 1), (12, 1)]).ascii(3, "E");
    let main = Directory::default().ascii(271, "Smmu").ascii(272, "Sampler One").short(274, orientation);
    main.below(34665, camera).below(34853, position).written()
}

/// Builds a TIFF directory, little-endian.
#[derive(Default)]
struct Directory {
    entries: Vec<(u16, u16, u32, Vec<u8>)>,
    below: Vec<(u16, Directory)>,
}

impl Directory {
    fn with(mut self, tag: u16, kind: u16, count: usize, bytes: Vec<u8>) -> Self {
        self.entries.push((tag, kind, count as u32, bytes));
        self
    }

    fn short(self, tag: u16, value: u16) -> Self {
        self.with(tag, 3, 1, value.to_le_bytes().to_vec())
    }

    fn ascii(self, tag: u16, text: &str) -> Self {
        let bytes = [text.as_bytes(), b"\0"].concat();
        self.with(tag, 2, bytes.len(), bytes)
    }

    fn undefined(self, tag: u16, bytes: &[u8]) -> Self {
        self.with(tag, 7, bytes.len(), bytes.to_vec())
    }

    fn rational(self, tag: u16, numerator: u32, denominator: u32) -> Self {
        self.rationals(tag, &[(numerator, denominator)])
    }

    fn rationals(self, tag: u16, ratios: &[(u32, u32)]) -> Self {
        let bytes = ratios.iter().flat_map(|(n, d)| [n.to_le_bytes(), d.to_le_bytes()]).flatten().collect();
        self.with(tag, 5, ratios.len(), bytes)
    }

    fn below(mut self, tag: u16, directory: Directory) -> Self {
        self.below.push((tag, directory));
        self
    }

    fn written(self) -> Vec<u8> {
        let mut file = b"II*\0\x08\0\0\0".to_vec();
        self.write(&mut file);
        file
    }

    fn write(mut self, file: &mut Vec<u8>) {
        for (tag, _) in &self.below {
            self.entries.push((*tag, 4, 1, vec![0; 4]));
        }
        self.entries.sort_by_key(|entry| entry.0);
        let start = file.len();
        file.extend((self.entries.len() as u16).to_le_bytes());
        let mut slots = Vec::new();
        for (tag, kind, count, bytes) in &self.entries {
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(count.to_le_bytes());
            slots.push((*tag, file.len(), bytes.clone()));
            file.extend([0; 4]);
        }
        file.extend([0; 4]);
        assert_eq!(file.len(), start + 2 + 12 * slots.len() + 4);
        for (tag, slot, bytes) in slots {
            let below = self.below.iter().position(|(below, _)| *below == tag);
            let value = match below {
                Some(at) => {
                    let offset = file.len() as u32;
                    self.below.remove(at).1.write(file);
                    offset.to_le_bytes()
                }
                None if bytes.len() <= 4 => {
                    let mut short = [0; 4];
                    short[..bytes.len()].copy_from_slice(&bytes);
                    short
                }
                None => {
                    let offset = file.len() as u32;
                    file.extend(&bytes);
                    offset.to_le_bytes()
                }
            };
            file[slot..slot + 4].copy_from_slice(&value);
        }
    }
}

/// A PNG file of samples in stored form (16 bits are big-endian).
pub(crate) fn png(width: u32, height: u32, colour: png::ColorType, depth: png::BitDepth, samples: &[u8]) -> Vec<u8> {
    png_with(width, height, colour, depth, samples, |_| {})
}

/// A PNG file whose header `more` can change.
pub(crate) fn png_with(
    width: u32,
    height: u32,
    colour: png::ColorType,
    depth: png::BitDepth,
    samples: &[u8],
    more: impl FnOnce(&mut png::Info<'static>),
) -> Vec<u8> {
    let mut info = png::Info::with_size(width, height);
    info.color_type = colour;
    info.bit_depth = depth;
    more(&mut info);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::with_info(&mut file, info).expect("a header");
    encoder.set_compression(png::Compression::Fast);
    encoder.write_header().expect("written").write_image_data(samples).expect("written");
    file
}

/// The photo, opaque in the middle and fading to transparent at the edges.
pub(crate) fn vignette(width: u32, height: u32) -> Vec<u8> {
    let alpha = |index: usize| {
        let (x, y) = (index % width as usize, index / width as usize);
        let (u, v) = (x as f32 / width as f32 - 0.5, y as f32 / height as f32 - 0.5);
        ((0.5 - (u * u + v * v).sqrt()) * 4.0 * 255.0).clamp(0.0, 255.0) as u8
    };
    let pixels = photo(width, height);
    pixels.as_chunks::<3>().0.iter().enumerate().flat_map(|(index, &[r, g, b])| [r, g, b, alpha(index)]).collect()
}

/// A GIF of a ball that crosses a transparent background. Each frame covers part of the canvas and is cleared
/// afterwards.
pub(crate) fn gif(width: u16, height: u16, frames: u16, plays: gif::Repeat) -> Vec<u8> {
    let palette = [0, 0, 0, 220, 40, 40, 250, 220, 60, 30, 60, 160];
    let mut file = Vec::new();
    let mut encoder = gif::Encoder::new(&mut file, width, height, &palette).expect("a header");
    encoder.set_repeat(plays).expect("written");
    let side = height / 2;
    for number in 0..frames {
        let left = (u32::from(width - side) * u32::from(number) / u32::from(frames.max(2) - 1)) as u16;
        let radius = i32::from(side) / 2;
        let ball = |index: i32| {
            let (x, y) = (index % i32::from(side) - radius, index / i32::from(side) - radius);
            match x * x + y * y {
                inside if inside < radius * radius / 4 => 2,
                inside if inside < radius * radius => 1,
                _ => 0,
            }
        };
        let frame = gif::Frame {
            delay: 5 + number,
            dispose: gif::DisposalMethod::Background,
            transparent: Some(0),
            left,
            top: height / 4,
            width: side,
            height: side,
            buffer: Cow::Owned((0..i32::from(side).pow(2)).map(ball).collect()),
            ..gif::Frame::default()
        };
        encoder.write_frame(&frame).expect("written");
    }
    drop(encoder);
    file
}

/// A TIFF file with 16 bits per sample, in strips.
pub(crate) fn tiff16(width: u32, height: u32, rgb: &[u8]) -> Vec<u8> {
    let samples: Vec<u16> = rgb.iter().map(|&sample| u16::from(sample) * 257).collect();
    tiff::<tiff::encoder::colortype::RGB16>(width, height, &samples)
}

/// An uncompressed TIFF file.
pub(crate) fn tiff<C: tiff::encoder::colortype::ColorType>(width: u32, height: u32, samples: &[C::Inner]) -> Vec<u8>
where
    [C::Inner]: tiff::encoder::TiffValue,
{
    let mut file = std::io::Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).expect("a header");
    encoder.write_image::<C>(width, height, samples).expect("written");
    file.into_inner()
}

/// An AVIF file.
pub(crate) fn avif(width: u32, height: u32, rgb: &[u8], depth: ravif::BitDepth) -> Vec<u8> {
    let pixels: Vec<ravif::RGB8> = rgb.as_chunks::<3>().0.iter().map(|&[r, g, b]| ravif::RGB8::new(r, g, b)).collect();
    let encoder =
        ravif::Encoder::new().with_quality(80.0).with_speed(10).with_bit_depth(depth).with_num_threads(Some(1));
    encoder.encode_rgb(ravif::Img::new(&pixels, width as usize, height as usize)).expect("encoded").avif_file
}

/// An AVIF file with alpha.
pub(crate) fn avif_with_alpha(width: u32, height: u32, rgba: &[u8]) -> Vec<u8> {
    let pixels: Vec<ravif::RGBA8> =
        rgba.as_chunks::<4>().0.iter().map(|&[r, g, b, a]| ravif::RGBA8::new(r, g, b, a)).collect();
    let encoder = ravif::Encoder::new().with_quality(80.0).with_speed(10).with_num_threads(Some(1));
    encoder.encode_rgba(ravif::Img::new(&pixels, width as usize, height as usize)).expect("encoded").avif_file
}

/// A Windows bitmap.
pub(crate) fn bmp(width: u32, height: u32, rgb: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    image::codecs::bmp::BmpEncoder::new(&mut file)
        .encode(rgb, width, height, image::ExtendedColorType::Rgb8)
        .expect("written");
    file
}

/// An interlaced (Adam7) PNG file of 8-bit RGB, without compression.
pub(crate) fn interlaced_png(width: u32, height: u32, rgb: &[u8]) -> Vec<u8> {
    const PASSES: [(u32, u32, u32, u32); 7] =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
    let mut raw = Vec::new();
    for (left, top, across, down) in PASSES {
        for y in (top..height).step_by(down as usize) {
            let mut row = vec![0];
            for x in (left..width).step_by(across as usize) {
                let at = (y * width + x) as usize * 3;
                row.extend(&rgb[at..at + 3]);
            }
            if row.len() > 1 {
                raw.extend(row);
            }
        }
    }
    let mut zlib = vec![0x78, 0x01];
    for (index, block) in raw.chunks(65_535).enumerate() {
        let last = (index + 1) * 65_535 >= raw.len();
        let length = block.len() as u16;
        zlib.push(last.into());
        zlib.extend(length.to_le_bytes());
        zlib.extend((!length).to_le_bytes());
        zlib.extend(block);
    }
    let (a, b) = raw.iter().fold((1_u32, 0_u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    zlib.extend((b << 16 | a).to_be_bytes());
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 1]].concat();
    png_of_chunks(&[(b"IHDR", &header), (b"IDAT", &zlib), (b"IEND", &[])])
}

/// A PNG file of the given chunks.
pub(crate) fn png_of_chunks(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, payload) in chunks {
        file.extend((payload.len() as u32).to_be_bytes());
        let named = [&name[..], payload].concat();
        file.extend(&named);
        let crc = named.iter().fold(!0_u32, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
        });
        file.extend((!crc).to_be_bytes());
    }
    file
}

/// An uncompressed TIFF file of 8-bit RGB in tiles of 64 × 64.
pub(crate) fn tiled_tiff(width: u32, height: u32, rgb: &[u8]) -> Vec<u8> {
    const EDGE: u32 = 64;
    let (across, down) = (width.div_ceil(EDGE), height.div_ceil(EDGE));
    let tile_bytes = EDGE * EDGE * 3;
    let mut tiles = Vec::new();
    for tile in 0..across * down {
        for y in 0..EDGE {
            for x in 0..EDGE {
                let (x, y) = (tile % across * EDGE + x, tile / across * EDGE + y);
                let at = (y * width + x) as usize * 3;
                tiles.extend(if x < width && y < height { [rgb[at], rgb[at + 1], rgb[at + 2]] } else { [0; 3] });
            }
        }
    }
    let longs = |values: Vec<u32>| (values.len(), values.into_iter().flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    let written = |first_tile: u32| {
        let (count, offsets) = longs((0..across * down).map(|tile| first_tile + tile * tile_bytes).collect());
        let (_, lengths) = longs(vec![tile_bytes; count]);
        let depths = [8_u16; 3].into_iter().flat_map(u16::to_le_bytes).collect();
        let directory = Directory::default().short(256, width as u16).short(257, height as u16).short(259, 1);
        let directory = directory.short(262, 2).short(277, 3).short(322, EDGE as u16).short(323, EDGE as u16);
        let directory = directory.with(258, 3, 3, depths).with(324, 4, count, offsets).with(325, 4, count, lengths);
        directory.written()
    };
    let head = written(0).len() as u32;
    [written(head), tiles].concat()
}

/// A CMYK JPEG file with inverted inks, as Adobe programs write it.
pub(crate) fn cmyk_jpeg(width: u32, height: u32, inks: [u8; 4]) -> Vec<u8> {
    let mut compressor = turbojpeg::Compressor::new().expect("libjpeg-turbo");
    compressor.set_quality(95).expect("in range");
    compressor.set_subsamp(turbojpeg::Subsamp::None).expect("known");
    compressor.set_colorspace(turbojpeg::Colorspace::YCCK).expect("known");
    let pixels = inks.map(|ink| 255 - ink).repeat((width * height) as usize);
    let image = turbojpeg::Image {
        pixels: &pixels[..],
        width: width as usize,
        pitch: width as usize * 4,
        height: height as usize,
        format: turbojpeg::PixelFormat::CMYK,
    };
    compressor.compress_to_vec(image).expect("a picture")
}

/// Deterministic pseudo-random numbers (xorshift, Marsaglia 2003).
pub(crate) struct Random(pub(crate) u32);

impl Random {
    /// The next number below a bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % bound
    }
}
