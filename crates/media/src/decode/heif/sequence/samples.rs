//! A track's sample table: the duration and the location of each sample (ISO/IEC 14496-12, 8.6.1.2, 8.7).
//!
//! The table is never expanded in memory: a few bytes can describe billions of samples.

use super::super::{
    bytes::{Bytes, CUT_OFF},
    container::Parsed,
};
use smmu_core::iso_bmff::Kind;
use std::ops::Range;

/// The unparsed boxes of the table.
#[derive(Default, Clone, Copy)]
pub(super) struct SampleTable<'a> {
    /// `stts`: number of consecutive samples, and their duration.
    durations: &'a [[[u8; 4]; 2]],
    sizes: Sizes<'a>,
    /// `stsc`: first chunk of a run, and number of samples in each of its chunks.
    runs: &'a [[[u8; 4]; 3]],
    chunks: Chunks<'a>,
}

#[derive(Clone, Copy)]
enum Sizes<'a> {
    /// Number of samples, and the size of each.
    Equal(u32, u32),
    Each(&'a [[u8; 4]]),
}

impl Default for Sizes<'_> {
    fn default() -> Self {
        Self::Each(&[])
    }
}

#[derive(Clone, Copy)]
enum Chunks<'a> {
    Short(&'a [[u8; 4]]),
    Long(&'a [[u8; 8]]),
}

impl Default for Chunks<'_> {
    fn default() -> Self {
        Self::Short(&[])
    }
}

impl Chunks<'_> {
    fn get(self, index: usize) -> Option<u64> {
        match self {
            Self::Short(offsets) => offsets.get(index).map(|&offset| u32::from_be_bytes(offset).into()),
            Self::Long(offsets) => offsets.get(index).map(|&offset| u64::from_be_bytes(offset)),
        }
    }
}

/// One sample.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// In ticks of the track.
    pub(super) duration: u32,
    pub(super) bytes: Range<usize>,
}

/// Reads the number of rows, and then the rows of `N` 4-byte numbers.
fn rows<'a, const N: usize>(payload: &mut Bytes<'a>) -> Parsed<&'a [[[u8; 4]; N]]> {
    let count = usize::try_from(payload.number(4)?).map_err(|_| CUT_OFF)?;
    let (numbers, _) = payload.take(count.checked_mul(4 * N).ok_or(CUT_OFF)?)?.as_chunks::<4>();
    Ok(numbers.as_chunks().0)
}

impl<'a> SampleTable<'a> {
    /// Reads one of the boxes inside `stbl`; ignores unknown ones.
    pub(super) fn read(&mut self, kind: Kind, mut payload: Bytes<'a>) -> Parsed<()> {
        match &kind {
            b"stts" => {
                payload.full_box()?;
                self.durations = rows(&mut payload)?;
            }
            b"stsz" => {
                payload.full_box()?;
                self.sizes = match payload.u32(4)? {
                    0 => Sizes::Each(rows::<1>(&mut payload)?.as_flattened()),
                    size => Sizes::Equal(payload.u32(4)?, size),
                };
            }
            b"stsc" => {
                payload.full_box()?;
                self.runs = rows(&mut payload)?;
            }
            b"stco" => {
                payload.full_box()?;
                self.chunks = Chunks::Short(rows::<1>(&mut payload)?.as_flattened());
            }
            b"co64" => {
                payload.full_box()?;
                let count = usize::try_from(payload.number(4)?).map_err(|_| CUT_OFF)?;
                self.chunks = Chunks::Long(payload.take(count.checked_mul(8).ok_or(CUT_OFF)?)?.as_chunks().0);
            }
            _ => {}
        }
        Ok(())
    }

    /// Stated number of samples.
    pub(super) fn count(&self) -> u64 {
        match self.sizes {
            Sizes::Equal(count, _) => count.into(),
            Sizes::Each(sizes) => sizes.len() as u64,
        }
    }

    /// The samples, up to the first that does not fit in a file of `file` bytes.
    pub(super) fn samples(&self, file: usize) -> impl Iterator<Item = Sample> + use<'a> {
        let durations = self.durations.iter().flat_map(|&[count, duration]| {
            std::iter::repeat_n(u32::from_be_bytes(duration), u32::from_be_bytes(count) as usize)
        });
        // Samples without a duration have that of the last entry, or 0 if the table is empty.
        let last = self.durations.last().map_or(0, |&[_, duration]| u32::from_be_bytes(duration));
        let durations = durations.chain(std::iter::repeat(last));
        let ranges = self.ranges().map_while(move |range| range.filter(|range| range.end <= file));
        ranges.zip(durations).map(|(bytes, duration)| Sample { duration, bytes })
    }

    /// Stated location of each sample.
    fn ranges(&self) -> impl Iterator<Item = Option<Range<usize>>> + use<'a> {
        let Self { sizes, runs, chunks, .. } = *self;
        let count = self.count();
        let (mut sample, mut chunk, mut run, mut in_chunk, mut at) = (0_u64, 0_usize, 0_usize, 0_u32, 0_u64);
        std::iter::from_fn(move || {
            if sample >= count {
                return None;
            }
            // Chunks count from 1. A run with 0 samples per chunk ends the table.
            let next_starts = runs.get(run + 1).map(|&[first, ..]| u32::from_be_bytes(first) as usize);
            if in_chunk == 0 && next_starts.is_some_and(|first| chunk + 1 >= first) {
                run += 1;
            }
            let &[_, per_chunk, _] = runs.get(run)?;
            let per_chunk = u32::from_be_bytes(per_chunk);
            if per_chunk == 0 {
                return None;
            }
            if in_chunk == 0 {
                at = chunks.get(chunk)?;
            }
            let bytes = match sizes {
                Sizes::Equal(_, size) => size,
                Sizes::Each(sizes) => u32::from_be_bytes(*sizes.get(usize::try_from(sample).ok()?)?),
            };
            let start = at;
            at = at.saturating_add(bytes.into());
            sample += 1;
            in_chunk += 1;
            if in_chunk == per_chunk {
                (in_chunk, chunk) = (0, chunk + 1);
            }
            Some(usize::try_from(start).ok().zip(usize::try_from(at).ok()).map(|(start, end)| start..end))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    fn samples(boxes: &[(&Kind, &[u32])], file: usize) -> Vec<(u32, Range<usize>)> {
        let boxes: Vec<_> = boxes.iter().map(|(kind, content)| (**kind, numbers(content))).collect();
        let mut table = SampleTable::default();
        for (kind, content) in &boxes {
            table.read(*kind, Bytes(content)).expect("a box");
        }
        table.samples(file).map(|sample| (sample.duration, sample.bytes)).take(10).collect()
    }

    #[test]
    fn samples_have_the_location_and_duration_of_the_table() {
        let boxes: [(&Kind, &[u32]); 4] = [
            (b"stts", &[0, 2, 2, 10, 3, 20]),
            (b"stsz", &[0, 0, 5, 1, 2, 3, 4, 5]),
            (b"stsc", &[0, 2, 1, 2, 1, 2, 1, 1]),
            (b"stco", &[0, 4, 100, 200, 300, 400]),
        ];
        let all = vec![(10, 100..101), (10, 101..103), (20, 200..203), (20, 300..304), (20, 400..405)];
        assert_eq!(samples(&boxes, 405), all);
        assert_eq!(samples(&boxes, 404), all[..4]);
    }

    #[test]
    fn a_table_of_billions_of_samples_is_read_lazily() {
        let boxes: [(&Kind, &[u32]); 4] = [
            (b"stts", &[0, 1, u32::MAX, 7]),
            (b"stsz", &[0, 8, u32::MAX]),
            (b"stsc", &[0, 1, 1, u32::MAX, 1]),
            (b"stco", &[0, 1, 16]),
        ];
        assert_eq!(samples(&boxes, 40), [(7, 16..24), (7, 24..32), (7, 32..40)]);
        assert_eq!(samples(&boxes, usize::MAX).len(), 10);
    }

    #[test]
    fn a_table_with_a_missing_box_has_no_samples() {
        assert_eq!(samples(&[(b"stsz", &[0, 8, 3]), (b"stco", &[0, 1, 16])], 100), []);
        assert_eq!(samples(&[(b"stsz", &[0, 8, 3]), (b"stsc", &[0, 1, 1, 0, 1]), (b"stco", &[0, 1, 16])], 100), []);
    }
}
