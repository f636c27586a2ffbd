//! Images: what may come in, what is made of it, and what is said about it.
//!
//! A source is probed (its header only), then [`plan()`] decides which pictures are made of it;
//! both are data, so that every decision can be tested without a pixel. `crates/media` carries
//! the plan out and adds what only the pixels tell ([`ImageLook`]).

mod facts;
mod limits;
mod plan;
mod profile;

pub use facts::{Animation, CameraFacts, ColourModel, ImageFacts, ImageFormat, ImageLook, ImageProbe, Orientation};
pub use limits::ImageLimits;
pub use plan::{Encoding, ImageOutput, ImagePlan, Motion, Size, plan};
pub use profile::{
    AvifProfile, AvifSpeed, Colour, ImageProfile, InvalidProfile, JpegProfile, Ladder, Quality, WebpMethod, WebpProfile,
};
