//! The network: a Fourier transform, four convolutions, an LSTM cell and an output neuron.

use super::{
    CONTEXT, WINDOW,
    weights::{InvalidWeights, Tensors},
};

/// Width of the LSTM cell.
const HIDDEN: usize = 128;
/// Samples per Fourier transform, and the step from one to the next.
const FFT: usize = 256;
const HOP: usize = 128;
/// Frequencies per transform, from 0 to half the sample rate.
const BINS: usize = FFT / 2 + 1;
/// Samples mirrored at the end, so that the last transform is complete.
const MIRRORED: usize = 64;
/// Transforms per window.
const STEPS: usize = (CONTEXT + WINDOW + MIRRORED - FFT) / HOP + 1;

/// All weights of the network.
#[derive(Debug)]
pub(super) struct Net {
    /// Windowed cosines, then sines: `2 × BINS` rows.
    fourier: Vec<f32>,
    convolutions: [Convolution; 4],
    cell: Cell,
    neuron: Vec<f32>,
    neuron_bias: f32,
}

/// State of the LSTM cell for one channel.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// The current input, then the previous output: one product covers both.
    input_and_output: Vec<f32>,
    memory: Vec<f32>,
}

impl Default for State {
    fn default() -> Self {
        Self { input_and_output: vec![0.0; 2 * HIDDEN], memory: vec![0.0; HIDDEN] }
    }
}

impl Net {
    pub(super) fn read(file: &[u8]) -> Result<Self, InvalidWeights> {
        let tensors = Tensors::read(file)?;
        Ok(Self {
            fourier: tensors.take("stft.forward_basis_buffer", &[2 * BINS, 1, FFT])?,
            convolutions: [
                Convolution::read(&tensors, ["encoder.0.weight", "encoder.0.bias"], BINS, 128, 1)?,
                Convolution::read(&tensors, ["encoder.1.weight", "encoder.1.bias"], 128, 64, 2)?,
                Convolution::read(&tensors, ["encoder.2.weight", "encoder.2.bias"], 64, 64, 2)?,
                Convolution::read(&tensors, ["encoder.3.weight", "encoder.3.bias"], 64, HIDDEN, 1)?,
            ],
            cell: Cell::read(&tensors)?,
            neuron: tensors.take("output.weight", &[1, HIDDEN, 1])?,
            neuron_bias: tensors.take("output.bias", &[1])?[0],
        })
    }

    pub(super) fn probability(&self, heard: &[f32; CONTEXT + WINDOW], state: &mut State) -> f32 {
        let mut layer = self.spectrum(heard);
        for convolution in &self.convolutions {
            layer = convolution.of(&layer);
        }
        // The strides have reduced the four transforms to one.
        self.cell.hear(&layer, state);
        let spoken: f32 = state.input_and_output[HIDDEN..]
            .iter()
            .zip(&self.neuron)
            .map(|(said, weight)| said.max(0.0) * weight)
            .sum();
        sigmoid(spoken + self.neuron_bias)
    }

    /// Magnitude spectrum, transform by transform.
    fn spectrum(&self, heard: &[f32; CONTEXT + WINDOW]) -> Vec<f32> {
        let mut sound = Vec::with_capacity(heard.len() + MIRRORED);
        sound.extend_from_slice(heard);
        // Mirrored at the last sample, which is not repeated.
        sound.extend(heard.iter().rev().skip(1).take(MIRRORED));
        let (cosines, sines) = self.fourier.split_at(BINS * FFT);
        let mut spectrum = Vec::with_capacity(STEPS * BINS);
        for step in 0..STEPS {
            let piece = &sound[step * HOP..][..FFT];
            spectrum.extend(cosines.chunks_exact(FFT).zip(sines.chunks_exact(FFT)).map(|(cosine, sine)| {
                let (real, imaginary) = (dot(cosine, piece), dot(sine, piece));
                (real * real + imaginary * imaginary).sqrt()
            }));
        }
        spectrum
    }
}

/// Kernel size of the convolutions: the current step and its two neighbours.
const KERNEL: usize = 3;

/// A convolution over time, zero-padded, followed by a rectifier.
#[derive(Debug)]
struct Convolution {
    /// One row per output: all inputs of the previous step, then of the current step, then of the next.
    rows: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    stride: usize,
}

impl Convolution {
    fn read(
        tensors: &Tensors,
        [weight, bias]: [&'static str; 2],
        inputs: usize,
        outputs: usize,
        stride: usize,
    ) -> Result<Self, InvalidWeights> {
        let by_input = tensors.take(weight, &[outputs, inputs, KERNEL])?;
        let row = |row: &[f32]| {
            let (inputs, _) = row.as_chunks::<KERNEL>();
            (0..KERNEL).flat_map(|step| inputs.iter().map(move |weights| weights[step])).collect::<Vec<_>>()
        };
        let rows = by_input.chunks_exact(inputs * KERNEL).flat_map(row).collect();
        Ok(Self { rows, bias: tensors.take(bias, &[outputs])?, inputs, stride })
    }

    fn of(&self, layer: &[f32]) -> Vec<f32> {
        let steps = layer.len() / self.inputs;
        let mut padded = vec![0.0; (steps + 2) * self.inputs];
        padded[self.inputs..][..layer.len()].copy_from_slice(layer);
        let mut outputs = Vec::with_capacity(steps.div_ceil(self.stride) * self.bias.len());
        for step in (0..steps).step_by(self.stride) {
            let seen = &padded[step * self.inputs..][..KERNEL * self.inputs];
            let rows = self.rows.chunks_exact(KERNEL * self.inputs);
            outputs.extend(rows.zip(&self.bias).map(|(row, bias)| (dot(row, seen) + bias).max(0.0)));
        }
        outputs
    }
}

/// An LSTM cell with ONNX's gate order.
#[derive(Debug)]
struct Cell {
    /// `4 × HIDDEN` rows: weights of the input, then of the previous output.
    rows: Vec<f32>,
    bias: Vec<f32>,
}

impl Cell {
    fn read(tensors: &Tensors) -> Result<Self, InvalidWeights> {
        // Names given by the exporter.
        let heard = tensors.take("onnx::LSTM_209", &[1, 4 * HIDDEN, HIDDEN])?;
        let said = tensors.take("onnx::LSTM_210", &[1, 4 * HIDDEN, HIDDEN])?;
        let bias = tensors.take("onnx::LSTM_211", &[1, 2 * 4 * HIDDEN])?;
        let (bias_heard, bias_said) = bias.split_at(4 * HIDDEN);
        let rows = heard.chunks_exact(HIDDEN).zip(said.chunks_exact(HIDDEN));
        Ok(Self {
            rows: rows.flat_map(|(heard, said)| [heard, said].concat()).collect(),
            bias: bias_heard.iter().zip(bias_said).map(|(one, other)| one + other).collect(),
        })
    }

    fn hear(&self, heard: &[f32], state: &mut State) {
        let State { input_and_output, memory } = state;
        input_and_output[..HIDDEN].copy_from_slice(heard);
        let rows = self.rows.chunks_exact(2 * HIDDEN).zip(&self.bias);
        let gates: Vec<f32> = rows.map(|(row, bias)| dot(row, input_and_output) + bias).collect();
        for (at, memory) in memory.iter_mut().enumerate() {
            let [input, output, forget, candidate] = [0, 1, 2, 3].map(|gate| gates[gate * HIDDEN + at]);
            *memory = sigmoid(forget) * *memory + sigmoid(input) * candidate.tanh();
            input_and_output[HIDDEN + at] = sigmoid(output) * memory.tanh();
        }
    }
}

fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

/// Dot product, computed in lanes so that the compiler can vectorise it.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    const LANES: usize = 16;
    let (ones, ones_rest) = one.as_chunks::<LANES>();
    let (others, others_rest) = other.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (one, other) in ones.iter().zip(others) {
        for lane in 0..LANES {
            sums[lane] += one[lane] * other[lane];
        }
    }
    let rest: f32 = ones_rest.iter().zip(others_rest).map(|(one, other)| one * other).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::{super::weights::tests::file, *};

    #[test]
    fn a_convolution_sees_neighbouring_steps_and_zero_padding() {
        // Two inputs, one output: weights 0 1 2 for the first input's three steps, 3 4 5 for the second's.
        let file = file(&[("w", &[1, 2, 3]), ("b", &[1])]);
        let tensors = Tensors::read(&file).expect("whole");
        let convolution = Convolution::read(&tensors, ["w", "b"], 2, 1, 1).expect("there");
        // Steps (1, 10) and (2, 20).
        let first = 1.0 * 1.0 + 2.0 * 2.0 + 4.0 * 10.0 + 5.0 * 20.0;
        let second = 0.0 * 1.0 + 1.0 * 2.0 + 3.0 * 10.0 + 4.0 * 20.0;
        assert_eq!(convolution.of(&[1.0, 10.0, 2.0, 20.0]), [first, second]);
        let every_other = Convolution { stride: 2, ..convolution };
        assert_eq!(every_other.of(&[1.0, 10.0, 2.0, 20.0]), [first]);
    }

    #[test]
    fn the_dot_product_handles_any_length() {
        for length in 0..40u16 {
            let numbers: Vec<f32> = (0..length).map(f32::from).collect();
            let expected: u32 = (0..u32::from(length)).map(|number| number * number).sum();
            assert!((f64::from(dot(&numbers, &numbers)) - f64::from(expected)).abs() < 0.1);
        }
    }
}
