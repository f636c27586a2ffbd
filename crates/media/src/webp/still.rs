//! One picture.

use super::{Picture, Plane, Settings, encode_fault, sys};
use crate::{
    error::{MediaError, Transient, corrupt},
    raster::{Channels, Raster},
};
use smmu_core::image::Size;

/// A `WebPMemoryWriter` that frees what it gathered.
struct Writer(sys::WebPMemoryWriter);

impl Drop for Writer {
    fn drop(&mut self) {
        // SAFETY: it was initialised in `encode`.
        unsafe { sys::WebPMemoryWriterClear(&raw mut self.0) };
    }
}

/// An RGB or RGBA raster as a lossy WebP file.
pub(crate) fn encode(raster: &Raster, settings: Settings) -> Result<Vec<u8>, Transient> {
    let config = settings.config()?;
    let mut picture = Picture::of(raster, Plane::Yuv)?;
    let mut writer = Writer(sys::WebPMemoryWriter { mem: std::ptr::null_mut(), size: 0, max_size: 0, pad: [0] });
    // SAFETY: plain initialisation of a value of ours.
    unsafe { sys::WebPMemoryWriterInit(&raw mut writer.0) };
    picture.0.writer = Some(sys::WebPMemoryWrite);
    picture.0.custom_ptr = (&raw mut writer.0).cast();
    // SAFETY: both are initialised; the writer, which `custom_ptr` names, outlives the call.
    if unsafe { sys::WebPEncode(&raw const config, &raw mut picture.0) } == 0 {
        return Err(encode_fault(format!("{:?}", picture.0.error_code)));
    }
    if writer.0.mem.is_null() {
        return Err(encode_fault("nothing was written"));
    }
    // SAFETY: after success `mem` holds `size` initialised bytes, until the writer is cleared.
    Ok(unsafe { std::slice::from_raw_parts(writer.0.mem, writer.0.size) }.to_vec())
}

/// A still WebP file of a stored size as RGB or RGBA, shrunk to another on the way (by averaging areas: leave a margin).
pub(crate) fn decode(content: &[u8], stored: Size, size: Size, channels: Channels) -> Result<Raster, MediaError> {
    let mut raster: Raster = Raster::zeroed(size, channels);
    let mut config = configuration(&mut raster, stored)?;
    // SAFETY: the input is a live slice; the output names live memory of the given size and stride,
    // which the library checks against the scaled size before it writes.
    let status = unsafe { sys::WebPDecode(content.as_ptr(), content.len(), &raw mut config) };
    // SAFETY: the output buffer was initialised with the configuration; memory of ours is left alone.
    unsafe { sys::WebPFreeDecBuffer(&raw mut config.output) };
    match status {
        sys::VP8StatusCode::VP8_STATUS_OK => Ok(raster),
        status => Err(refusal(status)),
    }
}

/// The same of a file that is cut off, and how many rows of the result are there.
pub(crate) fn decode_rows(
    content: &[u8],
    stored: Size,
    size: Size,
    channels: Channels,
) -> Result<(Raster, u32), MediaError> {
    let mut raster: Raster = Raster::zeroed(size, channels);
    let mut config = configuration(&mut raster, stored)?;
    // SAFETY: without input it only makes a decoder, whose configuration outlives it here.
    let decoder = Incremental(unsafe { sys::WebPIDecode(std::ptr::null(), 0, &raw mut config) });
    if decoder.0.is_null() {
        return Err(Transient::resize("libwebp has no memory for a decoder").into());
    }
    // SAFETY: the decoder and the input are live; as for `decode`, the output names memory of ours.
    let status = unsafe { sys::WebPIUpdate(decoder.0, content.as_ptr(), content.len()) };
    match status {
        sys::VP8StatusCode::VP8_STATUS_OK => return Ok((raster, size.height)),
        sys::VP8StatusCode::VP8_STATUS_SUSPENDED | sys::VP8StatusCode::VP8_STATUS_NOT_ENOUGH_DATA => {}
        status => return Err(refusal(status)),
    }
    let (mut rows, none) = (0, std::ptr::null_mut());
    // SAFETY: the decoder is live; it gives the number of rows that it has written, and nothing else is asked for.
    let written = unsafe { sys::WebPIDecGetRGB(decoder.0, &raw mut rows, none, none, none) };
    drop(decoder);
    let rows = if written.is_null() { 0 } else { u32::try_from(rows).unwrap_or(0).min(size.height) };
    Ok((raster, rows))
}

/// A decoder that takes what is there, freed when it is done.
struct Incremental(*mut sys::WebPIDecoder);

impl Drop for Incremental {
    fn drop(&mut self) {
        // SAFETY: it is live or null, and never used again.
        unsafe { sys::WebPIDelete(self.0) };
    }
}

/// The configuration that makes the library write into a raster, which must outlive it.
fn configuration(raster: &mut Raster, stored: Size) -> Result<sys::WebPDecoderConfig, MediaError> {
    let mode = match raster.channels {
        Channels::Rgb => sys::WEBP_CSP_MODE::MODE_RGB,
        Channels::Rgba => sys::WEBP_CSP_MODE::MODE_RGBA,
        Channels::Grey | Channels::GreyAlpha | Channels::Cmyk => return Err(corrupt("WebP", "it has other channels")),
    };
    let mut config = sys::WebPDecoderConfig::new().map_err(|()| Transient::resize("libwebp is of another version"))?;
    let stride = raster.size.width as usize * raster.channels.count();
    // What is scaled is multiplied by its alpha and divided again, even to the size that it has.
    config.options.use_scaling = (raster.size != stored).into();
    config.options.scaled_width = i32::try_from(raster.size.width).map_err(Transient::resize)?;
    config.options.scaled_height = i32::try_from(raster.size.height).map_err(Transient::resize)?;
    config.output.colorspace = mode;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = sys::WebPRGBABuffer {
        rgba: raster.samples.as_mut_ptr(),
        stride: i32::try_from(stride).map_err(Transient::resize)?,
        size: raster.samples.len(),
    };
    Ok(config)
}

fn refusal(status: sys::VP8StatusCode) -> MediaError {
    match status {
        sys::VP8StatusCode::VP8_STATUS_SUSPENDED | sys::VP8StatusCode::VP8_STATUS_NOT_ENOUGH_DATA => {
            corrupt("WebP", "it ends too early")
        }
        // "Out of memory" is what it says of some damaged headers; what it truly needs was bounded before.
        sys::VP8StatusCode::VP8_STATUS_OK
        | sys::VP8StatusCode::VP8_STATUS_OUT_OF_MEMORY
        | sys::VP8StatusCode::VP8_STATUS_INVALID_PARAM
        | sys::VP8StatusCode::VP8_STATUS_BITSTREAM_ERROR
        | sys::VP8StatusCode::VP8_STATUS_UNSUPPORTED_FEATURE
        | sys::VP8StatusCode::VP8_STATUS_USER_ABORT => corrupt("WebP", "its pixels cannot be decoded"),
    }
}
