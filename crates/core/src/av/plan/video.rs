//! Plans the outputs of a video.

mod ladder;
mod rate;
mod storyboard;

use super::{PicturePlan, PosterPlan, PreviewPlan, SEGMENT_SECONDS, StoryboardPlan, ToneMap, VideoPlan, audio};
use crate::{
    av::{AvProfile, DynamicRange, FrameRate, PosterProfile, PreviewProfile, Probe, VideoStream},
    image::Size,
};

pub(super) fn plan(probe: &Probe, video: &VideoStream, profile: &AvProfile) -> VideoPlan {
    let duration_ms = probe.duration_ms;
    let size = video.displayed;
    let frame_rate = rate::of(video, profile.max_frame_rate.get());
    let ladder::Rungs { h264, av1 } = ladder::of(size, frame_rate, profile);
    VideoPlan {
        duration_ms,
        picture: PicturePlan {
            stream: video.index,
            deinterlace: video.interlaced,
            frame_rate,
            tone_map: match video.dynamic_range {
                DynamicRange::Sdr => None,
                DynamicRange::Hlg => Some(ToneMap::Hlg),
                DynamicRange::Pq => Some(ToneMap::Pq),
            },
            background: video.transparent.then(|| profile.background.unwrap_or_default()),
        },
        gop_frames: gop_frames(frame_rate),
        rungs: h264,
        av1_rungs: av1,
        audio: audio::chosen(&probe.audio, profile.audio.language.as_deref())
            .map(|stream| audio::sound(stream, &profile.audio)),
        poster: poster(duration_ms, size, profile.poster),
        preview: preview(duration_ms, size, profile.preview),
        storyboard: StoryboardPlan::of(duration_ms, size, profile.storyboard),
    }
}

/// The fewest frames that last a segment. With fewer, every second segment would have to wait for one more keyframe and
/// be twice as long.
fn gop_frames(rate: FrameRate) -> u32 {
    let frames = (u64::from(SEGMENT_SECONDS) * u64::from(rate.numerator())).div_ceil(u64::from(rate.denominator()));
    u32::try_from(frames).unwrap_or(u32::MAX)
}

/// The size, scaled down so that no edge exceeds `edge` or the source's long edge.
fn within(size: Size, edge: u32) -> Size {
    even(size.fitted(edge.min(size.long_edge())))
}

/// Rounds both edges down to even, as 4:2:0 needs, but to at least 2.
fn even(size: Size) -> Size {
    let even = |edge: u32| (edge & !1).max(2);
    Size { width: even(size.width), height: even(size.height) }
}

/// Videos open with black or a title and end with credits, so the first try is a tenth into the video.
fn poster(duration_ms: u64, size: Size, profile: PosterProfile) -> PosterPlan {
    const WINDOW_MS: u64 = 2000;
    let window_ms = WINDOW_MS.min(duration_ms);
    let latest = duration_ms - window_ms;
    let mut moments_ms: Vec<u64> =
        [10, 25, 50, 75].map(|percent| (duration_ms.saturating_mul(percent) / 100).min(latest)).to_vec();
    moments_ms.dedup();
    PosterPlan { moments_ms, window_ms, size: within(size, profile.long_edge.get()), quality: profile.quality.get() }
}

fn preview(duration_ms: u64, size: Size, profile: PreviewProfile) -> PreviewPlan {
    let preview_ms = u64::from(profile.duration_ms.get()).min(duration_ms);
    PreviewPlan {
        start_ms: (duration_ms / 10).min(duration_ms - preview_ms),
        duration_ms: preview_ms,
        frame_rate: profile.frame_rate.get(),
        size: within(size, profile.long_edge.get()),
        quality: profile.quality.get(),
    }
}
