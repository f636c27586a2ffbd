//! Measurements of an image source. They go into the manifest, so every field is public: no location, no maker notes,
//! and no free text that was not shortened and stripped.

use super::{Colour, Size};
use crate::formats;
use serde::{Deserialize, Serialize};

/// Measurements of one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImageFacts {
    /// Properties from the header.
    #[serde(flatten)]
    pub probe: ImageProbe,
    /// Properties from the pixels.
    #[serde(flatten)]
    pub look: ImageLook,
    /// Camera settings from Exif, if any are useful.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<CameraFacts>,
    /// Size in bytes of the video that a Motion Photo carries after its picture. It is not processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedded_video_bytes: Option<u64>,
}

/// Properties of an image from its header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImageProbe {
    /// Format of the file.
    pub format: ImageFormat,
    /// Width in pixels as displayed, orientation applied.
    pub width: u32,
    /// Height in pixels as displayed, orientation applied.
    pub height: u32,
    /// Transformation that makes the stored pixels upright; already applied to the other values here.
    pub orientation: Orientation,
    /// True if the source stores transparency.
    pub has_alpha: bool,
    /// Bits per sample as stored.
    pub bit_depth: u8,
    /// Colour model of the stored pixels.
    pub colour_model: ColourModel,
    /// Description of the embedded ICC profile, if any. Renditions are sRGB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icc_profile: Option<String>,
    /// Frames and timing, if it is animated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub animation: Option<Animation>,
}

impl ImageProbe {
    /// Width and height as displayed.
    #[must_use]
    pub const fn size(&self) -> Size {
        Size { width: self.width, height: self.height }
    }
}

/// Image formats that are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ImageFormat {
    /// ITU-T T.81.
    Jpeg,
    /// W3C PNG, animations (APNG) included.
    Png,
    /// RFC 9649, animations included.
    Webp,
    /// GIF87a and GIF89a, animations included.
    Gif,
    /// TIFF 6.0 and BigTIFF, the first page.
    Tiff,
    /// Windows bitmap.
    Bmp,
    /// AV1 in HEIF, the primary item.
    Avif,
    /// HEVC in HEIF, the primary item; also HEIF that does not state its codec.
    Heic,
    /// ISO/IEC 18181, animations included.
    Jxl,
    /// Netpbm's formats: PBM, PGM, PPM and PAM.
    Ppm,
    /// Truevision TGA.
    Tga,
    /// Windows icons, the largest picture.
    Ico,
    /// Camera raw; the camera's embedded preview is decoded.
    Raw,
}

impl ImageFormat {
    /// Every format.
    pub const ALL: &'static [Self] = &[
        Self::Jpeg,
        Self::Png,
        Self::Webp,
        Self::Gif,
        Self::Tiff,
        Self::Bmp,
        Self::Avif,
        Self::Heic,
        Self::Jxl,
        Self::Ppm,
        Self::Tga,
        Self::Ico,
        Self::Raw,
    ];

    /// IANA media type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Tiff => "image/tiff",
            Self::Bmp => "image/bmp",
            Self::Avif => "image/avif",
            Self::Heic => "image/heic",
            Self::Jxl => "image/jxl",
            Self::Ppm => "image/x-portable-pixmap",
            Self::Tga => "image/x-tga",
            Self::Ico => "image/vnd.microsoft.icon",
            Self::Raw => "image/x-adobe-dng",
        }
    }

    /// The format of a media type from [`crate::detect()`].
    #[must_use]
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let entry = |content_type| Some(formats::of_media_type(content_type)?.format);
        Self::ALL.iter().copied().find(|format| entry(format.content_type()) == entry(content_type))
    }

    /// Name used in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        formats::of_media_type(self.content_type()).map_or("", |claim| claim.format.name)
    }
}

/// Colour model of a source's pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ColourModel {
    /// Lightness only.
    Grey,
    /// Red, green and blue.
    Rgb,
    /// Luma and two chroma components.
    Ycbcr,
    /// Indices into a table of colours.
    Palette,
    /// Inks: cyan, magenta, yellow, black (or YCCK, which becomes them).
    Cmyk,
}

/// Frames and duration of an animation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Animation {
    /// Number of frames, at least 2.
    pub frames: u32,
    /// Duration of one pass in milliseconds.
    pub duration_ms: u64,
    /// Number of plays; 0 means forever, as in WebP.
    pub plays: u32,
}

/// The eight orientations of stored pixels (Exif 3.0, 4.6.5.1.6; TIFF 6.0, Orientation), named after the transformation
/// that makes them upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "u8", into = "u8")]
pub enum Orientation {
    /// 1: upright.
    #[default]
    Upright,
    /// 2: mirror left to right.
    FlipHorizontal,
    /// 3: rotate by 180°.
    Rotate180,
    /// 4: mirror top to bottom.
    FlipVertical,
    /// 5: mirror at the main diagonal.
    Transpose,
    /// 6: rotate by 90° clockwise.
    Rotate90,
    /// 7: mirror at the other diagonal.
    Transverse,
    /// 8: rotate by 270° clockwise.
    Rotate270,
}

impl Orientation {
    /// Every orientation, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Upright,
        Self::FlipHorizontal,
        Self::Rotate180,
        Self::FlipVertical,
        Self::Transpose,
        Self::Rotate90,
        Self::Transverse,
        Self::Rotate270,
    ];

    /// The Exif number, 1 to 8.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Upright => 1,
            Self::FlipHorizontal => 2,
            Self::Rotate180 => 3,
            Self::FlipVertical => 4,
            Self::Transpose => 5,
            Self::Rotate90 => 6,
            Self::Transverse => 7,
            Self::Rotate270 => 8,
        }
    }

    /// The orientation of an Exif number; `None` if out of range.
    #[must_use]
    pub fn of_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|orientation| u32::from(orientation.number()) == number)
    }

    /// Returns whether making it upright swaps width and height.
    #[must_use]
    pub const fn swaps_axes(self) -> bool {
        match self {
            Self::Upright | Self::FlipHorizontal | Self::Rotate180 | Self::FlipVertical => false,
            Self::Transpose | Self::Rotate90 | Self::Transverse | Self::Rotate270 => true,
        }
    }
}

/// The number is not an Exif orientation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an orientation must be between 1 and 8")]
pub struct InvalidOrientation;

impl TryFrom<u8> for Orientation {
    type Error = InvalidOrientation;

    fn try_from(number: u8) -> Result<Self, InvalidOrientation> {
        Self::of_number(number.into()).ok_or(InvalidOrientation)
    }
}

impl From<Orientation> for u8 {
    fn from(orientation: Orientation) -> Self {
        orientation.number()
    }
}

/// Properties of the pixels, measured on the first frame in sRGB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImageLook {
    /// `ThumbHash` (about 25 bytes) in base64: a blurred placeholder that a client can draw at once.
    pub thumbhash: String,
    /// The colour that covers most of the picture.
    pub dominant_colour: Colour,
    /// Up to six distinct colours, the most common first.
    pub palette: Vec<Colour>,
    /// 64-bit pHash in 16 hex digits: pictures whose hashes differ in few bits (up to about 10) look alike. Computed
    /// from the luma of 32 × 32 pixels by a two-dimensional DCT-II: one bit for each of the 8 × 8 lowest frequencies
    /// without the constant row and column, set if above their median; row by row, highest bit first.
    pub perceptual_hash: String,
}

/// Useful camera settings from Exif. Location and maker notes are never read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct CameraFacts {
    /// Maker of the camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// Model of the camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Model of the lens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lens: Option<String>,
    /// Exposure time in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure_seconds: Option<f64>,
    /// Aperture as an F-number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f_number: Option<f64>,
    /// Sensitivity, ISO 12232.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iso: Option<u32>,
    /// Focal length in millimetres.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focal_length_mm: Option<f64>,
    /// Time of capture: `YYYY-MM-DDThh:mm:ss` in the camera's local time, followed by the offset from UTC if the camera
    /// stored it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<String>,
}
