//! Reads tensors from a file: the initialisers of an ONNX model, which is a protocol buffer (onnx.proto3). The graph
//! itself is not read, because `net` implements it.

use std::collections::BTreeMap;

/// The file does not contain the supported detector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWeights {
    /// The file is truncated or not an ONNX model.
    #[error("the weights of the voice detector cannot be read")]
    Unreadable,
    /// A tensor is missing or has the wrong shape.
    #[error("the voice detector has no {tensor} of the expected shape")]
    Tensor {
        /// Name of the tensor.
        tensor: &'static str,
    },
}

/// The tensors of one file.
pub(super) struct Tensors<'a>(BTreeMap<&'a str, Tensor<'a>>);

#[derive(Default)]
struct Tensor<'a> {
    name: &'a str,
    shape: Vec<u64>,
    data_type: u64,
    bytes: &'a [u8],
}

// Field numbers.
const MODEL_GRAPH: u64 = 7;
const GRAPH_INITIALIZER: u64 = 5;
const TENSOR_DIMS: u64 = 1;
const TENSOR_DATA_TYPE: u64 = 2;
const TENSOR_NAME: u64 = 8;
const TENSOR_RAW_DATA: u64 = 9;
/// Data type of 32-bit floats.
const FLOAT: u64 = 1;

impl<'a> Tensors<'a> {
    pub(super) fn read(file: &'a [u8]) -> Result<Self, InvalidWeights> {
        let mut tensors = BTreeMap::new();
        for graph in messages(file, MODEL_GRAPH)? {
            for initializer in messages(graph, GRAPH_INITIALIZER)? {
                let tensor = Tensor::read(initializer)?;
                tensors.insert(tensor.name, tensor);
            }
        }
        Ok(Self(tensors))
    }

    /// Returns a tensor of exactly this shape, row by row.
    pub(super) fn take(&self, tensor: &'static str, shape: &[usize]) -> Result<Vec<f32>, InvalidWeights> {
        let has_shape = |found: &Tensor| found.shape.iter().copied().eq(shape.iter().map(|&edge| edge as u64));
        let (numbers, rest) = self
            .0
            .get(tensor)
            .filter(|found| found.data_type == FLOAT && has_shape(found))
            .map_or((&[][..], &[][..]), |found| found.bytes.as_chunks::<4>());
        if rest.is_empty() && numbers.len() == shape.iter().product::<usize>() {
            Ok(numbers.iter().map(|&number| f32::from_le_bytes(number)).collect())
        } else {
            Err(InvalidWeights::Tensor { tensor })
        }
    }
}

impl<'a> Tensor<'a> {
    fn read(message: &'a [u8]) -> Result<Self, InvalidWeights> {
        let mut tensor = Self::default();
        for field in Fields(message) {
            match field? {
                (TENSOR_DIMS, Value::Number(edge)) => tensor.shape.push(edge),
                // Repeated numbers can also be packed.
                (TENSOR_DIMS, Value::Bytes(mut packed)) => {
                    while !packed.is_empty() {
                        tensor.shape.push(varint(&mut packed)?);
                    }
                }
                (TENSOR_DATA_TYPE, Value::Number(data_type)) => tensor.data_type = data_type,
                (TENSOR_NAME, Value::Bytes(name)) => {
                    tensor.name = str::from_utf8(name).map_err(|_| InvalidWeights::Unreadable)?;
                }
                (TENSOR_RAW_DATA, Value::Bytes(bytes)) => tensor.bytes = bytes,
                (_, Value::Number(_) | Value::Bytes(_) | Value::Fixed) => {}
            }
        }
        Ok(tensor)
    }
}

/// All messages in the field with this number.
fn messages(message: &[u8], wanted: u64) -> Result<Vec<&[u8]>, InvalidWeights> {
    let mut found = Vec::new();
    for field in Fields(message) {
        match field? {
            (number, Value::Bytes(bytes)) if number == wanted => found.push(bytes),
            (_, Value::Number(_) | Value::Bytes(_) | Value::Fixed) => {}
        }
    }
    Ok(found)
}

/// Value of a field, by its wire type.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Four or eight bytes; not needed here.
    Fixed,
}

/// Iterates over the fields of a message.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), InvalidWeights>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_empty()).then(|| {
            let field = self.read();
            if field.is_err() {
                self.0 = &[];
            }
            field
        })
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self) -> Result<(u64, Value<'a>), InvalidWeights> {
        let tag = varint(&mut self.0)?;
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut self.0)?),
            1 => self.bytes(8).map(|_| Value::Fixed)?,
            2 => {
                let length = varint(&mut self.0)?;
                Value::Bytes(self.bytes(length)?)
            }
            5 => self.bytes(4).map(|_| Value::Fixed)?,
            _ => return Err(InvalidWeights::Unreadable),
        };
        Ok((tag >> 3, value))
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8], InvalidWeights> {
        let split = usize::try_from(length).ok().and_then(|length| self.0.split_at_checked(length));
        let (bytes, rest) = split.ok_or(InvalidWeights::Unreadable)?;
        self.0 = rest;
        Ok(bytes)
    }
}

/// Reads a varint: a number of up to 64 bits in groups of seven, lowest first.
fn varint(bytes: &mut &[u8]) -> Result<u64, InvalidWeights> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(InvalidWeights::Unreadable)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(InvalidWeights::Unreadable)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn varint_of(mut number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push((number & 0x7F) as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }

    fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
        [vec![(number << 3 | 2) as u8], varint_of(bytes.len()), bytes.to_vec()].concat()
    }

    /// A file with tensors of these shapes, each filled with 0, 1, 2 …
    pub(in crate::vad) fn file(tensors: &[(&str, &[usize])]) -> Vec<u8> {
        let mut graph = field(1, b"something else");
        for &(name, shape) in tensors {
            let mut tensor = vec![(TENSOR_DATA_TYPE << 3) as u8, FLOAT as u8];
            for &edge in shape {
                tensor.push((TENSOR_DIMS << 3) as u8);
                tensor.extend(varint_of(edge));
            }
            let numbers = (0..u16::try_from(shape.iter().product::<usize>()).expect("small")).map(f32::from);
            tensor.extend(field(TENSOR_NAME, name.as_bytes()));
            tensor.extend(field(TENSOR_RAW_DATA, &numbers.flat_map(f32::to_le_bytes).collect::<Vec<_>>()));
            graph.extend(field(GRAPH_INITIALIZER, &tensor));
        }
        field(MODEL_GRAPH, &graph)
    }

    #[test]
    fn a_tensor_is_read_only_with_the_expected_shape() {
        let file = file(&[("one", &[2]), ("two", &[1, 300])]);
        let tensors = Tensors::read(&file).expect("whole");
        assert_eq!(tensors.take("two", &[1, 300]).map(|two| two[299]), Ok(299.0));
        for (tensor, shape) in [("two", &[300, 1][..]), ("two", &[300]), ("three", &[1])] {
            assert_eq!(tensors.take(tensor, shape), Err(InvalidWeights::Tensor { tensor }));
        }
    }

    #[test]
    fn truncated_files_are_rejected() {
        let file = file(&[("one", &[2])]);
        for length in 0..file.len() {
            assert!(Tensors::read(&file[..length]).and_then(|tensors| tensors.take("one", &[2])).is_err(), "{length}");
        }
        let endless = [0xFF; 40];
        assert!(matches!(Tensors::read(&endless), Err(InvalidWeights::Unreadable)));
    }
}
