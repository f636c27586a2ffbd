//! Voice activity detection with Silero VAD (version 6, 16 kHz), one window at a time.
//!
//! The network has 310,000 weights in seven layers and never changes within a version. It is therefore written out here
//! (`net`), and only its weights are read from the file: an ONNX runtime would add about eighty crates.

mod net;
mod weights;

use net::{Net, State};
use smmu_core::speech::regions::WINDOW_SAMPLES;
use std::sync::Arc;
pub use weights::InvalidWeights;

/// Samples per probability: 32 ms at 16 kHz.
pub const WINDOW: usize = WINDOW_SAMPLES as usize;
/// Samples before a window that the network also sees.
const CONTEXT: usize = 64;

/// Detects voice in one channel, from start to end.
pub trait VoiceDetector {
    /// Probability of speech in the next [`WINDOW`] samples, from 0 to 1.
    fn probability(&mut self, window: &[f32; WINDOW]) -> f32;
}

/// Makes detectors for any number of channels.
pub trait Voice {
    /// A new detector for one channel.
    fn detector(&self) -> Box<dyn VoiceDetector>;
}

/// The Silero network.
#[derive(Debug)]
pub struct Silero(Arc<Net>);

impl Silero {
    /// Reads the weights from the content of `silero_vad_16k_sequence.onnx`, a file of the Python package `silero-vad`.
    ///
    /// # Errors
    ///
    /// [`InvalidWeights`] if the file is truncated or contains another network.
    pub fn read(onnx: &[u8]) -> Result<Self, InvalidWeights> {
        Net::read(onnx).map(|net| Self(Arc::new(net)))
    }
}

impl Voice for Silero {
    fn detector(&self) -> Box<dyn VoiceDetector> {
        Box::new(Detector { net: Arc::clone(&self.0), state: State::default(), context: [0.0; CONTEXT] })
    }
}

/// State of one channel, of constant size.
struct Detector {
    net: Arc<Net>,
    state: State,
    context: [f32; CONTEXT],
}

impl VoiceDetector for Detector {
    fn probability(&mut self, window: &[f32; WINDOW]) -> f32 {
        let mut heard = [0.0; CONTEXT + WINDOW];
        heard[..CONTEXT].copy_from_slice(&self.context);
        heard[CONTEXT..].copy_from_slice(window);
        self.context.copy_from_slice(&window[WINDOW - CONTEXT..]);
        self.net.probability(&heard, &mut self.state)
    }
}
