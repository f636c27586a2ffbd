//! Decodes and encodes stills.

use super::{Picture, Plane, Settings, Yuv, encode_error, sys};
use crate::{
    error::{MediaError, Transient, corrupt},
    planes::{self, Planes},
    raster::{Channels, Raster},
};
use smmu_core::image::Size;

/// A `WebPMemoryWriter` that frees its memory on drop.
struct Writer(sys::WebPMemoryWriter);

impl Drop for Writer {
    fn drop(&mut self) {
        // SAFETY: it was initialised in `encode`.
        unsafe { sys::WebPMemoryWriterClear(&raw mut self.0) };
    }
}

/// Encodes an RGB or RGBA raster as a lossy WebP file.
pub(crate) fn encode(raster: &Raster, settings: Settings) -> Result<Vec<u8>, Transient> {
    write(Picture::of(raster, Plane::Yuv)?, settings)
}

/// Encodes planes as a lossy WebP file.
pub(crate) fn encode_planes(planes: &Planes, settings: Settings) -> Result<Vec<u8>, Transient> {
    let yuv = Yuv::of(planes);
    write(Picture::of_yuv(&yuv)?, settings)
}

/// Encodes a picture, whose samples must still be alive, as a lossy WebP file.
fn write(mut picture: Picture, settings: Settings) -> Result<Vec<u8>, Transient> {
    let config = settings.config()?;
    let mut writer = Writer(sys::WebPMemoryWriter { mem: std::ptr::null_mut(), size: 0, max_size: 0, pad: [0] });
    // SAFETY: plain initialisation of our own value.
    unsafe { sys::WebPMemoryWriterInit(&raw mut writer.0) };
    picture.0.writer = Some(sys::WebPMemoryWrite);
    picture.0.custom_ptr = (&raw mut writer.0).cast();
    // SAFETY: both are initialised; the writer, which `custom_ptr` names, outlives the call.
    if unsafe { sys::WebPEncode(&raw const config, &raw mut picture.0) } == 0 {
        return Err(encode_error(format!("{:?}", picture.0.error_code)));
    }
    if writer.0.mem.is_null() {
        return Err(encode_error("nothing was written"));
    }
    // SAFETY: after success `mem` holds `size` initialised bytes, until the writer is cleared.
    Ok(unsafe { std::slice::from_raw_parts(writer.0.mem, writer.0.size) }.to_vec())
}

/// Decodes a still WebP file to RGB or RGBA, and downscales it from `stored` to `size` by averaging areas. For good
/// quality, choose a `size` larger than the one finally needed.
pub(crate) fn decode(content: &[u8], stored: Size, size: Size, channels: Channels) -> Result<Raster, MediaError> {
    let mut raster: Raster = Raster::zeroed(size, channels);
    decode_into(content, into_raster(&mut raster, stored)?)?;
    Ok(raster)
}

/// Like [`decode`], for a truncated file. Also returns the number of decoded rows.
pub(crate) fn decode_rows(
    content: &[u8],
    stored: Size,
    size: Size,
    channels: Channels,
) -> Result<(Raster, u32), MediaError> {
    let mut raster: Raster = Raster::zeroed(size, channels);
    let rows = decode_rows_into(content, into_raster(&mut raster, stored)?, size.height)?;
    Ok((raster, rows))
}

/// Decodes a still lossy WebP file to planes, and downscales it from `stored` to `size`.
pub(crate) fn decode_planes(content: &[u8], stored: Size, size: Size) -> Result<Yuv, MediaError> {
    let mut yuv = Yuv::zeroed(size);
    decode_into(content, into_yuv(&mut yuv, stored)?)?;
    Ok(yuv)
}

/// Like [`decode_planes`], for a truncated file. Also returns the number of decoded rows of luma.
pub(crate) fn decode_plane_rows(content: &[u8], stored: Size, size: Size) -> Result<(Yuv, u32), MediaError> {
    let mut yuv = Yuv::zeroed(size);
    let rows = decode_rows_into(content, into_yuv(&mut yuv, stored)?, size.height)?;
    Ok((yuv, rows))
}

/// Decodes into the memory that the configuration points to, which must be alive.
fn decode_into(content: &[u8], mut config: sys::WebPDecoderConfig) -> Result<(), MediaError> {
    // SAFETY: the input is a live slice; the output names live memory of the given size and stride,
    // which the library checks against the scaled size before it writes.
    let status = unsafe { sys::WebPDecode(content.as_ptr(), content.len(), &raw mut config) };
    // SAFETY: the output buffer was initialised with the configuration; our own memory is not freed.
    unsafe { sys::WebPFreeDecBuffer(&raw mut config.output) };
    match status {
        sys::VP8StatusCode::VP8_STATUS_OK => Ok(()),
        status => Err(refusal(status)),
    }
}

/// Like [`decode_into`], for a truncated file. Returns the number of decoded rows, at most `height`.
fn decode_rows_into(content: &[u8], mut config: sys::WebPDecoderConfig, height: u32) -> Result<u32, MediaError> {
    let is_planes = config.output.colorspace == sys::WEBP_CSP_MODE::MODE_YUV;
    // SAFETY: without input it only creates a decoder, whose configuration outlives it here.
    let decoder = Incremental(unsafe { sys::WebPIDecode(std::ptr::null(), 0, &raw mut config) });
    if decoder.0.is_null() {
        return Err(Transient::resize("libwebp has no memory for a decoder").into());
    }
    // SAFETY: the decoder and the input are live; as in `decode_into`, the output points to our own memory.
    let status = unsafe { sys::WebPIUpdate(decoder.0, content.as_ptr(), content.len()) };
    match status {
        sys::VP8StatusCode::VP8_STATUS_OK => return Ok(height),
        sys::VP8StatusCode::VP8_STATUS_SUSPENDED | sys::VP8StatusCode::VP8_STATUS_NOT_ENOUGH_DATA => {}
        status => return Err(refusal(status)),
    }
    let (mut rows, none, no_plane) = (0, std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the decoder is live; only the number of rows that it has written is requested.
    let written = unsafe {
        if is_planes {
            let rows = &raw mut rows;
            sys::WebPIDecGetYUVA(decoder.0, rows, no_plane, no_plane, no_plane, none, none, none, none, none)
        } else {
            sys::WebPIDecGetRGB(decoder.0, &raw mut rows, none, none, none)
        }
    };
    Ok(if written.is_null() { 0 } else { u32::try_from(rows).unwrap_or(0).min(height) })
}

/// A decoder of incomplete input, freed on drop.
struct Incremental(*mut sys::WebPIDecoder);

impl Drop for Incremental {
    fn drop(&mut self) {
        // SAFETY: it is live or null, and never used again.
        unsafe { sys::WebPIDelete(self.0) };
    }
}

/// The configuration that makes the library write into a raster, which must outlive it.
fn into_raster(raster: &mut Raster, stored: Size) -> Result<sys::WebPDecoderConfig, MediaError> {
    let mode = match raster.channels {
        Channels::Rgb => sys::WEBP_CSP_MODE::MODE_RGB,
        Channels::Rgba => sys::WEBP_CSP_MODE::MODE_RGBA,
        Channels::Grey | Channels::GreyAlpha | Channels::Cmyk => return Err(corrupt("WebP", "it has other channels")),
    };
    let stride = raster.size.width as usize * raster.channels.count();
    let mut config = configuration(stored, raster.size, mode)?;
    config.output.u.RGBA = sys::WebPRGBABuffer {
        rgba: raster.samples.as_mut_ptr(),
        stride: i32::try_from(stride).map_err(Transient::resize)?,
        size: raster.samples.len(),
    };
    Ok(config)
}

/// The configuration that makes the library write into planes, which must outlive it.
fn into_yuv(yuv: &mut Yuv, stored: Size) -> Result<sys::WebPDecoderConfig, MediaError> {
    let stride = |side: u32| i32::try_from(side).map_err(Transient::resize);
    let mut config = configuration(stored, yuv.size, sys::WEBP_CSP_MODE::MODE_YUV)?;
    let (y_stride, uv_stride) = (stride(yuv.size.width)?, stride(planes::halved(yuv.size).width)?);
    let [y, u, v] = yuv.planes_mut();
    config.output.u.YUVA = sys::WebPYUVABuffer {
        y: y.as_mut_ptr(),
        u: u.as_mut_ptr(),
        v: v.as_mut_ptr(),
        a: std::ptr::null_mut(),
        y_stride,
        u_stride: uv_stride,
        v_stride: uv_stride,
        a_stride: 0,
        y_size: y.len(),
        u_size: u.len(),
        v_size: v.len(),
        a_size: 0,
    };
    Ok(config)
}

/// A configuration without an output buffer yet.
fn configuration(stored: Size, size: Size, mode: sys::WEBP_CSP_MODE) -> Result<sys::WebPDecoderConfig, MediaError> {
    let mut config = sys::WebPDecoderConfig::new().map_err(|()| Transient::resize("incompatible libwebp version"))?;
    // Scaling multiplies colours by alpha and divides them again, even at the same size, which loses precision.
    config.options.use_scaling = (size != stored).into();
    config.options.scaled_width = i32::try_from(size.width).map_err(Transient::resize)?;
    config.options.scaled_height = i32::try_from(size.height).map_err(Transient::resize)?;
    config.output.colorspace = mode;
    config.output.is_external_memory = 1;
    Ok(config)
}

fn refusal(status: sys::VP8StatusCode) -> MediaError {
    match status {
        sys::VP8StatusCode::VP8_STATUS_SUSPENDED | sys::VP8StatusCode::VP8_STATUS_NOT_ENOUGH_DATA => {
            corrupt("WebP", "it ends too early")
        }
        // The library reports "out of memory" for some damaged headers; the real need for memory was limited before.
        sys::VP8StatusCode::VP8_STATUS_OK
        | sys::VP8StatusCode::VP8_STATUS_OUT_OF_MEMORY
        | sys::VP8StatusCode::VP8_STATUS_INVALID_PARAM
        | sys::VP8StatusCode::VP8_STATUS_BITSTREAM_ERROR
        | sys::VP8StatusCode::VP8_STATUS_UNSUPPORTED_FEATURE
        | sys::VP8StatusCode::VP8_STATUS_USER_ABORT => corrupt("WebP", "its pixels cannot be decoded"),
    }
}
