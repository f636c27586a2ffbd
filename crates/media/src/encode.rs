//! Encodes a picture to a file.

use crate::{
    colour,
    error::{MediaError, Transient},
    planes::Planes,
    raster::{Channels, Raster},
    webp,
};
use ravif::{BitDepth, Encoder, Img, RGB8, RGBA8};
use smmu_core::image::{AvifSpeed, Colour, Encoding, Quality};
use std::borrow::Cow;
use turbojpeg::{Compressor, PixelFormat, Subsamp, YuvPlanesImage};

/// Encodes a raster as a still.
pub(crate) fn still(raster: &Raster, encoding: Encoding, background: Colour) -> Result<Vec<u8>, MediaError> {
    Ok(match encoding {
        Encoding::Jpeg { quality } => jpeg(&opaque(raster, background), quality)?,
        Encoding::Webp { quality, method, motion: _ } => webp::encode(raster, webp::Settings { quality, method })?,
        Encoding::Avif { quality, speed } => avif(raster, quality, speed)?,
    })
}

/// Encodes planes as a still.
pub(crate) fn still_of_planes(planes: &Planes, encoding: Encoding) -> Result<Vec<u8>, MediaError> {
    Ok(match encoding {
        Encoding::Jpeg { quality } => jpeg_of_planes(planes, quality)?,
        Encoding::Webp { quality, method, motion: _ } => {
            webp::encode_planes(planes, webp::Settings { quality, method })?
        }
        Encoding::Avif { quality, speed } => avif(&planes.rgb(planes.size)?, quality, speed)?,
    })
}

fn opaque(raster: &Raster, background: Colour) -> Cow<'_, Raster> {
    if raster.channels == Channels::Rgba {
        Cow::Owned(colour::flattened(raster, background))
    } else {
        Cow::Borrowed(raster)
    }
}

fn jpeg(raster: &Raster, quality: Quality) -> Result<Vec<u8>, Transient> {
    let (width, height) = (raster.size.width as usize, raster.size.height as usize);
    let image = turbojpeg::Image {
        pixels: raster.samples.as_slice(),
        width,
        pitch: width * raster.channels.count(),
        height,
        format: PixelFormat::RGB,
    };
    compressor(quality).and_then(|mut compressor| compressor.compress_to_vec(image)).map_err(jpeg_error)
}

fn jpeg_of_planes(planes: &Planes, quality: Quality) -> Result<Vec<u8>, Transient> {
    let (luma, stride) = planes.even_luma();
    let [cb, cr] = &planes.chroma;
    let chroma_stride = cb.size.width as usize;
    let image = YuvPlanesImage {
        y_plane: &luma[..],
        u_plane: &cb.samples[..],
        v_plane: &cr.samples[..],
        width: planes.size.width as usize,
        height: planes.size.height as usize,
        y_stride: stride,
        u_stride: chroma_stride,
        v_stride: chroma_stride,
        subsamp: Subsamp::Sub2x2,
    };
    compressor(quality).and_then(|mut compressor| compressor.compress_yuv_planes_to_vec(&image)).map_err(jpeg_error)
}

/// Baseline with optimised Huffman tables: progressive takes three times as long and saves only 4% of the size.
fn compressor(quality: Quality) -> turbojpeg::Result<Compressor> {
    let mut compressor = Compressor::new()?;
    compressor.set_quality(quality.get().into())?;
    compressor.set_subsamp(Subsamp::Sub2x2)?;
    compressor.set_optimize(true)?;
    Ok(compressor)
}

fn jpeg_error(error: turbojpeg::Error) -> Transient {
    Transient::encode("JPEG", error)
}

fn avif(raster: &Raster, quality: Quality, speed: AvifSpeed) -> Result<Vec<u8>, Transient> {
    let encoder = Encoder::new()
        .with_quality(quality.get().into())
        .with_alpha_quality(quality.get().into())
        .with_speed(speed.get())
        .with_bit_depth(BitDepth::Eight)
        .with_num_threads(Some(1));
    let (width, height) = (raster.size.width as usize, raster.size.height as usize);
    let encoded = if raster.channels == Channels::Rgba {
        let pixels: Vec<RGBA8> =
            raster.samples.as_chunks::<4>().0.iter().map(|&[r, g, b, a]| RGBA8::new(r, g, b, a)).collect();
        encoder.encode_rgba(Img::new(&pixels, width, height))
    } else {
        let pixels: Vec<RGB8> = raster.samples.as_chunks::<3>().0.iter().map(|&[r, g, b]| RGB8::new(r, g, b)).collect();
        encoder.encode_rgb(Img::new(&pixels, width, height))
    };
    encoded.map(|encoded| encoded.avif_file).map_err(|error| Transient::encode("AVIF", error))
}
