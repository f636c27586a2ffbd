//! Filters from the decoded picture to an output.

use crate::av::line::seconds;
use smmu_core::{
    av::{FrameRate, PicturePlan, Rotation, ToneMap, VideoStream},
    image::{Colour, Size},
};

/// A chain of filters, separated by commas.
pub(crate) type Chain = String;

/// Short edge, in pixels, from which a picture without colour information is taken as BT.709. Players take smaller ones
/// as BT.601.
const HD_SHORT_EDGE: u32 = 720;

/// Converts from video colours to JPEG's, which are BT.601 in full range (JFIF 1.02; ITU-T T.871, 7).
pub(crate) const TO_JPEG: &str =
    "scale=in_color_matrix=bt709:in_range=tv:out_color_matrix=bt601:out_range=pc,format=yuvj420p";

/// Converts from video colours to WebP's, which are BT.601 (RFC 6386, 9.2).
pub(crate) const TO_WEBP: &str = "scale=in_color_matrix=bt709:in_range=tv:out_color_matrix=bt601:out_range=tv";

/// Converts the decoded picture to `size`: upright, BT.709, 8 bits, square pixels.
///
/// Smaller sizes are scaled from this one, which already has the right colours.
pub(crate) fn first(plan: &PicturePlan, stream: &VideoStream, rate: Chain, size: Size) -> Chain {
    // A picture can change its size and format midway (a recorded window, a broadcast). Only this filter adapts to
    // such changes, and it does nothing else; see `Video::source`.
    let steady = Some(if stream.changes_shape { letterboxed(stream) } else { whole(stream.coded) });
    let deinterlace = plan.deinterlace.then(|| "bwdif=mode=send_frame:deint=interlaced".to_owned());
    let paper = plan.background.map(|background| flattened(background, stream));
    let colours = match plan.tone_map {
        Some(tone_map) => standard_range(tone_map, stream, size),
        None => format!("{}:in_color_matrix={}:out_color_matrix=bt709:out_range=tv", scale(size), matrix(stream)),
    };
    // Deinterlace and set the rate first: the overlay filter loses the last frame's duration.
    [steady, deinterlace, Some(rate), paper, upright(stream), Some(colours), Some("setsar=1,format=yuv420p".to_owned())]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(",")
}

/// Scales to the size of all, or nearly all, frames.
fn whole(Size { width, height }: Size) -> Chain {
    format!("scale={width}:{height}")
}

/// Fits every frame into the largest shape, keeping its aspect ratio with bars and making pixels square.
fn letterboxed(stream: &VideoStream) -> Chain {
    let Size { width, height } = match stream.rotation {
        Rotation::None | Rotation::Half => stream.displayed,
        Rotation::Quarter | Rotation::ThreeQuarters => stream.displayed.transposed(),
    };
    // Half a pixel is more than any rounding error.
    format!(
        r"scale=w=max(2\,2*trunc((min({width}\,{height}*dar)+0.5)/2)):h=max(2\,2*trunc((min({height}\,{width}/dar)+0.5)/2)):eval=frame:flags=bicubic,setsar=1,pad={width}:{height}:-1:-1:eval=frame"
    )
}

/// Flattens a picture with alpha onto a background, so that the colours under transparent pixels are never shown.
fn flattened(background: Colour, stream: &VideoStream) -> Chain {
    let Colour([red, green, blue]) = background;
    format!(
        "scale=in_color_matrix={},format=gbrap,split[over][under];[under]lutrgb=r={red}:g={green}:b={blue}:a=255[paper];\
         [paper][over]overlay=format=gbrp,format=gbrp",
        matrix(stream)
    )
}

/// Converts to a constant frame rate. Time starts at the file's start, not at the picture's, to keep the audio in sync.
/// If the container's rate is meaningless, frames have no duration, and the last one is shown for one step.
/// In a slow video the last frame is shown until the measured end, which ffmpeg would otherwise guess.
pub(crate) fn steps(rate: FrameRate, stream: &VideoStream) -> Chain {
    let steps = format!("fps={}/{}:start_time=0", rate.numerator(), rate.denominator());
    match stream.end_ms {
        // Repeat the frame before the conversion to steps, which would lose a last frame that is rounded up to the end.
        // The step nearest to the end is the first one that is not shown.
        Some(end_ms) => {
            // The filter counts whole frames of the rate and drops less than half a frame, so repeat for longer than
            // needed.
            let more_s = end_ms.div_ceil(1000) + 60;
            format!("tpad=stop_mode=clone:stop_duration={more_s},{steps},trim=end={}", seconds(end_ms))
        }
        None if stream.timed => format!("{steps}:eof_action=pass"),
        None => steps,
    }
}

/// Samples `rate` frames per second, and at least one if the picture is shorter than the interval.
pub(crate) fn samples(rate: u32) -> Chain {
    format!("fps={rate}:start_time=0:eof_action=pass")
}

/// Applies the file's rotation and mirroring. Must come after deinterlacing.
fn upright(stream: &VideoStream) -> Option<Chain> {
    let mirror = stream.mirrored.then_some("vflip");
    let turn = match stream.rotation {
        Rotation::None => None,
        Rotation::Quarter => Some("transpose=clock"),
        Rotation::Half => Some("hflip,vflip"),
        Rotation::ThreeQuarters => Some("transpose=cclock"),
    };
    let chain: Vec<&str> = mirror.into_iter().chain(turn).collect();
    (!chain.is_empty()).then(|| chain.join(","))
}

/// Scales down to `size`.
pub(crate) fn scale(size: Size) -> Chain {
    format!("scale={}:{}:flags=bicubic", size.width, size.height)
}

/// Tone-maps high dynamic range to BT.709. Scales first, because linear light is computed in floats and costs most.
/// White is at 203 cd/m² (ITU-R BT.2408, 5.1), so that faces keep their brightness and only highlights above paper
/// white are compressed.
fn standard_range(tone_map: ToneMap, stream: &VideoStream, size: Size) -> Chain {
    let transfer = match tone_map {
        ToneMap::Hlg => "arib-std-b67",
        ToneMap::Pq => "smpte2084",
    };
    let range = if stream.colours.range == "pc" { "pc" } else { "tv" };
    let Size { width, height } = size;
    // The scaler reads colours only from frames, and some files name them only in the container.
    format!(
        "setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range={range},\
         zscale={width}:{height}:f=bicubic:t=linear:npl=203,format=gbrpf32le,\
         zscale=p=709,tonemap=mobius:desat=0,zscale=t=709:m=709:r=tv"
    )
}

/// The colour matrix of the stored samples, by the scaler's name.
fn matrix(stream: &VideoStream) -> &'static str {
    match stream.colours.matrix.as_str() {
        "bt709" => "bt709",
        "fcc" => "fcc",
        "bt470bg" | "smpte170m" => "bt601",
        "smpte240m" => "smpte240m",
        "bt2020nc" | "bt2020c" => "bt2020",
        _ if stream.coded.width.min(stream.coded.height) >= HD_SHORT_EDGE => "bt709",
        _ => "bt601",
    }
}
