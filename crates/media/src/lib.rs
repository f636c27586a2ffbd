//! Pixels: from an image file to its renditions, with every limit held before memory is spent.
//!
//! The one entry is [`render()`]; the Lambda function, the worker and the command line all call it.
//! What is made is decided by [`smmu_core::image::plan()`]. This crate knows no AWS, no job and no
//! network: a file in, files and a [`smmu_core::Manifest`] out.
//!
//! # Memory
//!
//! The promise is that no file takes the process above [`ImageLimits::max_memory_bytes`]
//! (512 MiB). Each decoder says, from the header alone, how much it will need at most, and too much is
//! refused as `too_much_memory`. PNG and TIFF are resized while their rows arrive, JPEG shrinks while
//! it is decoded, HEIC and JPEG XL are decoded in bands, so that 200 megapixels fit; a progressive
//! JPEG, an interlaced PNG, a TIFF that is one JPEG stream, a lossless WebP or JPEG XL or a BMP must be held whole,
//! and the largest of them are refused.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "samples and sizes are computed within their ranges, once a pixel; checked casts would be most of the code"
)]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "decoders' enums are open, and what is not named here is unsupported or corrupt by design"
)]

pub mod av;
mod camera;
mod colour;
mod decode;
mod encode;
mod error;
pub mod file_mode;
mod hdr;
mod look;
mod manifest;
mod motion;
mod orient;
mod picture;
mod planes;
mod raster;
mod render;
mod resize;
mod source;
mod text;
mod webp;

pub use error::{MediaError, Transient};
pub use render::render;
pub use smmu_core::image::{ImageLimits, ImageProfile};
