//! Whether somebody speaks: Silero's voice activity detector (version 6, 16 kHz), one window at a time.
//!
//! The network has 310,000 weights in seven layers and never changes within a version, so that it is written out here
//! (`net`) and only its weights are read: a runtime for ONNX would bring some eighty crates.

mod net;
mod weights;

use net::{Net, State};
use smmu_core::speech::regions::WINDOW_SAMPLES;
use std::sync::Arc;
pub use weights::InvalidWeights;

/// Samples that one probability is about, at 16 kHz: 32 ms.
pub const WINDOW: usize = WINDOW_SAMPLES as usize;
/// Samples before a window that the network hears as well.
const CONTEXT: usize = 64;

/// Hears one channel from its start to its end.
pub trait VoiceDetector {
    /// The probability that somebody speaks in the next [`WINDOW`] samples, from 0 to 1.
    fn probability(&mut self, window: &[f32; WINDOW]) -> f32;
}

/// Hears any number of channels.
pub trait Voice {
    /// A detector for one channel.
    fn detector(&self) -> Box<dyn VoiceDetector>;
}

/// The network.
#[derive(Debug)]
pub struct Silero(Arc<Net>);

impl Silero {
    /// Reads the weights as `silero_vad_16k_sequence.onnx` of the Python package `silero-vad` has them.
    ///
    /// # Errors
    ///
    /// [`InvalidWeights`] if the file is cut off or holds another network.
    pub fn read(onnx: &[u8]) -> Result<Self, InvalidWeights> {
        Net::read(onnx).map(|net| Self(Arc::new(net)))
    }
}

impl Voice for Silero {
    fn detector(&self) -> Box<dyn VoiceDetector> {
        Box::new(Detector { net: Arc::clone(&self.0), state: State::default(), context: [0.0; CONTEXT] })
    }
}

/// One channel, as far as it was heard. Memory does not grow with it.
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
