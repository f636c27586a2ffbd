//! Choices: which pictures are made of one image.

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
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl Size {
    /// Number of pixels.
    #[must_use]
    pub const fn pixels(self) -> u64 {
        // Two u32 cannot overflow a u64.
        self.width as u64 * self.height as u64
    }

    /// The longer of both edges.
    #[must_use]
    pub const fn long_edge(self) -> u32 {
        if self.width > self.height { self.width } else { self.height }
    }

    /// Width and height exchanged.
    #[must_use]
    pub const fn transposed(self) -> Self {
        Self { width: self.height, height: self.width }
    }

    /// This size with its long edge made `edge`, which must not exceed it. The short edge is rounded
    /// to the nearest pixel and keeps at least one.
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

/// Whether an output moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// One picture; of an animation its first frame.
    Still,
    /// Every frame, with the source's timing.
    Animated,
}

/// A codec with everything it needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Baseline JPEG, 4:2:0, alpha flattened.
    Jpeg {
        /// libjpeg's scale.
        quality: Quality,
    },
    /// Lossy WebP.
    Webp {
        /// libwebp's scale.
        quality: Quality,
        /// libwebp's effort.
        method: WebpMethod,
        /// Whether it carries every frame.
        motion: Motion,
    },
    /// AVIF.
    Avif {
        /// The encoder's scale.
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

/// One picture to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOutput {
    /// File name, unique within the plan.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// Size as displayed.
    pub size: Size,
    /// How it is encoded.
    pub encoding: Encoding,
}

/// Every picture to be made of one image, the largest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePlan {
    /// In the order in which they are made; sizes never grow along it.
    pub outputs: Vec<ImageOutput>,
}

impl ImagePlan {
    /// The largest picture's size.
    #[must_use]
    pub fn largest(&self) -> Option<Size> {
        self.outputs.first().map(|output| output.size)
    }
}

/// A poster's long edge, where the ladder has a rung of at most that: a player's window, not a print.
const POSTER_EDGE: u32 = 1280;

/// Plans the pictures of one image.
///
/// Nothing is enlarged. Rungs longer than the source are left out; a source that lies below the
/// longest rung and is no rung itself gets one more at its own size, so that no detail it has
/// within the ladder is lost. Every rung is made once in every codec. An animation keeps moving in
/// WebP; its other renditions, and a poster, show its first frame.
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

/// The rungs of a source, from a descending ladder: descending again.
fn rungs(ladder: &[u32], source_edge: u32) -> Vec<u32> {
    let within = ladder.iter().copied().filter(|&edge| edge <= source_edge);
    let below_top = ladder.first().is_some_and(|&top| source_edge < top);
    let own = (below_top && !ladder.contains(&source_edge)).then_some(source_edge);
    own.into_iter().chain(within).collect()
}

#[cfg(test)]
mod tests;
