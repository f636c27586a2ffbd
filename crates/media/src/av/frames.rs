//! Assembles 16-bit samples from a pipe into frames of one sample per channel.

use crate::error::MediaError;

/// Assembles bytes into frames.
pub(crate) struct Frames {
    bytes_each: usize,
    /// The start of an incomplete frame.
    rest: Vec<u8>,
    /// Frames passed on so far.
    pub(crate) count: u64,
}

impl Frames {
    pub(crate) fn of(channels: u32) -> Self {
        Self { bytes_each: channels.max(1) as usize * size_of::<i16>(), rest: Vec::new(), count: 0 }
    }

    /// Takes a chunk of bytes and passes complete frames to `heard`.
    pub(crate) fn take(
        &mut self,
        chunk: &[u8],
        heard: &mut dyn FnMut(&[i16]) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        self.rest.extend_from_slice(chunk);
        let whole = self.rest.len() / self.bytes_each;
        if whole == 0 {
            return Ok(());
        }
        let (pairs, _) = self.rest[..whole * self.bytes_each].as_chunks::<2>();
        let samples: Vec<i16> = pairs.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
        self.rest.drain(..whole * self.bytes_each);
        self.count += whole as u64;
        heard(&samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_complete_for_any_chunk_size() {
        let bytes: Vec<u8> = (0..40).collect();
        for size in 1..=bytes.len() {
            let (mut frames, mut heard) = (Frames::of(2), Vec::new());
            for chunk in bytes.chunks(size) {
                let taken = frames.take(chunk, &mut |samples| {
                    assert_eq!(samples.len() % 2, 0);
                    heard.extend_from_slice(samples);
                    Ok(())
                });
                taken.expect("nothing fails");
            }
            let expected: Vec<i16> = bytes.as_chunks().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
            assert_eq!((frames.count, heard), (10, expected));
        }
    }
}
