//! A safe wrapper for the parts of libwebp that this crate needs. Contains all `unsafe` code of the product.
//!
//! The `webp` crate is not enough: it holds all frames of an animation in memory, up to 400 of them, and cannot
//! downscale while decoding.

#![expect(unsafe_code, reason = "libwebp is a C library and no crate offers streaming animation or scaled decoding")]

mod animation;
mod container;
mod still;

pub(crate) use animation::{AnimationDecoder, AnimationEncoder};
pub(crate) use container::{Missing, mend, parse};
pub(crate) use still::{decode, decode_plane_rows, decode_planes, decode_rows, encode, encode_planes};

use crate::{
    error::Transient,
    planes::{self, LIMITED, Planes},
    raster::{Channels, Raster},
};
use libwebp_sys as sys;
use smmu_core::image::{Quality, Size, WebpMethod};

/// Encoder settings of every picture, still or frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    pub(crate) quality: Quality,
    pub(crate) method: WebpMethod,
}

impl Settings {
    fn config(self) -> Result<sys::WebPConfig, Transient> {
        let mut config = sys::WebPConfig::new().map_err(|()| encode_error("incompatible library version"))?;
        config.quality = self.quality.get().into();
        config.method = self.method.get().into();
        Ok(config)
    }
}

fn encode_error(reason: impl ToString) -> Transient {
    Transient::encode("WebP", reason)
}

/// Pixel format inside the encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plane {
    /// For stills.
    Yuv,
    /// For the animation encoder, which compares frames.
    Argb,
}

/// A `WebPPicture` that frees its memory on drop.
struct Picture(sys::WebPPicture);

/// Luma and chroma as the library reads and writes them: consecutive planes in limited range.
pub(crate) struct Yuv {
    pub(crate) size: Size,
    samples: Vec<u8>,
}

impl Yuv {
    fn zeroed(size: Size) -> Self {
        Self { size, samples: vec![0; (size.pixels() + 2 * planes::halved(size).pixels()) as usize] }
    }

    fn of(planes: &Planes) -> Self {
        let mapped = |plane: &'_ Raster, levels: &'static [u8; 256]| {
            plane.samples.clone().into_iter().map(|level| levels[usize::from(level)])
        };
        let [cb, cr] = &planes.chroma;
        let luma = mapped(&planes.luma, &LIMITED.luma);
        let samples = luma.chain(mapped(cb, &LIMITED.chroma)).chain(mapped(cr, &LIMITED.chroma)).collect();
        Self { size: planes.size, samples }
    }

    /// Luma, Cb and Cr.
    pub(crate) fn planes(&self) -> [&[u8]; 3] {
        let halved = planes::halved(self.size).pixels() as usize;
        let (luma, chroma) = self.samples.split_at(self.size.pixels() as usize);
        let (cb, cr) = chroma.split_at(halved);
        [luma, cb, cr]
    }

    pub(crate) fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let halved = planes::halved(self.size).pixels() as usize;
        let (luma, chroma) = self.samples.split_at_mut(self.size.pixels() as usize);
        let (cb, cr) = chroma.split_at_mut(halved);
        [luma, cb, cr]
    }
}

impl Picture {
    /// A view of planes, which must outlive it.
    fn of_yuv(yuv: &Yuv) -> Result<Self, Transient> {
        let mut picture = sys::WebPPicture::new().map_err(|()| encode_error("incompatible library version"))?;
        let side = |side: u32| i32::try_from(side).map_err(encode_error);
        picture.use_argb = 0;
        picture.colorspace = sys::WebPEncCSP::WEBP_YUV420;
        (picture.width, picture.height) = (side(yuv.size.width)?, side(yuv.size.height)?);
        (picture.y_stride, picture.uv_stride) = (picture.width, side(planes::halved(yuv.size).width)?);
        // The encoder only reads them: it changes only colours under full transparency, and there is no alpha.
        let [luma, cb, cr] = yuv.planes().map(|plane| plane.as_ptr().cast_mut());
        (picture.y, picture.u, picture.v) = (luma, cb, cr);
        Ok(Self(picture))
    }

    /// A copy of an RGB or RGBA raster.
    fn of(raster: &Raster, plane: Plane) -> Result<Self, Transient> {
        let mut picture = sys::WebPPicture::new().map_err(|()| encode_error("incompatible library version"))?;
        picture.width = i32::try_from(raster.size.width).map_err(encode_error)?;
        picture.height = i32::try_from(raster.size.height).map_err(encode_error)?;
        picture.use_argb = (plane == Plane::Argb).into();
        let mut picture = Self(picture);

        let stride = raster.size.width as usize * raster.channels.count();
        let c_stride = i32::try_from(stride).map_err(encode_error)?;
        assert!(raster.samples.len() >= stride * raster.size.height as usize, "a raster has all its rows");
        // SAFETY: the picture was initialised with this width and height, and the samples hold
        // `height` rows of `stride` bytes (asserted), in the order that the function's name says.
        // The function copies them.
        let imported = unsafe {
            match raster.channels {
                Channels::Rgb => sys::WebPPictureImportRGB(&raw mut picture.0, raster.samples.as_ptr(), c_stride),
                Channels::Rgba => sys::WebPPictureImportRGBA(&raw mut picture.0, raster.samples.as_ptr(), c_stride),
                Channels::Grey | Channels::GreyAlpha | Channels::Cmyk => {
                    return Err(encode_error("only RGB and RGBA can be encoded"));
                }
            }
        };
        if imported == 0 { Err(encode_error("out of memory")) } else { Ok(picture) }
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: it was initialised when created. This frees only memory that the library allocated, not our planes;
        // freeing it when nothing was allocated is allowed.
        unsafe { sys::WebPPictureFree(&raw mut self.0) };
    }
}
