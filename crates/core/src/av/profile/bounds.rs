//! Value types with bounds for profile fields.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A profile value outside its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAvProfile {
    /// A whole number outside its range.
    #[error("the number must be between {0} and {1}")]
    OutOfRange(u32, u32),
    /// A level outside -70 to 0.
    #[error("a level must be between -70 and 0")]
    Level,
    /// A ladder without rungs, or with too many.
    #[error("a ladder must have between 1 and 8 rungs")]
    Ladder,
    /// A rung with an odd short edge, which 4:2:0 does not allow.
    #[error("the short edge of a rung must be even")]
    OddEdge,
}

/// A whole number between `MIN` and `MAX`, both included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Within<const MIN: u32, const MAX: u32>(u32);

impl<const MIN: u32, const MAX: u32> Within<MIN, MAX> {
    /// A number known at compile time.
    pub(crate) const fn fixed(number: u32) -> Self {
        assert!(MIN <= number && number <= MAX, "only constants within the range are written here");
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> fmt::Debug for Within<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const MIN: u32, const MAX: u32> TryFrom<u32> for Within<MIN, MAX> {
    type Error = InvalidAvProfile;

    fn try_from(number: u32) -> Result<Self, InvalidAvProfile> {
        if (MIN..=MAX).contains(&number) { Ok(Self(number)) } else { Err(InvalidAvProfile::OutOfRange(MIN, MAX)) }
    }
}

impl<const MIN: u32, const MAX: u32> From<Within<MIN, MAX>> for u32 {
    fn from(number: Within<MIN, MAX>) -> Self {
        number.0
    }
}

/// A level relative to full scale: -70 to 0.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Level(pub(super) f64);

impl Level {
    /// The level, in the unit of its field.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Level {
    type Error = InvalidAvProfile;

    fn try_from(level: f64) -> Result<Self, InvalidAvProfile> {
        if (-70.0..=0.0).contains(&level) { Ok(Self(level)) } else { Err(InvalidAvProfile::Level) }
    }
}

impl From<Level> for f64 {
    fn from(level: Level) -> Self {
        level.0
    }
}
