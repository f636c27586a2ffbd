//! Camera raw files: decodes the largest JPEG preview that the camera stored.
//!
//! Developing sensor data would need the colour characteristics of every camera, and the camera has already done it.
//! Orientation and camera facts are read from the raw file itself, since previews often lack them.

mod boxes;
mod directories;
mod fuji;

use super::{Decode, Header, jpeg::Jpeg, jpeg_markers::Markers};
use crate::{
    camera,
    error::{MediaError, Transient, corrupt},
    planes::Planes,
    raster::Decoded,
    source::{AnyOffset, Source},
};
use smmu_core::{
    ErrorCode, Refusal, Warning, WarningCode, detect,
    ifd::ReadAt,
    image::{CameraFacts, ImageFormat, ImageLimits, Orientation, Size},
};

/// An opened raw file.
pub(crate) struct Raw {
    preview: Jpeg,
}

/// Offset and number of bytes in the file.
type Place = (u64, u64);

/// Previews and facts found in a raw file.
#[derive(Debug, Default)]
struct Found {
    /// JPEG streams of any size, including those of sensor data.
    streams: Vec<Place>,
    orientation: Option<Orientation>,
    camera: Option<CameraFacts>,
    /// Size of the sensor's data, if stated.
    sensor: Option<Size>,
}

/// A preview that can be rendered.
struct Preview {
    place: Place,
    size: Size,
}

/// Maximum number of streams to examine, and bytes to read from each. Thumbnails, profiles and notes come before the
/// pixels.
const MAX_STREAMS: usize = 32;
const HEAD_BYTES: u64 = 1024 * 1024;

/// A preview's longer side is at least this fraction (1/8) of the sensor's; anything smaller is a thumbnail.
const SMALLEST_PART: u32 = 8;
/// Minimum longer side of a preview, in pixels, unless it is at least half of the sensor's: thumbnails are as large with
/// small sensors.
const SMALLEST_SIDE: u32 = 512;

impl Raw {
    pub(crate) fn open(source: &Source, limits: &ImageLimits) -> Result<Self, MediaError> {
        let file = source.any_offset()?;
        let found = match source.content_type {
            "image/x-fuji-raf" => fuji::find(&file),
            "image/x-canon-cr3" => boxes::find(&file, source.bytes),
            _ => directories::find(&file),
        };
        let chosen = found.as_ref().and_then(|found| choose(&file, source.bytes, found));
        let content = chosen.as_ref().and_then(|(preview, _)| read(&file, preview.place));
        file.check().map_err(Transient::Read)?;
        let ends_early = found.as_ref().is_some_and(|found| {
            found.streams.iter().any(|(offset, bytes)| offset.saturating_add(*bytes) > source.bytes)
        });
        let (Some(found), Some((preview, sensor)), Some(content)) = (found, chosen, content) else {
            let name = ImageFormat::Raw.name();
            return Err(if ends_early {
                corrupt(name, "it ends too early")
            } else {
                detect::refusal(NO_PREVIEW).into()
            });
        };
        let mut jpeg = Jpeg::of(content, limits).map_err(of_preview)?;
        let Size { width, height } = preview.size;
        let header = jpeg.header_mut();
        if let Some(orientation) = found.orientation {
            let turned = orientation.swaps_axes() && sensor.is_some_and(|sensor| is_turned(preview.size, sensor));
            header.orientation = if turned { Orientation::Upright } else { orientation };
        }
        header.camera = camera::joined(found.camera, header.camera.take());
        let message =
            format!("the outputs were made from the preview that the camera stored ({width} × {height} pixels)");
        header.warnings.push(Warning::new(WarningCode::PreviewUsed, message));
        if ends_early {
            header.warnings.push(Warning::new(WarningCode::CutOff, "the camera raw file is cut off"));
        }
        Ok(Self { preview: jpeg })
    }
}

const NO_PREVIEW: &str = "camera raw without a full-size JPEG preview; develop it to JPEG or TIFF first";

/// The largest preview, and the size of the sensor if known. `None` if there are only thumbnails.
fn choose(file: &AnyOffset, file_bytes: u64, found: &Found) -> Option<(Preview, Option<Size>)> {
    let mut largest: Option<Preview> = None;
    let mut lossless: Option<Size> = None;
    for &(offset, bytes) in found.streams.iter().take(MAX_STREAMS) {
        let Some(there) = file_bytes.checked_sub(offset) else { continue };
        let place = (offset, bytes.min(there));
        let markers = read(file, (offset, place.1.min(HEAD_BYTES))).and_then(|head| Markers::parse(&head));
        let Some((markers, size)) = markers.and_then(|markers| markers.size.map(|size| (markers, size))) else {
            continue;
        };
        if markers.lossless || markers.precision != 8 {
            // Sensor data: the components are adjacent pixels of a row.
            let across = u32::try_from(markers.sampling.len()).unwrap_or(1);
            let sensor = Size { width: size.width.saturating_mul(across), ..size };
            lossless = lossless.filter(|known| known.pixels() >= sensor.pixels()).or(Some(sensor));
        } else if largest.as_ref().is_none_or(|known| known.size.pixels() < size.pixels()) {
            largest = Some(Preview { place, size });
        }
    }
    let (preview, sensor) = (largest?, found.sensor.or(lossless));
    let longer = |size: Size| size.width.max(size.height);
    let least = sensor
        .map(longer)
        .map_or(SMALLEST_SIDE, |side| side.div_ceil(SMALLEST_PART).max(SMALLEST_SIDE.min(side.div_ceil(2))));
    (longer(preview.size) >= least).then_some((preview, sensor))
}

fn read(file: &AnyOffset, (offset, bytes): Place) -> Option<Vec<u8>> {
    let mut content = vec![0; usize::try_from(bytes).ok()?];
    file.fill(offset, &mut content)?;
    Some(content)
}

/// Returns whether the preview is portrait and the sensor landscape, or vice versa: the camera has already turned it.
const fn is_turned(preview: Size, sensor: Size) -> bool {
    (preview.height > preview.width) != (sensor.height > sensor.width)
}

/// Converts an error about the preview to one about the file.
fn of_preview(error: MediaError) -> MediaError {
    match error {
        MediaError::Refused(Refusal { code: ErrorCode::CorruptMedia, message }) => {
            corrupt(ImageFormat::Raw.name(), format!("its preview cannot be decoded ({message})"))
        }
        MediaError::Refused(_) | MediaError::Transient(_) => error,
    }
}

impl Decode for Raw {
    fn header(&self) -> &Header {
        self.preview.header()
    }

    fn memory_bytes(&self, target: Size) -> u64 {
        self.preview.memory_bytes(target)
    }

    fn still(&mut self, target: Size) -> Result<Decoded, MediaError> {
        self.preview.still(target).map_err(of_preview)
    }

    fn planes(&mut self, target: Size) -> Result<Option<Planes>, MediaError> {
        self.preview.planes(target).map_err(of_preview)
    }
}
