//! Video and audio: what is measured of a file, what is made of it, and the texts that go with that.
//!
//! A source is probed ([`Probe::read`] takes what ffprobe wrote), held against [`AvLimits`], and
//! [`plan()`] decides what is made of it. All of it is data, so that every decision can be tested
//! without a frame; `crates/media` carries the plan out.

mod facts;
#[cfg(test)]
mod fixtures;
pub mod hls;
mod limits;
pub mod loudness;
mod mono;
mod outline;
mod plan;
mod probe;
mod profile;
pub mod progress;
pub mod storyboard;
pub mod waveform;

pub use facts::{
    AudioStream, AvFacts, Chapter, Colours, DynamicRange, FrameRate, InvalidFrameRate, LoudnessFacts, Probe, Rotation,
    Tags, VideoStream,
};
pub use limits::AvLimits;
pub use mono::Mono;
pub use outline::{Missing, Outline, Presence, Ranges};
pub use plan::{
    AudioPlan, PicturePlan, Plan, PosterPlan, PreviewPlan, Rung, SEGMENT_SECONDS, SoundPlan, StoryboardPlan, ToneMap,
    VideoEncoding, VideoPlan, WaveformPlan, chosen_sound, names, plan,
};
pub use probe::{Clock, Lengths, Pace, Packet, Shape, Stated, Survey, Timing};
pub use profile::{
    AudioProfile, Av1Profile, AvProfile, H264Preset, H264Profile, InvalidAvProfile, Level, LoudnessProfile,
    PosterProfile, PreviewProfile, RungProfile, StoryboardProfile, VideoLadder, WaveformProfile, Within,
};
