//! Mixes two channels into one without losing either: where they cancel out, takes their difference instead.

/// Blocks per second; the mix is chosen for each.
const BLOCKS_A_SECOND: u32 = 10;

/// Channels are out of phase if their sum has less than this part of the louder channel's power. With one silent
/// channel the part is a fourth, with two unrelated ones a half.
const CANCELLED: f64 = 0.1;

/// A streaming mixer from two channels to one.
#[derive(Debug, Clone)]
pub struct Mono {
    block_frames: usize,
    /// Frames that don't fill a block yet.
    waiting: Vec<[i16; 2]>,
    /// Share of the difference at the end of the last block, from 0 (only the sum) to 1.
    difference: f32,
    begun: bool,
}

impl Mono {
    /// For sound at this sample rate.
    #[must_use]
    pub fn new(sample_rate_hz: u32) -> Self {
        let block_frames = (sample_rate_hz / BLOCKS_A_SECOND).max(1) as usize;
        Self { block_frames, waiting: Vec::new(), difference: 0.0, begun: false }
    }

    /// Takes more frames and returns the samples decided so far. Overall one sample comes out per frame, some of them
    /// later.
    pub fn push(&mut self, frames: impl IntoIterator<Item = [i16; 2]>) -> Vec<i16> {
        self.waiting.extend(frames);
        let whole = self.waiting.len() / self.block_frames * self.block_frames;
        let waiting = std::mem::take(&mut self.waiting);
        let mut mixed = Vec::with_capacity(whole);
        for block in waiting[..whole].chunks(self.block_frames) {
            self.mix(block, &mut mixed);
        }
        self.waiting = waiting[whole..].to_vec();
        mixed
    }

    /// Returns the remaining samples.
    #[must_use]
    pub fn finish(mut self) -> Vec<i16> {
        let (rest, mut mixed) = (std::mem::take(&mut self.waiting), Vec::new());
        self.mix(&rest, &mut mixed);
        mixed
    }

    fn mix(&mut self, block: &[[i16; 2]], mixed: &mut Vec<i16>) {
        let power = |sample: fn([f64; 2]) -> f64| -> f64 {
            block.iter().map(|&frame| sample(frame.map(f64::from)).powi(2)).sum()
        };
        let louder = power(|[left, _]| left).max(power(|[_, right]| right));
        let sum = power(|[left, right]| f64::midpoint(left, right));
        // Silence keeps the previous choice.
        let wanted = if louder <= 0.0 { self.difference } else { f32::from(u8::from(sum < louder * CANCELLED)) };
        // The first block has no fade; later ones fade, to avoid clicks.
        let from = if self.begun { self.difference } else { wanted };
        #[expect(clippy::cast_precision_loss, reason = "a few thousand frames")]
        let step = (wanted - from) / block.len().max(1) as f32;
        let mut share = from;
        for &[left, right] in block {
            share += step;
            let [left, right] = [left, right].map(f32::from);
            let sample = f32::midpoint(left, right) * (1.0 - share) + (left - right) / 2.0 * share;
            #[expect(clippy::cast_possible_truncation, reason = "a float's conversion saturates")]
            mixed.push(sample.round() as i16);
        }
        (self.difference, self.begun) = (wanted, self.begun || louder > 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HZ: u32 = 16_000;

    /// One second of a tone: in the left channel as it is, in the right one times `right`.
    fn tone(right: f32) -> Vec<[i16; 2]> {
        let sample = |n: u32| 10_000.0 * (f64::from(n) * 440.0 * std::f64::consts::TAU / f64::from(HZ)).sin();
        #[expect(clippy::cast_possible_truncation, reason = "within 16 bits")]
        (0..HZ).map(|n| [sample(n) as i16, (sample(n) * f64::from(right)) as i16]).collect()
    }

    fn mixed(frames: &[[i16; 2]], at_once: usize) -> Vec<i16> {
        let mut mono = Mono::new(HZ);
        let mut mixed: Vec<i16> = frames.chunks(at_once).flat_map(|part| mono.push(part.iter().copied())).collect();
        mixed.extend(mono.finish());
        mixed
    }

    fn loudest(samples: &[i16]) -> u16 {
        samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0)
    }

    #[test]
    fn a_tone_is_heard_in_any_phase() {
        for (right, level) in [(1.0, 10_000), (0.0, 5000), (-1.0, 10_000), (-0.9, 9500), (0.5, 7500), (-0.5, 7500)] {
            let loudest = loudest(&mixed(&tone(right), 999));
            assert!(loudest.abs_diff(level) < 200, "{right}: {loudest}");
        }
        let quiet: Vec<_> = tone(-1.0).iter().map(|frame| frame.map(|sample| sample / 1000)).collect();
        assert_eq!(loudest(&mixed(&quiet, 5000)), 10);
        assert_eq!(loudest(&mixed(&vec![[0, 0]; 5000], 5000)), 0);
        assert_eq!(loudest(&mixed(&vec![[i16::MIN, i16::MAX]; 5000], 5000)), i16::MIN.unsigned_abs());
    }

    #[test]
    fn output_has_the_length_of_the_input_for_any_chunking() {
        let frames: Vec<_> = [tone(1.0), tone(-1.0), tone(0.0)].concat();
        let at_once = mixed(&frames, frames.len());
        assert_eq!(at_once.len(), frames.len());
        for size in [1, 7, 1599, 1600, 1601] {
            assert_eq!(mixed(&frames, size), at_once, "{size}");
        }
        assert_eq!(mixed(&frames[..11], 3).len(), 11);
    }

    #[test]
    fn a_change_of_phase_does_not_click() {
        let frames: Vec<_> = [tone(1.0), tone(-1.0), tone(1.0)].concat();
        // A tone of 440 Hz rises by at most 1728 from one sample to the next.
        let steepest = mixed(&frames, 800).windows(2).map(|pair| pair[0].abs_diff(pair[1])).max();
        assert!(steepest < Some(2200), "{steepest:?}");
    }
}
