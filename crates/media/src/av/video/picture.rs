//! Filters between the decoded picture and an output.

use crate::av::line::seconds;
use smmu_core::{
    av::{FrameRate, PicturePlan, Rotation, ToneMap, VideoStream},
    image::{Colour, Size},
};

/// A chain of filters, separated by commas.
pub(crate) type Chain = String;

/// Which colours a picture has where the file does not say: players take small pictures for BT.601.
const HD_SHORT_EDGE: u32 = 720;

/// From a film's picture to JPEG's, which has BT.601 and its full range (JFIF 1.02; ITU-T T.871, 7).
pub(crate) const TO_JPEG: &str =
    "scale=in_color_matrix=bt709:in_range=tv:out_color_matrix=bt601:out_range=pc,format=yuvj420p";

/// From a film's picture to WebP's, which has BT.601 (RFC 6386, 9.2).
pub(crate) const TO_WEBP: &str = "scale=in_color_matrix=bt709:in_range=tv:out_color_matrix=bt601:out_range=tv";

/// From the decoded picture to `size`, upright, in BT.709, 8 bits, square pixels.
///
/// Smaller sizes are scaled from this one: the larger picture has already the right colours.
pub(crate) fn first(plan: &PicturePlan, stream: &VideoStream, rate: Chain, size: Size) -> Chain {
    // A picture can change its size and format on the way (a recorded window, a broadcast). This filter alone
    // follows it, and does nothing else; see `Video::source`.
    let steady = Some(if stream.changes_shape { letterboxed(stream) } else { whole(stream.coded) });
    let deinterlace = plan.deinterlace.then(|| "bwdif=mode=send_frame:deint=interlaced".to_owned());
    let paper = plan.background.map(|background| flattened(background, stream));
    let colours = match plan.tone_map {
        Some(tone_map) => standard_range(tone_map, stream, size),
        None => format!("{}:in_color_matrix={}:out_color_matrix=bt709:out_range=tv", scale(size), matrix(stream)),
    };
    // Fields and rate first: what lays one picture on another forgets how long the last frame stays.
    [steady, deinterlace, Some(rate), paper, upright(stream), Some(colours), Some("setsar=1,format=yuv420p".to_owned())]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(",")
}

/// To the size that all frames have, or nearly all.
fn whole(Size { width, height }: Size) -> Chain {
    format!("scale={width}:{height}")
}

/// Every frame in its own shape, with bars, in the largest of them all, with square pixels.
fn letterboxed(stream: &VideoStream) -> Chain {
    let Size { width, height } = match stream.rotation {
        Rotation::None | Rotation::Half => stream.displayed,
        Rotation::Quarter | Rotation::ThreeQuarters => stream.displayed.transposed(),
    };
    // Half a pixel is more than what a float loses.
    format!(
        r"scale=w=max(2\,2*trunc((min({width}\,{height}*dar)+0.5)/2)):h=max(2\,2*trunc((min({height}\,{width}/dar)+0.5)/2)):eval=frame:flags=bicubic,setsar=1,pad={width}:{height}:-1:-1:eval=frame"
    )
}

/// A picture with alpha, on a background: what is under transparent pixels is never shown.
fn flattened(background: Colour, stream: &VideoStream) -> Chain {
    let Colour([red, green, blue]) = background;
    format!(
        "scale=in_color_matrix={},format=gbrap,split[over][under];[under]lutrgb=r={red}:g={green}:b={blue}:a=255[paper];\
         [paper][over]overlay=format=gbrp,format=gbrp",
        matrix(stream)
    )
}

/// To the constant rate of a film. Its time begins with the file's, not with the picture's, so that sound stays in step.
/// Where the rate that the container gives is none, a frame lasts no time by it: then the last one stays for a step.
/// Of a slow video the last frame stays until it ends: ffmpeg would guess.
pub(crate) fn steps(rate: FrameRate, stream: &VideoStream) -> Chain {
    let steps = format!("fps={}/{}:start_time=0", rate.numerator(), rate.denominator());
    match stream.end_ms {
        // Repeated before it is brought to steps, which would lose a last frame that is rounded up to the end. The step
        // that is nearest to the end is the first one that is not shown.
        Some(end_ms) => {
            // The filter counts frames of the rate, and less than half a one is none: longer than can be needed.
            let more_s = end_ms.div_ceil(1000) + 60;
            format!("tpad=stop_mode=clone:stop_duration={more_s},{steps},trim=end={}", seconds(end_ms))
        }
        None if stream.timed => format!("{steps}:eof_action=pass"),
        None => steps,
    }
}

/// To so many frames a second, and at least one of a picture that is there for less than their distance.
pub(crate) fn samples(rate: u32) -> Chain {
    format!("fps={rate}:start_time=0:eof_action=pass")
}

/// The turn that a file asks for, which has to come after fields became frames.
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

/// To a smaller size.
pub(crate) fn scale(size: Size) -> Chain {
    format!("scale={}:{}:flags=bicubic", size.width, size.height)
}

/// From high dynamic range to BT.709. Scaled first, since light is computed in floats and costs most; at
/// 203 cd/m² for white (ITU-R BT.2408, 5.1), so that faces keep their brightness and only what is brighter
/// than paper is compressed.
fn standard_range(tone_map: ToneMap, stream: &VideoStream, size: Size) -> Chain {
    let transfer = match tone_map {
        ToneMap::Hlg => "arib-std-b67",
        ToneMap::Pq => "smpte2084",
    };
    let range = if stream.colours.range == "pc" { "pc" } else { "tv" };
    let Size { width, height } = size;
    // The scaler takes colours from frames alone, and some files name them only in the container.
    format!(
        "setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range={range},\
         zscale={width}:{height}:f=bicubic:t=linear:npl=203,format=gbrpf32le,\
         zscale=p=709,tonemap=mobius:desat=0,zscale=t=709:m=709:r=tv"
    )
}

/// The matrix by which the stored samples became what they are, as the scaler names it.
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
