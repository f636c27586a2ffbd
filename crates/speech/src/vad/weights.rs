//! Tensors in a file (safetensors: the length of a header as 8 bytes, the header as JSON, the numbers).

use serde::Deserialize;
use std::collections::BTreeMap;

/// The file does not hold the detector that is known here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWeights {
    /// It is cut off, or no such file at all.
    #[error("the weights of the voice detector cannot be read")]
    Unreadable,
    /// A tensor is missing or has another shape.
    #[error("the voice detector has no {tensor} of the shape that is known here")]
    Tensor {
        /// Its name.
        tensor: &'static str,
    },
}

/// The tensors of one file.
pub(super) struct Tensors<'a> {
    header: BTreeMap<String, Entry>,
    numbers: &'a [u8],
}

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

impl<'a> Tensors<'a> {
    pub(super) fn read(file: &'a [u8]) -> Result<Self, InvalidWeights> {
        let (length, rest) = file.split_first_chunk().ok_or(InvalidWeights::Unreadable)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| InvalidWeights::Unreadable)?;
        let (header, numbers) = rest.split_at_checked(length).ok_or(InvalidWeights::Unreadable)?;
        let header = serde_json::from_slice(header).map_err(|_| InvalidWeights::Unreadable)?;
        Ok(Self { header, numbers })
    }

    /// A tensor of exactly this shape, row by row.
    pub(super) fn take(&self, tensor: &'static str, shape: &[usize]) -> Result<Vec<f32>, InvalidWeights> {
        let wrong = || InvalidWeights::Tensor { tensor };
        let entry = self.header.get(tensor).filter(|entry| entry.dtype == "F32" && entry.shape == shape);
        let (start, end) = entry.ok_or_else(wrong)?.data_offsets;
        let bytes = self.numbers.get(start..end).ok_or(InvalidWeights::Unreadable)?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        if rest.is_empty() && numbers.len() == shape.iter().product::<usize>() {
            Ok(numbers.iter().map(|&number| f32::from_le_bytes(number)).collect())
        } else {
            Err(wrong())
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    /// A file with tensors of these shapes, the numbers 0, 1, 2 … in each.
    pub(in crate::vad) fn file(tensors: &[(&str, &[usize])]) -> Vec<u8> {
        let (mut header, mut numbers) = (serde_json::Map::new(), Vec::new());
        for &(name, shape) in tensors {
            let start = numbers.len();
            for number in 0..u16::try_from(shape.iter().product::<usize>()).expect("small") {
                numbers.extend(f32::from(number).to_le_bytes());
            }
            header.insert(
                name.to_owned(),
                json!({ "dtype": "F32", "shape": shape, "data_offsets": [start, numbers.len()] }),
            );
        }
        let header = serde_json::to_vec(&header).expect("JSON");
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header);
        file.extend(numbers);
        file
    }

    #[test]
    fn a_tensor_is_read_if_it_has_the_shape_that_is_wanted() {
        let file = file(&[("one", &[2]), ("two", &[1, 3])]);
        let tensors = Tensors::read(&file).expect("whole");
        assert_eq!(tensors.take("two", &[1, 3]), Ok(vec![0.0, 1.0, 2.0]));
        for (tensor, shape) in [("two", &[3, 1][..]), ("two", &[3]), ("three", &[1])] {
            assert_eq!(tensors.take(tensor, shape), Err(InvalidWeights::Tensor { tensor }));
        }
    }

    #[test]
    fn what_is_cut_off_anywhere_is_not_read() {
        let file = file(&[("one", &[2])]);
        for length in 0..file.len() {
            let read = Tensors::read(&file[..length]).and_then(|tensors| tensors.take("one", &[2]));
            assert_eq!(read, Err(InvalidWeights::Unreadable), "{length} bytes");
        }
    }
}
