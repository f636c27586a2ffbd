//! Profile of the output pictures, independent of any image.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Settings for the outputs of every image.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ImageProfile {
    /// Long edges of the rungs.
    pub ladder: Ladder,
    /// JPEG encoding.
    pub jpeg: JpegProfile,
    /// WebP encoding.
    pub webp: WebpProfile,
    /// AVIF encoding; off by default, since one AVIF costs as much as all other outputs together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avif: Option<AvifProfile>,
    /// Colour behind transparent pixels in a format without alpha (JPEG).
    pub background: Colour,
}

/// A profile value outside its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidProfile(&'static str);

/// Long edges in pixels, strictly descending, at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u32>", into = "Vec<u32>")]
pub struct Ladder(Vec<u32>);

impl Ladder {
    /// Longest edge that a profile may have. The memory estimate behind [`super::ImageLimits`] relies on it.
    pub const MAX_EDGE: u32 = 4096;

    /// Long edges in pixels, strictly descending.
    #[must_use]
    pub fn long_edges(&self) -> &[u32] {
        &self.0
    }
}

impl Default for Ladder {
    fn default() -> Self {
        Self(vec![2048, 1280, 640, 320, 160])
    }
}

impl TryFrom<Vec<u32>> for Ladder {
    type Error = InvalidProfile;

    /// Accepts edges in any order; duplicates are dropped.
    fn try_from(mut edges: Vec<u32>) -> Result<Self, InvalidProfile> {
        if edges.is_empty() {
            return Err(InvalidProfile("a ladder needs at least one long edge"));
        }
        if edges.iter().any(|edge| !(1..=Self::MAX_EDGE).contains(edge)) {
            return Err(InvalidProfile("a long edge must have between 1 and 4096 pixels"));
        }
        edges.sort_unstable_by(|a, b| b.cmp(a));
        edges.dedup();
        Ok(Self(edges))
    }
}

impl From<Ladder> for Vec<u32> {
    fn from(ladder: Ladder) -> Self {
        ladder.0
    }
}

/// An encoder's quality, 1 to 100, on the encoder's own scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Quality(u8);

impl Quality {
    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Quality {
    type Error = InvalidProfile;

    fn try_from(quality: u8) -> Result<Self, InvalidProfile> {
        if (1..=100).contains(&quality) {
            Ok(Self(quality))
        } else {
            Err(InvalidProfile("a quality must be between 1 and 100"))
        }
    }
}

impl From<Quality> for u8 {
    fn from(quality: Quality) -> Self {
        quality.0
    }
}

/// JPEG encoding: baseline, 4:2:0, optimised Huffman tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JpegProfile {
    /// Quality on libjpeg's scale.
    pub quality: Quality,
}

impl Default for JpegProfile {
    fn default() -> Self {
        Self { quality: Quality(80) }
    }
}

/// WebP encoding: lossy, with lossless alpha if there is any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WebpProfile {
    /// Quality on libwebp's scale.
    pub quality: Quality,
    /// libwebp's compression method.
    pub method: WebpMethod,
}

impl Default for WebpProfile {
    fn default() -> Self {
        Self { quality: Quality(80), method: WebpMethod(4) }
    }
}

/// libwebp's compression method, 0 (fast) to 6 (small).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct WebpMethod(u8);

impl WebpMethod {
    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for WebpMethod {
    type Error = InvalidProfile;

    fn try_from(method: u8) -> Result<Self, InvalidProfile> {
        if method <= 6 { Ok(Self(method)) } else { Err(InvalidProfile("a WebP method must be between 0 and 6")) }
    }
}

impl From<WebpMethod> for u8 {
    fn from(method: WebpMethod) -> Self {
        method.0
    }
}

/// AVIF encoding: 8 bits, 4:4:4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AvifProfile {
    /// Quality on the encoder's scale; 70 looks like JPEG at 80.
    pub quality: Quality,
    /// The encoder's speed, 1 (small) to 10 (fast).
    pub speed: AvifSpeed,
}

impl Default for AvifProfile {
    fn default() -> Self {
        Self { quality: Quality(70), speed: AvifSpeed(8) }
    }
}

/// rav1e's speed, 1 (small) to 10 (fast).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct AvifSpeed(u8);

impl AvifSpeed {
    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for AvifSpeed {
    type Error = InvalidProfile;

    fn try_from(speed: u8) -> Result<Self, InvalidProfile> {
        if (1..=10).contains(&speed) {
            Ok(Self(speed))
        } else {
            Err(InvalidProfile("an AVIF speed must be between 1 and 10"))
        }
    }
}

impl From<AvifSpeed> for u8 {
    fn from(speed: AvifSpeed) -> Self {
        speed.0
    }
}

/// An opaque sRGB colour, written `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// White, the colour of paper.
    pub const WHITE: Self = Self([255; 3]);
}

impl Default for Colour {
    fn default() -> Self {
        Self::WHITE
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([red, green, blue]) = self;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl FromStr for Colour {
    type Err = InvalidProfile;

    fn from_str(text: &str) -> Result<Self, InvalidProfile> {
        const INVALID: InvalidProfile = InvalidProfile("a colour must be written as #rrggbb");
        let digits =
            text.strip_prefix('#').filter(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = u32::from_str_radix(digits.ok_or(INVALID)?, 16).map_err(|_| INVALID)?;
        let [_, red, green, blue] = value.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

impl TryFrom<String> for Colour {
    type Error = InvalidProfile;

    fn try_from(text: String) -> Result<Self, InvalidProfile> {
        text.parse()
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_empty_object_is_the_default_profile() {
        let profile: ImageProfile = serde_json::from_value(json!({})).expect("every field has a default");
        assert_eq!(profile, ImageProfile::default());
    }

    #[test]
    fn ladder_edges_are_sorted_and_deduplicated() {
        let ladder = Ladder::try_from(vec![320, 1280, 320]).expect("in range");
        assert_eq!(ladder.long_edges(), [1280, 320]);
    }

    #[test]
    fn values_out_of_range_are_named() {
        let edges = format!("between 1 and {}", Ladder::MAX_EDGE);
        for (profile, words) in [
            (json!({ "ladder": [] }), "at least one long edge"),
            (json!({ "ladder": [0] }), edges.as_str()),
            (json!({ "ladder": [Ladder::MAX_EDGE + 1] }), edges.as_str()),
            (json!({ "jpeg": { "quality": 0 } }), "between 1 and 100"),
            (json!({ "webp": { "method": 7 } }), "between 0 and 6"),
            (json!({ "avif": { "speed": 11 } }), "between 1 and 10"),
            (json!({ "background": "#é123" }), "#rrggbb"),
            (json!({ "background": "white" }), "#rrggbb"),
            (json!({ "gif": {} }), "unknown field"),
        ] {
            let error = serde_json::from_value::<ImageProfile>(profile).expect_err("out of range").to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_colour_round_trips_in_lower_case() {
        let colour: Colour = "#0aF0c3".parse().expect("six digits");
        assert_eq!(colour, Colour([0x0a, 0xf0, 0xc3]));
        assert_eq!(colour.to_string(), "#0af0c3");
    }
}
