//! Decoded pixels; the types tell what each sample means.

use bytemuck::Pod;
use smmu_core::image::Size;
use smmu_resample::PixelType;

/// Meaning of the samples of a pixel, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channels {
    /// Lightness.
    Grey,
    /// Lightness and straight alpha.
    GreyAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue and straight alpha.
    Rgba,
    /// Cyan, magenta, yellow, black; the highest value is full ink.
    Cmyk,
}

impl Channels {
    /// Samples per pixel.
    pub(crate) const fn count(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }

    /// Returns whether the last sample is alpha.
    pub(crate) const fn has_alpha(self) -> bool {
        match self {
            Self::Grey | Self::Rgb | Self::Cmyk => false,
            Self::GreyAlpha | Self::Rgba => true,
        }
    }
}

/// Type of a sample: 8 or 16 bits, in full range.
pub(crate) trait Sample: Pod + Default {
    /// The resizer's type for a pixel of such samples.
    fn pixel_type(channels: Channels) -> PixelType;
}

impl Sample for u8 {
    fn pixel_type(channels: Channels) -> PixelType {
        match channels {
            Channels::Grey => PixelType::U8,
            Channels::GreyAlpha => PixelType::U8x2,
            Channels::Rgb => PixelType::U8x3,
            Channels::Rgba | Channels::Cmyk => PixelType::U8x4,
        }
    }
}

impl Sample for u16 {
    fn pixel_type(channels: Channels) -> PixelType {
        match channels {
            Channels::Grey => PixelType::U16,
            Channels::GreyAlpha => PixelType::U16x2,
            Channels::Rgb => PixelType::U16x3,
            Channels::Rgba | Channels::Cmyk => PixelType::U16x4,
        }
    }
}

/// A picture in memory: rows from top to bottom, pixels from left to right, samples interleaved, without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raster<S = u8> {
    pub(crate) size: Size,
    pub(crate) channels: Channels,
    pub(crate) samples: Vec<S>,
}

impl<S: Sample> Raster<S> {
    /// A raster of zeroes.
    pub(crate) fn zeroed(size: Size, channels: Channels) -> Self {
        Self { size, channels, samples: vec![S::default(); row_samples(size.width, channels) * size.height as usize] }
    }
}

/// Samples in a row that is `width` pixels wide.
pub(crate) const fn row_samples(width: u32, channels: Channels) -> usize {
    width as usize * channels.count()
}

/// A decoder's output, in the sample type of its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decoded {
    Eight(Raster<u8>),
    Sixteen(Raster<u16>),
}

impl From<Raster<u8>> for Decoded {
    fn from(raster: Raster<u8>) -> Self {
        Self::Eight(raster)
    }
}

impl From<Raster<u16>> for Decoded {
    fn from(raster: Raster<u16>) -> Self {
        Self::Sixteen(raster)
    }
}
