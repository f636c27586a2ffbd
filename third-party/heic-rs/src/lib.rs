//! The HEVC still-picture decoder of [heic-rs](https://github.com/tbraun96/heic-rs); see README.md beside it.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "std")]
extern crate std;

pub mod error;
pub mod hevc;

pub use crate::error::{Error, Result};
