//! Decides the output pictures of one image.

use super::{
    ImageProbe, ImageProfile, Quality,
    profile::{AvifSpeed, WebpMethod},
};
use crate::artifact::Role;
use serde::{Deserialize, Serialize};

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Size {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Size {
    /// Number of pixels.
    #[must_use]
    pub const fn pixels(self) -> u64 {
        // The product of two u32 fits a u64.
        self.width as u64 * self.height as u64
    }

    /// The longer of the two edges.
    #[must_use]
    pub const fn long_edge(self) -> u32 {
        if self.width > self.height { self.width } else { self.height }
    }

    /// Width and height swapped.
    #[must_use]
    pub const fn transposed(self) -> Self {
        Self { width: self.height, height: self.width }
    }

    /// Scales the size to a long edge of `edge`, which must not exceed the current one. The short edge is rounded to
    /// the nearest pixel, but is at least 1.
    #[must_use]
    pub fn fitted(self, edge: u32) -> Self {
        let long = u64::from(self.long_edge().max(1));
        let scaled = |length: u32| {
            let rounded = (u64::from(length) * u64::from(edge) + long / 2) / long;
            u32::try_from(rounded.max(1)).unwrap_or(u32::MAX)
        };
        Self { width: scaled(self.width), height: scaled(self.height) }
    }
}

/// Still or animated output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// One picture; for an animation its first frame.
    Still,
    /// All frames, with the source's timing.
    Animated,
}

/// A codec and its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Baseline JPEG, 4:2:0, alpha flattened.
    Jpeg {
        /// Quality on libjpeg's scale.
        quality: Quality,
    },
    /// Lossy WebP.
    Webp {
        /// Quality on libwebp's scale.
        quality: Quality,
        /// libwebp's compression method.
        method: WebpMethod,
        /// Still, or all frames.
        motion: Motion,
    },
    /// AVIF.
    Avif {
        /// Quality on the encoder's scale.
        quality: Quality,
        /// The encoder's speed.
        speed: AvifSpeed,
    },
}

impl Encoding {
    /// Media type of the result.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg { .. } => "image/jpeg",
            Self::Webp { .. } => "image/webp",
            Self::Avif { .. } => "image/avif",
        }
    }
}

/// One output picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOutput {
    /// File name, unique within the plan.
    pub name: String,
    /// Purpose of the output.
    pub role: Role,
    /// Size as displayed.
    pub size: Size,
    /// Codec and settings.
    pub encoding: Encoding,
}

/// All output pictures of one image, the largest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePlan {
    /// In the order of encoding; sizes never grow.
    pub outputs: Vec<ImageOutput>,
}

impl ImagePlan {
    /// Size of the largest picture.
    #[must_use]
    pub fn largest(&self) -> Option<Size> {
        self.outputs.first().map(|output| output.size)
    }
}

/// Longest edge of a poster, if a rung is no longer than that: it is made for a player, not for print.
const POSTER_EDGE: u32 = 1280;

/// Plans the output pictures of one image.
///
/// Nothing is enlarged. Rungs longer than the source are left out; a source shorter than the longest rung that is not
/// itself a rung gets an extra one at its own size, so that no detail is lost. Every rung is made once in each codec.
/// An animation stays animated in WebP; its other renditions, and a poster, show its first frame.
#[must_use]
pub fn plan(probe: &ImageProbe, profile: &ImageProfile) -> ImagePlan {
    let source = probe.size();
    let animated = probe.animation.is_some();
    let edges = rungs(profile.ladder.long_edges(), source.long_edge());
    let poster_edge = edges.iter().copied().find(|&edge| edge <= POSTER_EDGE).or(edges.last().copied());

    let jpeg = Encoding::Jpeg { quality: profile.jpeg.quality };
    let motion = if animated { Motion::Animated } else { Motion::Still };
    let webp = Encoding::Webp { quality: profile.webp.quality, method: profile.webp.method, motion };
    let avif = profile.avif.map(|avif| Encoding::Avif { quality: avif.quality, speed: avif.speed });

    let mut outputs = Vec::new();
    for edge in edges {
        let size = source.fitted(edge);
        let rendition = |name, encoding| ImageOutput { name, role: Role::Rendition, size, encoding };
        outputs.push(rendition(format!("jpeg-{edge}.jpg"), jpeg));
        outputs.push(rendition(format!("webp-{edge}.webp"), webp));
        outputs.extend(avif.map(|avif| rendition(format!("avif-{edge}.avif"), avif)));
        if animated && poster_edge == Some(edge) {
            outputs.push(ImageOutput { name: "poster.jpg".to_owned(), role: Role::Poster, size, encoding: jpeg });
        }
    }
    ImagePlan { outputs }
}

/// The rungs for a source, from a descending ladder; also descending.
fn rungs(ladder: &[u32], source_edge: u32) -> Vec<u32> {
    let within = ladder.iter().copied().filter(|&edge| edge <= source_edge);
    let below_top = ladder.first().is_some_and(|&top| source_edge < top);
    let own = (below_top && !ladder.contains(&source_edge)).then_some(source_edge);
    own.into_iter().chain(within).collect()
}

#[cfg(test)]
mod tests;
