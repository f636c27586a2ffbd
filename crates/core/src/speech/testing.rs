//! Shared helpers of the tests.

use super::{Channels, Heard, ModelIdentity, Parameters, Segment, Task, TrustSettings, VoiceSettings};
use crate::ids::Sha256;

/// A model's result with these segments.
pub(super) fn heard(duration_ms: u64, segments: Vec<Segment>) -> Heard {
    Heard {
        duration_ms,
        segments,
        unheard: Vec::new(),
        task: Task::Transcribe,
        model: ModelIdentity {
            name: "whisper-base".to_owned(),
            version: "1.0.0".to_owned(),
            sha256: Sha256::from_bytes([7; 32]),
        },
        parameters: Parameters {
            language: None,
            beam_size: 1,
            channels: Channels::Apart,
            prompted: false,
            voice: VoiceSettings::default(),
            trust: TrustSettings::default(),
        },
    }
}
