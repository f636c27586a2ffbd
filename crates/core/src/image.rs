//! Images: probing a source, planning its outputs, and describing it.
//!
//! A source's header is probed, then [`plan()`] decides the output pictures; both are data, so every decision can be
//! tested without a pixel. `crates/media` carries out the plan and adds measurements of the pixels ([`ImageLook`]).

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
