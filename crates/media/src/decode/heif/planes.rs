//! Converts the planes of a coded image to interleaved RGB, row by row.

use re_rav1d::dav1d::{self, PlanarImageComponent};
use smmu_core::image::Size;

/// Colour space of samples (ITU-T H.273).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CodePoints {
    pub(super) primaries: u8,
    pub(super) transfer: u8,
    pub(super) matrix: u8,
    pub(super) full_range: bool,
}

impl CodePoints {
    /// Returns whether luma and chroma have the matrix of JPEG.
    pub(super) const fn is_weighted_as_jpeg(self) -> bool {
        matches!(self.matrix, UNSPECIFIED | 5 | 6)
    }
}

/// An unspecified matrix. Treated as that of JPEG, as in libavif and libheif.
const UNSPECIFIED: u8 = 2;

/// Chroma subsampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subsampling {
    /// No chroma.
    Monochrome,
    /// Half the width and half the height of luma (4:2:0).
    Half,
    /// Half the width of luma (4:2:2).
    HalfWidth,
    /// The size of luma (4:4:4).
    None,
}

impl Subsampling {
    /// Number of pixels across and down that a chroma sample covers.
    pub(super) const fn steps(self) -> (u32, u32) {
        match self {
            Self::Half => (2, 2),
            Self::HalfWidth => (2, 1),
            Self::None | Self::Monochrome => (1, 1),
        }
    }

    /// Number of samples in all planes for two pixels.
    pub(super) const fn samples_of_two_pixels(self) -> u64 {
        match self {
            Self::Monochrome => 2,
            Self::Half => 3,
            Self::HalfWidth => 4,
            Self::None => 6,
        }
    }
}

/// Method of scaling chroma to the resolution of luma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upsampling {
    /// ¾ of the nearer and ¼ of the farther sample, as in libjpeg and libavif.
    Linear,
    /// The nearest sample, as in libheif, and so in most programs that show HEIC.
    Nearest,
}

/// The planes of one coded image.
pub(super) struct Planes {
    pub(super) size: Size,
    subsampling: Subsampling,
    upsampling: Upsampling,
    bits: u8,
    luma: Samples,
    chroma: Option<[Samples; 2]>,
    maths: Maths,
}

/// A plane.
struct Samples {
    stored: Stored,
    /// Distance from one row to the next, in elements of `stored`: bytes, pairs of bytes or numbers.
    stride: usize,
}

/// A plane in the decoder's memory layout.
enum Stored {
    /// Samples of one byte.
    Bytes(dav1d::Plane),
    /// Samples of two bytes, in native byte order.
    Pairs(dav1d::Plane),
    Numbers(Vec<u16>),
}

impl Samples {
    fn of_av1(picture: &dav1d::Picture, component: PlanarImageComponent) -> Self {
        let plane = picture.plane(component);
        let stored = if picture.bit_depth() > 8 { Stored::Pairs(plane) } else { Stored::Bytes(plane) };
        Self { stored, stride: picture.stride(component) as usize }
    }

    /// Reads a row as floats. Missing samples are 0.
    fn row(&self, row: usize, width: usize, into: &mut Vec<f32>) {
        fn at<T>(samples: &[T], start: usize) -> &[T] {
            samples.get(start..).unwrap_or_default()
        }
        into.clear();
        let start = row * self.stride;
        match &self.stored {
            Stored::Bytes(plane) => into.extend(at(plane, start).iter().take(width).map(|&sample| f32::from(sample))),
            Stored::Pairs(plane) => {
                let (pairs, _) = at(plane, start).as_chunks();
                into.extend(pairs.iter().take(width).map(|&sample| f32::from(u16::from_ne_bytes(sample))));
            }
            Stored::Numbers(plane) => into.extend(at(plane, start).iter().take(width).map(|&sample| f32::from(sample))),
        }
        into.resize(width, 0.0);
    }

    /// Appends `width` samples of a row; they must have 8 bits.
    fn add_row(&self, row: usize, width: usize, into: &mut Vec<u8>) {
        let end = into.len() + width;
        let start = row * self.stride;
        match &self.stored {
            Stored::Bytes(plane) => into.extend(plane.get(start..).unwrap_or_default().iter().take(width)),
            Stored::Pairs(_) => {}
            Stored::Numbers(plane) => {
                into.extend(plane.get(start..).unwrap_or_default().iter().take(width).map(|&sample| sample as u8));
            }
        }
        into.resize(end, 0);
    }
}

/// Conversion from luma and chroma to red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Colours {
    /// Weights of red and blue in luma (H.273, equations 38 to 40).
    Weighted(f32, f32),
    /// The planes are green, blue and red.
    Identity,
    /// Sums and differences (H.273, equations 44 to 47).
    YCgCo,
}

impl Colours {
    const OF_JPEG: Self = Self::Weighted(0.299, 0.114);
}

/// Parameters of the conversion.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Maths {
    colours: Colours,
    /// Offset to subtract from luma, and then the divisor, for a result from 0 to 1.
    luma: (f32, f32),
    /// The same for chroma, for a result from −½ to ½.
    chroma: (f32, f32),
}

/// The matrix coefficients are not supported.
pub(super) struct UnknownMatrix;

impl Planes {
    /// The planes of a decoded AV1 picture.
    pub(super) fn of_av1(picture: &dav1d::Picture, points: CodePoints) -> Result<Self, UnknownMatrix> {
        let subsampling = match picture.pixel_layout() {
            dav1d::PixelLayout::I400 => Subsampling::Monochrome,
            dav1d::PixelLayout::I420 => Subsampling::Half,
            dav1d::PixelLayout::I422 => Subsampling::HalfWidth,
            dav1d::PixelLayout::I444 => Subsampling::None,
        };
        let bits = picture.bits_per_component().map_or(8, |bits| bits.0 as u8);
        let size = Size { width: picture.width(), height: picture.height() };
        let luma = Samples::of_av1(picture, PlanarImageComponent::Y);
        let chroma = (subsampling != Subsampling::Monochrome)
            .then(|| [PlanarImageComponent::U, PlanarImageComponent::V].map(|plane| Samples::of_av1(picture, plane)));
        let maths = Maths::of(subsampling, bits, points)?;
        Ok(Self { size, subsampling, upsampling: Upsampling::Linear, bits, luma, chroma, maths })
    }

    /// Planes of numbers, each with its stride.
    pub(super) fn of_numbers(
        size: Size,
        subsampling: Subsampling,
        bits: u8,
        luma: (Vec<u16>, usize),
        chroma: Option<[(Vec<u16>, usize); 2]>,
        points: CodePoints,
    ) -> Result<Self, UnknownMatrix> {
        let samples = |(plane, stride)| Samples { stored: Stored::Numbers(plane), stride };
        let maths = Maths::of(subsampling, bits, points)?;
        Ok(Self {
            size,
            subsampling,
            upsampling: Upsampling::Nearest,
            bits,
            luma: samples(luma),
            chroma: chroma.map(|planes| planes.map(samples)),
            maths,
        })
    }

    /// Converts a row to red, green and blue, each from 0 to 1, in `rows.rgb`.
    pub(super) fn rgb_row(&self, row: usize, rows: &mut Rows) {
        let width = self.size.width as usize;
        self.luma.row(row, width, &mut rows.luma);
        let Some(chroma) = &self.chroma else {
            rows.rgb.clear();
            let grey = |luma: &f32| self.maths.luma(*luma);
            rows.rgb.extend(rows.luma.iter().map(|luma| [grey(luma); 3]));
            return;
        };
        for (plane, full) in chroma.iter().zip(&mut rows.chroma) {
            self.chroma_row(plane, row, &mut rows.near, &mut rows.far, full);
        }
        rows.rgb.clear();
        let [blue, red] = &rows.chroma;
        let samples = rows.luma.iter().zip(blue).zip(red);
        rows.rgb.extend(samples.map(|((luma, blue), red)| self.maths.rgb(*luma, *blue, *red)));
    }

    /// Appends `width` luma samples of a row; they must have 8 bits.
    pub(super) fn add_luma(&self, row: usize, width: usize, into: &mut Vec<u8>) {
        self.luma.add_row(row, width, into);
    }

    /// Like [`Self::add_luma`], for Cb (0) or Cr (1); `row` and `width` count chroma samples.
    pub(super) fn add_chroma(&self, plane: usize, row: usize, width: usize, into: &mut Vec<u8>) {
        if let Some(chroma) = &self.chroma {
            chroma[plane].add_row(row, width, into);
        }
    }

    /// Converts the luma of a row to levels from 0 to 1, in `rows.luma`. Alpha is coded as luma.
    pub(super) fn luma_row(&self, row: usize, rows: &mut Rows) {
        self.luma.row(row, self.size.width as usize, &mut rows.luma);
        rows.luma.iter_mut().for_each(|luma| *luma = self.maths.luma(*luma));
    }

    /// Reads a row of chroma, scaled to full width, into `full`.
    fn chroma_row(&self, plane: &Samples, row: usize, near: &mut Vec<f32>, far: &mut Vec<f32>, full: &mut Vec<f32>) {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let half = |length: usize| length.div_ceil(2);
        match (self.subsampling, self.upsampling) {
            (Subsampling::None | Subsampling::Monochrome, _) => plane.row(row, width, full),
            (Subsampling::HalfWidth, upsampling) => {
                plane.row(row, half(width), near);
                upsampling.widen(near, width, full);
            }
            (Subsampling::Half, Upsampling::Nearest) => {
                plane.row(row / 2, half(width), near);
                Upsampling::Nearest.widen(near, width, full);
            }
            (Subsampling::Half, Upsampling::Linear) => {
                let at = row / 2;
                let other = if row.is_multiple_of(2) { at.saturating_sub(1) } else { (at + 1).min(half(height) - 1) };
                plane.row(at, half(width), near);
                plane.row(other, half(width), far);
                near.iter_mut().zip(far).for_each(|(near, far)| *near = 0.75 * *near + 0.25 * *far);
                Upsampling::Linear.widen(near, width, full);
            }
        }
    }

    /// True for full range, false for limited range; `None` unless samples have 8 bits and the matrix of JPEG.
    pub(super) fn full_range_as_in_jpeg(&self) -> Option<bool> {
        let alike = self.maths.colours == Colours::OF_JPEG || self.subsampling == Subsampling::Monochrome;
        (alike && self.bits == 8).then_some(self.maths.luma.0 == 0.0)
    }

    /// Chroma subsampling.
    pub(super) const fn subsampling(&self) -> Subsampling {
        self.subsampling
    }

    /// Bits per sample.
    pub(super) const fn bits(&self) -> u8 {
        self.bits
    }
}

/// Buffers for rows, reused to avoid allocations.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) luma: Vec<f32>,
    pub(super) rgb: Vec<[f32; 3]>,
    chroma: [Vec<f32>; 2],
    near: Vec<f32>,
    far: Vec<f32>,
}

impl Upsampling {
    fn widen(self, half: &[f32], width: usize, full: &mut Vec<f32>) {
        full.clear();
        let last = half.len().saturating_sub(1);
        match self {
            Self::Nearest => full.extend(half.iter().flat_map(|&sample| [sample; 2]).take(width)),
            Self::Linear => full.extend((0..width).map(|x| {
                let at = x / 2;
                let other = if x % 2 == 0 { at.saturating_sub(1) } else { (at + 1).min(last) };
                0.75 * half[at] + 0.25 * half[other]
            })),
        }
    }
}

impl Maths {
    fn of(subsampling: Subsampling, bits: u8, points: CodePoints) -> Result<Self, UnknownMatrix> {
        let colours = match points.matrix {
            _ if subsampling == Subsampling::Monochrome => Colours::Weighted(0.0, 0.0),
            0 if subsampling == Subsampling::None => Colours::Identity,
            1 => Colours::Weighted(0.2126, 0.0722),
            _ if points.is_weighted_as_jpeg() => Colours::OF_JPEG,
            4 => Colours::Weighted(0.30, 0.11),
            7 => Colours::Weighted(0.212, 0.087),
            8 => Colours::YCgCo,
            9 => Colours::Weighted(0.2627, 0.0593),
            _ => return Err(UnknownMatrix),
        };
        Ok(Self::new(colours, bits, points.full_range))
    }

    fn new(colours: Colours, bits: u8, full_range: bool) -> Self {
        let unit = (1_u32 << (bits - 8)) as f32;
        let most = ((1_u32 << bits) - 1) as f32;
        let middle = 128.0 * unit;
        if full_range {
            Self { colours, luma: (0.0, most), chroma: (middle, most) }
        } else {
            Self { colours, luma: (16.0 * unit, 219.0 * unit), chroma: (middle, 224.0 * unit) }
        }
    }

    fn luma(&self, sample: f32) -> f32 {
        ((sample - self.luma.0) / self.luma.1).clamp(0.0, 1.0)
    }

    fn rgb(&self, luma: f32, blue: f32, red: f32) -> [f32; 3] {
        let unit = |sample: f32| (sample - self.luma.0) / self.luma.1;
        let difference = |sample: f32| (sample - self.chroma.0) / self.chroma.1;
        let rgb = match self.colours {
            Colours::Identity => [unit(red), unit(luma), unit(blue)],
            Colours::Weighted(of_red, of_blue) => {
                let (luma, blue, red) = (unit(luma), difference(blue), difference(red));
                let of_green = 1.0 - of_red - of_blue;
                let (to_red, to_blue) = (2.0 * (1.0 - of_red) * red, 2.0 * (1.0 - of_blue) * blue);
                [luma + to_red, luma - (of_red * to_red + of_blue * to_blue) / of_green, luma + to_blue]
            }
            Colours::YCgCo => {
                let (luma, green, orange) = (unit(luma), difference(blue), difference(red));
                [luma - green + orange, luma + green, luma - green - orange]
            }
        };
        rgb.map(|value| value.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limited_range_reaches_black_and_white() {
        let maths = Maths::new(Colours::Weighted(0.2126, 0.0722), 10, false);
        let near = |rgb: [f32; 3], level: f32| rgb.iter().all(|channel| (channel - level).abs() < 1e-6);
        assert!(near(maths.rgb(64.0, 512.0, 512.0), 0.0));
        assert!(near(maths.rgb(940.0, 512.0, 512.0), 1.0));
    }

    #[test]
    fn pure_red_is_restored_with_every_matrix() {
        for (of_red, of_blue) in [(0.299, 0.114), (0.2126, 0.0722), (0.2627, 0.0593)] {
            let maths = Maths::new(Colours::Weighted(of_red, of_blue), 8, true);
            let blue = 128.0 - 255.0 * of_red / (2.0 * (1.0 - of_blue));
            let [r, g, b] = maths.rgb(255.0 * of_red, blue, 128.0 + 127.5);
            assert!(r > 0.99 && g < 0.01 && b < 0.01, "{r} {g} {b}");
        }
    }

    #[test]
    fn chroma_is_interpolated_or_taken_from_the_nearest_sample() {
        let mut full = Vec::new();
        Upsampling::Linear.widen(&[0.0, 100.0], 3, &mut full);
        assert_eq!(full, [0.0, 25.0, 75.0]);
        Upsampling::Nearest.widen(&[0.0, 100.0], 3, &mut full);
        assert_eq!(full, [0.0, 0.0, 100.0]);
    }
}
