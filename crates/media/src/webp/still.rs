//! One picture.

use super::{Picture, Plane, Settings, encode_fault, sys};
use crate::{
    error::{Fault, MediaError, corrupt},
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
pub(crate) fn encode(raster: &Raster, settings: Settings) -> Result<Vec<u8>, Fault> {
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

/// A still WebP file as RGB or RGBA, shrunk to `size` on the way (by averaging areas: leave a margin).
pub(crate) fn decode(content: &[u8], size: Size, channels: Channels) -> Result<Raster, MediaError> {
    let mode = match channels {
        Channels::Rgb => sys::WEBP_CSP_MODE::MODE_RGB,
        Channels::Rgba => sys::WEBP_CSP_MODE::MODE_RGBA,
        Channels::Grey | Channels::GreyAlpha | Channels::Cmyk => return Err(corrupt("WebP", "it has other channels")),
    };
    let mut config = sys::WebPDecoderConfig::new().map_err(|()| Fault::resize("libwebp is of another version"))?;
    let mut raster: Raster = Raster::zeroed(size, channels);
    let stride = size.width as usize * channels.count();
    config.options.use_scaling = 1;
    config.options.scaled_width = i32::try_from(size.width).map_err(Fault::resize)?;
    config.options.scaled_height = i32::try_from(size.height).map_err(Fault::resize)?;
    config.output.colorspace = mode;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = sys::WebPRGBABuffer {
        rgba: raster.samples.as_mut_ptr(),
        stride: i32::try_from(stride).map_err(Fault::resize)?,
        size: raster.samples.len(),
    };
    // SAFETY: the input is a live slice; the output names live memory of the given size and stride,
    // which the library checks against the scaled size before it writes.
    let status = unsafe { sys::WebPDecode(content.as_ptr(), content.len(), &raw mut config) };
    // SAFETY: the output buffer was initialised with the configuration; memory of ours is left alone.
    unsafe { sys::WebPFreeDecBuffer(&raw mut config.output) };
    match status {
        sys::VP8StatusCode::VP8_STATUS_OK => Ok(raster),
        sys::VP8StatusCode::VP8_STATUS_SUSPENDED | sys::VP8StatusCode::VP8_STATUS_NOT_ENOUGH_DATA => {
            Err(corrupt("WebP", "it ends too early"))
        }
        // "Out of memory" is what it says of some damaged headers; what it truly needs was bounded before.
        sys::VP8StatusCode::VP8_STATUS_OUT_OF_MEMORY
        | sys::VP8StatusCode::VP8_STATUS_INVALID_PARAM
        | sys::VP8StatusCode::VP8_STATUS_BITSTREAM_ERROR
        | sys::VP8StatusCode::VP8_STATUS_UNSUPPORTED_FEATURE
        | sys::VP8StatusCode::VP8_STATUS_USER_ABORT => Err(corrupt("WebP", "its pixels cannot be decoded")),
    }
}
