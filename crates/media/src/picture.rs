//! A picture between decoder and encoders, as RGB or planes, whichever avoids a conversion.

use crate::{encode, error::MediaError, look, planes::Planes, raster::Raster, resize};
use smmu_core::image::{Colour, Encoding, ImageLook, Size};

/// An upright picture in sRGB.
#[derive(Debug, Clone)]
pub(crate) enum Picture {
    /// RGB, with or without alpha.
    Rgb(Raster),
    /// Luma and chroma, opaque.
    Planes(Planes),
}

impl Picture {
    pub(crate) const fn size(&self) -> Size {
        match self {
            Self::Rgb(raster) => raster.size,
            Self::Planes(planes) => planes.size,
        }
    }

    /// Resizes the picture to a smaller size.
    pub(crate) fn shrunk(&self, target: Size) -> Result<Self, MediaError> {
        Ok(match self {
            Self::Rgb(raster) => Self::Rgb(resize::shrink(raster, raster.size.into(), target)?),
            Self::Planes(planes) => Self::Planes(planes.shrunk(target)?),
        })
    }

    /// Encodes the picture as a still.
    pub(crate) fn encoded(&self, encoding: Encoding, background: Colour) -> Result<Vec<u8>, MediaError> {
        match self {
            Self::Rgb(raster) => encode::still(raster, encoding, background),
            Self::Planes(planes) => encode::still_of_planes(planes, encoding),
        }
    }

    /// Returns whether it is large enough to measure its look without loss. Planes must be twice as large, because
    /// their chroma has half the resolution.
    pub(crate) const fn is_measurable(&self) -> bool {
        let finer = match self {
            Self::Rgb(_) => 1,
            Self::Planes(_) => 2,
        };
        self.size().long_edge() >= finer * look::LONGEST_EDGE
    }

    pub(crate) fn look(&self, background: Colour) -> Result<ImageLook, MediaError> {
        match self {
            Self::Rgb(raster) => look::look(raster, background),
            Self::Planes(planes) => look::look(&planes.rgb(look::measured(planes.size))?, background),
        }
    }
}

/// Returns whether an encoder accepts planes as they are. AVIF is encoded with chroma at full resolution.
pub(crate) const fn takes_planes(encoding: Encoding) -> bool {
    match encoding {
        Encoding::Jpeg { .. } | Encoding::Webp { .. } => true,
        Encoding::Avif { .. } => false,
    }
}
