//! Reads the video stream of a report.

use super::{
    number,
    report::{Kind, SideData, Stream},
    stream_duration_ms,
    text::word,
};
use crate::{
    av::facts::{Colours, DynamicRange, FrameRate, Rotation, VideoStream},
    error::{ErrorCode, Refusal},
    image::Size,
};
use std::cmp::Reverse;

/// The stream that is shown: default streams first, then larger ones, then the first. (MP4 marks every enabled track as
/// default.)
pub(super) fn shown(streams: &[Stream]) -> Option<&Stream> {
    let pictures = streams.iter().filter(|stream| {
        let still = stream.disposition.is_cover() || stream.disposition.timed_thumbnails != 0;
        stream.kind == Kind::Video && !still && !stream.codec_name.is_empty()
    });
    pictures.min_by_key(|stream| {
        let size = Size { width: stream.width, height: stream.height };
        Reverse((stream.disposition.default != 0, size.pixels()))
    })
}

pub(super) fn read(stream: &Stream) -> Result<VideoStream, Refusal> {
    let corrupt = |message| Err(Refusal::new(ErrorCode::CorruptMedia, message));
    if stream.width == 0 || stream.height == 0 {
        return corrupt("the picture has no pixels");
    }
    if stream.nb_frames == "0" {
        return corrupt("the video has no frames");
    }
    if let Some(profile) = stream.side_data_list.iter().find_map(SideData::exclusive_dolby_vision) {
        let message = format!("Dolby Vision profile {profile} is not supported: its colours need Dolby's own decoder");
        return Err(Refusal::new(ErrorCode::UnsupportedMedia, message));
    }
    let coded = Size { width: stream.width, height: stream.height };
    let rotation = rotation(stream);
    let square = Size { width: square_width(coded.width, &stream.sample_aspect_ratio), height: coded.height };
    let interlaced = is_interlaced(&stream.field_order);
    let (frame_rate, variable_frame_rate) = frame_rate(stream, interlaced);
    Ok(VideoStream {
        index: stream.index,
        codec: word(&stream.codec_name),
        coded,
        displayed: match rotation {
            Rotation::None | Rotation::Half => square,
            Rotation::Quarter | Rotation::ThreeQuarters => square.transposed(),
        },
        mirrored: stream.side_data_list.iter().any(|side| is_mirror(&side.display_matrix)),
        rotation,
        frame_rate,
        variable_frame_rate,
        interlaced,
        bit_depth: bit_depth(stream),
        dynamic_range: match stream.color_transfer.as_str() {
            "arib-std-b67" => DynamicRange::Hlg,
            "smpte2084" => DynamicRange::Pq,
            _ => DynamicRange::Sdr,
        },
        timed: false,
        changes_shape: false,
        transparent: is_transparent(stream),
        colours: Colours {
            pixel_format: word(&stream.pix_fmt),
            primaries: word(&stream.color_primaries),
            transfer: word(&stream.color_transfer),
            matrix: word(&stream.color_space),
            range: word(&stream.color_range),
        },
        duration_ms: stream_duration_ms(stream),
        end_ms: None,
    })
}

/// Size of a decoded frame and shape of its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// As stored.
    pub size: Size,
    /// As displayed, with square pixels, before any rotation.
    pub square: Size,
}

impl Shape {
    /// Parses `width,height,ratio`, one of ffprobe's frame lines.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let mut fields = line.split(',');
        let mut edge = || fields.next()?.trim().parse::<u32>().ok().filter(|&edge| edge > 0);
        let size = Size { width: edge()?, height: edge()? };
        let square = Size { width: square_width(size.width, fields.next().unwrap_or_default()), ..size };
        Some(Self { size, square })
    }
}

impl VideoStream {
    /// Adapts to all shapes that the picture has in the video: the displayed size becomes the largest one, the first of
    /// equals. Changes nothing if all shapes are the same.
    pub fn fit(&mut self, shapes: impl IntoIterator<Item = Shape>) {
        let upright = |size: Size| match self.rotation {
            Rotation::None | Rotation::Half => size,
            Rotation::Quarter | Rotation::ThreeQuarters => size.transposed(),
        };
        let mut shapes = shapes.into_iter();
        let Some(first) = shapes.next() else { return };
        let mut largest = first;
        for shape in shapes {
            self.changes_shape |= shape != first;
            if shape.square.pixels() > largest.square.pixels() {
                largest = shape;
            }
        }
        // The header may differ from every frame.
        if self.changes_shape || largest.size != self.coded {
            self.changes_shape = true;
            (self.coded, self.displayed) = (largest.size, upright(largest.square));
        }
    }
}

/// Returns whether there is an alpha channel: by the pixel format, or, for VP8 and VP9 in `WebM`, by a tag, since alpha
/// is a second stream there. Palettes count as opaque.
fn is_transparent(stream: &Stream) -> bool {
    const WITH_ALPHA: [&str; 10] = ["yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya8", "ya16", "ayuv", "vuya"];
    WITH_ALPHA.iter().any(|name| stream.pix_fmt.starts_with(name)) || stream.tag("alpha_mode") == Some("1")
}

/// Clockwise rotation from the display matrix, whose angle is counterclockwise. A `rotate` tag is ignored, as players
/// do.
fn rotation(stream: &Stream) -> Rotation {
    let Some(angle) = stream.side_data_list.iter().find_map(|side| side.rotation) else { return Rotation::None };
    // Players accept angles within a degree.
    match (-angle).rem_euclid(360.0) {
        turn if (turn - 90.0).abs() < 1.0 => Rotation::Quarter,
        turn if (turn - 180.0).abs() < 1.0 => Rotation::Half,
        turn if (turn - 270.0).abs() < 1.0 => Rotation::ThreeQuarters,
        _ => Rotation::None,
    }
}

/// Returns whether a matrix mirrors the image: its determinant is negative. ffprobe prints three rows of three numbers,
/// each after its row number; its own angle only states where the right side of the picture goes.
fn is_mirror(dump: &str) -> bool {
    let row = |line: &str| {
        let mut numbers = line.split_once(':')?.1.split_whitespace().map(str::parse::<i32>);
        Some((i64::from(numbers.next()?.ok()?), i64::from(numbers.next()?.ok()?)))
    };
    let mut rows = dump.lines().filter(|line| !line.is_empty()).map(row);
    match (rows.next().flatten(), rows.next().flatten()) {
        (Some((a, b)), Some((c, d))) => a * d - b * c < 0,
        (None, _) | (_, None) => false,
    }
}

/// Converts a width to square pixels. A ratio beyond 8 is treated as an error.
fn square_width(width: u32, ratio: &str) -> u32 {
    let terms = ratio.split_once(':').and_then(|(n, d)| Some((n.parse::<u32>().ok()?, d.parse::<u32>().ok()?)));
    let Some((n, d)) = terms.map(|(n, d)| (u64::from(n), u64::from(d))) else { return width };
    if n == 0 || d == 0 || n > 8 * d || d > 8 * n {
        return width;
    }
    u32::try_from((u64::from(width) * n + d / 2) / d).map_or(width, |width| width.max(1))
}

/// `field_order` is `progressive`, `unknown`, or the order of fields: `tt`, `bb`, `tb`, `bt`.
fn is_interlaced(field_order: &str) -> bool {
    matches!(field_order, "tt" | "bb" | "tb" | "bt")
}

/// Rate assumed for a video that states none.
const UNKNOWN_RATE: (u32, u32) = (25, 1);

/// The average rate, and whether it varies: it does if it differs from the rate that fits every timestamp.
fn frame_rate(stream: &Stream, interlaced: bool) -> (FrameRate, bool) {
    let [average, fitting] = [&stream.avg_frame_rate, &stream.r_frame_rate].map(|text| fraction(text));
    let Some(rate) = average.or(fitting) else {
        let (frames, seconds) = UNKNOWN_RATE;
        return (FrameRate::new(frames, seconds).expect("25 and 1 are positive"), true);
    };
    let differs = |fields: f64| {
        fitting.is_none_or(|fitting| (fitting.per_second() / (rate.per_second() * fields) - 1.0).abs() > 0.005)
    };
    // Fields with separate timestamps count twice.
    let constant = !differs(1.0) || (interlaced && !differs(2.0));
    // An average is slightly off if it includes time before the first or after the last frame.
    let known = fitting.filter(|fitting| !differs(1.0) && rate.standard().is_none() && fitting.standard().is_some());
    (known.unwrap_or(rate), !constant)
}

fn fraction(text: &str) -> Option<FrameRate> {
    let (numerator, denominator) = text.split_once('/')?;
    FrameRate::new(numerator.parse().ok()?, denominator.parse().ok()?).ok()
}

/// Bits per sample as the decoder reports it, else from the pixel format's name.
fn bit_depth(stream: &Stream) -> u8 {
    let reported = number(&stream.bits_per_raw_sample).and_then(|bits| u8::try_from(bits).ok());
    reported.filter(|bits| (8..=16).contains(bits)).unwrap_or_else(|| named_depth(&stream.pix_fmt))
}

/// `yuv420p10le` has 10, `p010le` has 10, `rgb48le` has 16 (three times), `nv12` and `yuv420p` have 8.
fn named_depth(pixel_format: &str) -> u8 {
    let name = pixel_format.strip_suffix("le").or_else(|| pixel_format.strip_suffix("be")).unwrap_or(pixel_format);
    if ["rgb48", "bgr48", "rgba64", "bgra64", "ya16"].contains(&name) {
        return 16;
    }
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count().min(2);
    let depth = name[name.len() - digits..].parse().unwrap_or(8);
    if (9..=16).contains(&depth) && !name.starts_with("nv") { depth } else { 8 }
}
