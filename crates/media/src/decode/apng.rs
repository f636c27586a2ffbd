//! Animated PNG (PNG 3rd edition, 11.3.6): counts the chunks, and draws the frames onto a canvas.

use super::{
    canvas::{Blend, Canvas, Disposal, Placement},
    frames_missing,
    png::refusal,
    shortened, shown_ms,
};
use crate::{
    error::{MediaError, corrupt},
    raster::Raster,
};
use png::{BitDepth, BlendOp, ColorType, DisposeOp, FrameControl, Reader};
use smmu_core::{
    Warning, WarningCode,
    image::{Animation, ImageLimits, Size},
};
use std::io::{self, BufRead, BufReader, Read, Seek};

/// Facts from the chunks of a file, up to where it is truncated.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunks {
    /// Exif block after the pixels (PNG 1.5 extensions, 3.7); the decoder would only read it after them.
    pub(super) exif_behind: Option<Vec<u8>>,
    /// Number of plays, 0 for endless; `None` if the file is not animated.
    plays: Option<u32>,
    /// Display time of each frame.
    shown_ms: Vec<u32>,
    /// Set if the default image, shown by programs without animation, is not the first frame.
    default_apart: bool,
    /// Set if the first frame leaves part of the canvas empty, or if a frame is cleared.
    see_through: bool,
    /// Set if the file has no end mark.
    cut: bool,
}

/// Larger Exif blocks are ignored.
const MAX_EXIF_BYTES: u32 = 1024 * 1024;

impl Chunks {
    /// Reads the chunks of a PNG file. Stops after `most` frames plus one, which shows that there are more.
    pub(super) fn read(mut file: BufReader<impl Read + Seek>, most: u32) -> Self {
        let mut found = Self::default();
        found.cut = found.read_all(&mut file, most as usize).is_err();
        found
    }

    fn read_all(&mut self, file: &mut BufReader<impl Read + Seek>, most: usize) -> io::Result<()> {
        let (mut canvas, mut pixels_seen) = ([0; 8], false);
        file.seek_relative(8)?;
        while self.shown_ms.len() <= most {
            let mut head = [0; 8];
            file.read_exact(&mut head)?;
            let [a, b, c, d, kind @ ..] = head;
            let bytes = u32::from_be_bytes([a, b, c, d]);
            let wanted = looked_at(kind, bytes);
            let mut payload = vec![0; wanted as usize];
            file.read_exact(&mut payload)?;
            match (&kind, &payload[..]) {
                (b"IEND", _) => break,
                (b"IDAT", _) => pixels_seen = true,
                (b"IHDR", [size @ .., _, _, _, _, _]) if size.len() == 8 => canvas.copy_from_slice(size),
                (b"acTL", &[_, _, _, _, a, b, c, d]) if !pixels_seen => {
                    self.plays = Some(u32::from_be_bytes([a, b, c, d]));
                }
                (b"fcTL", control) if control.len() == 26 => self.frame(control, canvas, pixels_seen),
                (b"eXIf", [_, ..]) if pixels_seen => self.exif_behind = Some(payload),
                _ => {}
            }
            // The checksum follows.
            file.seek_relative(i64::from(bytes - wanted) + 4)?;
        }
        Ok(())
    }

    /// Records a frame from its `fcTL`: sequence number, size, offset, delay, disposal, blending.
    fn frame(&mut self, control: &[u8], canvas: [u8; 8], pixels_seen: bool) {
        let first = self.shown_ms.is_empty();
        self.default_apart |= first && pixels_seen;
        let part = first && (control[4..12] != canvas || control[12..20] != [0; 8]);
        // The first frame has nothing to restore: it is cleared instead.
        let cleared = control[24] == 1 || first && control[24] == 2;
        self.see_through |= part || cleared;
        let number = |at: usize| u32::from(u16::from_be_bytes([control[at], control[at + 1]]));
        let (numerator, denominator) = (number(20), number(22));
        let denominator = if denominator == 0 { 100 } else { denominator };
        self.shown_ms.push(shown_ms(u64::from((numerator * 1000 + denominator / 2) / denominator)));
    }

    /// The animation, if there is one, and its warnings. `complete` returns how many frames can be decoded.
    pub(super) fn moving(
        self,
        canvas: Size,
        limits: &ImageLimits,
        complete: impl FnOnce(&Moving) -> Result<u32, MediaError>,
    ) -> Result<(Option<Moving>, Vec<Warning>), MediaError> {
        let Some(plays) = self.plays else { return Ok((None, Vec::new())) };
        let (most, mut warnings) = (limits.frames(canvas) as usize, Vec::new());
        let mut moving =
            Moving { shown_ms: self.shown_ms, plays, default_apart: self.default_apart, see_through: self.see_through };
        if moving.shown_ms.len() > most {
            moving.shown_ms.truncate(most);
            warnings.push(shortened(moving.frames()));
        } else if self.cut && moving.frames() > 1 {
            let complete = complete(&moving)?.max(1);
            warnings.push(if complete == moving.frames() {
                Warning::new(WarningCode::Repaired, "the PNG file has no end mark")
            } else {
                frames_missing("PNG", complete)
            });
            moving.shown_ms.truncate(complete as usize);
        }
        Ok(((moving.frames() > 1).then_some(moving), warnings))
    }
}

/// Number of bytes to read from a chunk.
fn looked_at(kind: [u8; 4], bytes: u32) -> u32 {
    match &kind {
        b"IHDR" | b"acTL" | b"fcTL" => bytes.min(26),
        b"eXIf" if bytes <= MAX_EXIF_BYTES => bytes,
        _ => 0,
    }
}

/// An animation of at least two frames.
pub(super) struct Moving {
    shown_ms: Vec<u32>,
    plays: u32,
    default_apart: bool,
    /// Set if the placement or disposal of frames leaves part of the canvas transparent.
    pub(super) see_through: bool,
}

impl Moving {
    fn frames(&self) -> u32 {
        self.shown_ms.len() as u32
    }

    pub(super) fn animation(&self) -> Animation {
        let duration_ms = self.shown_ms.iter().copied().map(u64::from).sum();
        Animation { frames: self.frames(), duration_ms, plays: self.plays }
    }

    /// Bytes for the canvas, the pixels that a frame covered, and the frame, both as stored and as RGBA. `pixel` is the
    /// number of bytes per stored pixel.
    pub(super) fn memory_bytes(canvas: Size, pixel: u64) -> u64 {
        canvas.pixels() * (12 + pixel)
    }

    /// Draws the frames one after another, until `take` returns false.
    pub(super) fn draw<R: BufRead + Seek>(
        &self,
        mut reader: Reader<R>,
        mut take: impl FnMut(&Raster, u32) -> Result<bool, MediaError>,
    ) -> Result<(), MediaError> {
        let size = Size { width: reader.info().width, height: reader.info().height };
        let mut canvas = Canvas::clear(size);
        let bytes = reader.output_buffer_size().ok_or_else(|| corrupt("PNG", "it has too many pixels"))?;
        let mut stored = vec![0; bytes];
        if self.default_apart {
            reader.next_frame(&mut stored).map_err(refusal)?;
        }
        for (number, &shown_ms) in self.shown_ms.iter().enumerate() {
            let control = match reader.info().frame_control {
                Some(control) if number == 0 && !self.default_apart => control,
                _ => *reader.next_frame_info().map_err(refusal)?,
            };
            let output = reader.next_frame(&mut stored).map_err(refusal)?;
            // The decoder assembles interlaced frames in rows as wide as the canvas.
            let row = output.line_size;
            let stride =
                if reader.info().interlaced { row / control.width as usize * size.width as usize } else { row };
            let sixteen = output.bit_depth == BitDepth::Sixteen;
            let mut rgba = Vec::with_capacity(control.width as usize * control.height as usize * 4);
            for stored in stored.chunks(stride.max(1)).take(control.height as usize) {
                add_rgba(stored.get(..row).unwrap_or_default(), output.color_type, sixteen, &mut rgba);
            }
            let covered = canvas.draw(placement(&control, number == 0), &rgba);
            if !take(&canvas.raster, shown_ms)? {
                return Ok(());
            }
            canvas.dispose(covered);
        }
        Ok(())
    }
}

fn placement(control: &FrameControl, first: bool) -> Placement {
    Placement {
        left: control.x_offset,
        top: control.y_offset,
        size: Size { width: control.width, height: control.height },
        blend: match control.blend_op {
            BlendOp::Source => Blend::Replace,
            BlendOp::Over => Blend::Over,
        },
        disposal: match control.dispose_op {
            DisposeOp::None => Disposal::Keep,
            DisposeOp::Background => Disposal::Clear,
            DisposeOp::Previous if first => Disposal::Clear,
            DisposeOp::Previous => Disposal::Restore,
        },
    }
}

/// Appends a row as RGBA. Samples have 8 bits, or 16 in big-endian order.
fn add_rgba(row: &[u8], colour: ColorType, sixteen: bool, rgba: &mut Vec<u8>) {
    let bytes = if sixteen { 2 } else { 1 };
    let sample = |sample: &[u8]| match *sample {
        // 65,535 / 255 is exactly 257.
        [high, low] => ((u32::from(u16::from_be_bytes([high, low])) + 128) / 257) as u8,
        [one, ..] => one,
        [] => 0,
    };
    for pixel in row.chunks_exact(colour.samples() * bytes) {
        let at = |index: usize| sample(&pixel[index * bytes..(index + 1) * bytes]);
        rgba.extend(match colour {
            ColorType::Grayscale | ColorType::Indexed => [at(0), at(0), at(0), 255],
            ColorType::GrayscaleAlpha => [at(0), at(0), at(0), at(1)],
            ColorType::Rgb => [at(0), at(1), at(2), 255],
            ColorType::Rgba => [at(0), at(1), at(2), at(3)],
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::Decode as _;
    use super::*;
    use crate::{decode::png::Png, raster::Decoded, source::Source};
    use std::{fs, path::Path};

    fn fixture(name: &str) -> Vec<u8> {
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/apng").join(name)).expect("a fixture")
    }

    fn opened(content: &[u8], limits: &ImageLimits) -> Png {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), content).expect("written");
        Png::open(&Source::open(file.path(), limits).expect("opened"), limits).expect("opened")
    }

    fn frames(content: &[u8]) -> (Vec<Raster>, Vec<u32>, Vec<WarningCode>) {
        let mut png = opened(content, &ImageLimits::default());
        let (size, mut rasters, mut times) = (png.header().stored, Vec::new(), Vec::new());
        let first = png.still(size).expect("decoded");
        png.frames(size, &mut |frame, ms| {
            let Decoded::Eight(raster) = frame else { panic!("a canvas has 8 bits") };
            rasters.push(raster);
            times.push(ms);
            Ok(())
        })
        .expect("decoded");
        assert!(first == Decoded::from(rasters[0].clone()), "the still is not the first frame");
        assert_eq!(png.header().animation.map(|animation| animation.frames as usize), Some(rasters.len()));
        (rasters, times, png.header().warnings.iter().map(|warning| warning.code).collect())
    }

    #[test]
    fn frames_match_those_of_ffmpeg() {
        for name in ["replace", "over", "cleared", "restored", "apart", "palette", "grey", "interlaced"] {
            let (frames, times, warnings) = frames(&fixture(&format!("{name}.png")));
            assert_eq!(warnings, [], "{name}");
            let sheet =
                image::load_from_memory(&fixture(&format!("{name}-frames.png"))).expect("a picture").into_rgba8();
            let made: Vec<u8> = frames.iter().flat_map(|frame| frame.samples.clone()).collect();
            assert_eq!(made.len(), sheet.len(), "{name}");
            // Colours of transparent pixels are invisible, and rounding can differ by one.
            let alike = |(made, right): (&[u8], &[u8])| {
                made[3].abs_diff(right[3]) <= 1
                    && (right[3] == 0 || made.iter().zip(right).all(|(m, r)| m.abs_diff(*r) <= 1))
            };
            let off = made.chunks_exact(4).zip(sheet.chunks_exact(4)).position(|pair| !alike(pair));
            assert_eq!(off, None, "{name} of {} × {}", sheet.width(), sheet.height());
            let expected = match name {
                "palette" | "grey" => vec![100; 5],
                "interlaced" => vec![300; 2],
                _ => vec![100, 250, 40, 700, 80],
            };
            assert_eq!(times, expected, "{name}");
        }
    }

    #[test]
    fn plays_and_transparency_are_read_from_the_file() {
        let limits = ImageLimits::default();
        let header = |name: &str| {
            let png = opened(&fixture(name), &limits);
            (png.header().animation.map(|animation| animation.plays), png.header().has_alpha)
        };
        assert_eq!(header("replace.png"), (Some(0), true));
        assert_eq!(header("over.png"), (Some(3), true));
        assert_eq!(header("grey.png"), (Some(0), false));
        let shortened = opened(&fixture("over.png"), &ImageLimits { max_frames: 2, ..limits });
        assert_eq!(shortened.header().animation.map(|animation| animation.duration_ms), Some(350));
        assert_eq!(shortened.header().warnings[0].code, WarningCode::Shortened);
    }

    #[test]
    fn a_truncated_file_keeps_its_complete_frames() {
        let content = fixture("over.png");
        let (whole, _, _) = frames(&content);
        let last = content.windows(4).rposition(|kind| kind == b"fdAT").expect("frames");
        let (cut, _, warnings) = frames(&content[..last + 20]);
        assert!(cut == whole[..4] && warnings == [WarningCode::CutOff], "{} frames, {warnings:?}", cut.len());
    }
}
