//! The waveform as a picture.

use crate::error::{MediaError, Transient};
use smmu_core::{av::waveform::Waveform, image::Size};

/// A grey that is visible on white and on black.
const INK: [u8; 3] = [0x77, 0x7d, 0x8c];

/// Draws a two-colour PNG with a transparent background.
pub(super) fn draw(waveform: &Waveform, size: Size) -> Result<Vec<u8>, MediaError> {
    let Size { width, height } = size;
    let mut pixels = vec![0_u8; width as usize * height as usize];
    for (x, (lowest, highest)) in waveform.columns(width).enumerate() {
        // The range is inclusive, so silence is a line in the middle.
        let (top, bottom) = (row(highest, height), row(lowest, height));
        for y in top..=bottom {
            pixels[y as usize * width as usize + x] = 1;
        }
    }
    let mut content = Vec::new();
    let mut encoder = png::Encoder::new(&mut content, width, height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette([[0; 3], INK].concat());
    encoder.set_trns(&[0, 255][..]);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&pixels))
        .map_err(|error| Transient::encode("PNG", error))?;
    Ok(content)
}

/// Maps a sample to its row: 127 is the top, -128 the bottom.
fn row(sample: i8, height: u32) -> u32 {
    let below = u32::from((127 - i16::from(sample)).unsigned_abs());
    (below * height / 256).min(height - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use smmu_core::av::{WaveformPlan, waveform::WaveformBuilder};

    #[test]
    fn loud_columns_are_tall_and_silence_is_a_line() {
        let size = Size { width: 2, height: 64 };
        let mut builder =
            WaveformBuilder::new(WaveformPlan { sample_rate_hz: 8000, samples_per_point: 2, picture: size });
        builder.push([i16::MIN, i16::MAX, 0, 0]);
        let content = draw(&builder.finish(0.0), size).expect("drawn");
        let mut reader = png::Decoder::new(std::io::Cursor::new(content)).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("small")];
        reader.next_frame(&mut pixels).expect("pixels");
        let inked = |x: usize| pixels.iter().skip(x).step_by(2).filter(|&&pixel| pixel == 1).count();
        assert_eq!((inked(0), inked(1)), (64, 1));
    }
}
