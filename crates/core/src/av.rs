//! Video and audio: probing a source, planning its outputs, and the playlists and cues that describe them.
//!
//! A source is probed ([`Probe::read`] parses ffprobe's output) and checked against [`AvLimits`]; [`plan()`] then
//! decides the outputs. All of it is data, so every decision can be tested without decoding a frame; `crates/media`
//! carries out the plan.

mod facts;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod hls;
mod limits;
pub mod loudness;
mod mono;
mod outline;
mod plan;
mod probe;
mod profile;
pub mod progress;
pub mod speed;
pub mod storyboard;
pub mod waveform;

pub use facts::{
    AudioStream, AvFacts, Chapter, Colours, DynamicRange, FrameRate, InvalidFrameRate, LoudnessFacts, Probe, Rotation,
    Surveyed, Tags, VideoStream,
};
pub use limits::AvLimits;
pub use mono::Mono;
pub use outline::{Missing, Outline, Presence, Ranges};
pub use plan::{
    AudioPlan, PicturePlan, Plan, PosterPlan, PreviewPlan, Rung, SEGMENT_SECONDS, SoundPlan, StoryboardPlan, ToneMap,
    VideoEncoding, VideoPlan, WaveformPlan, chosen_sound, names, plan,
};
pub use probe::{Clock, Lengths, Pace, Packet, Shape, Stated, StatedPicture, Survey, Timing};
pub use profile::{
    AudioProfile, Av1Profile, AvProfile, H264Preset, H264Profile, InvalidAvProfile, Level, LoudnessProfile,
    PosterProfile, PreviewProfile, RungProfile, StoryboardProfile, VideoLadder, WaveformProfile, Within,
};
