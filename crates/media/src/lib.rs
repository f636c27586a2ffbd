//! Decodes media files and makes their renditions, checking every limit before it allocates memory.
//!
//! The entry point for images is [`render()`]; the Lambda function, the worker and the command line all call it.
//! [`smmu_core::image::plan()`] decides what to make. This crate knows nothing about AWS, jobs or the
//! network: a file in, files and a [`smmu_core::Manifest`] out.
//!
//! # Memory
//!
//! No file makes the process exceed [`ImageLimits::max_memory_bytes`] (512 MiB).
//! Each decoder computes its peak memory from the header alone; a file that needs more than the limit is
//! refused as `too_much_memory`. To make 200 megapixels fit, PNG and TIFF are resized row by row, JPEG is
//! downscaled while decoding, and HEIC and JPEG XL are decoded in bands. A progressive JPEG, an interlaced PNG,
//! a TIFF that is one JPEG stream, a lossless WebP or JPEG XL, or a BMP must be held in memory whole, so the
//! largest of them are refused.

#![warn(missing_docs)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "samples and sizes are computed within their ranges, once per pixel; checked casts would clutter the code"
)]
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "decoders' enums are open; any variant not named here is unsupported or corrupt by design"
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
