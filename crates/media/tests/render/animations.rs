//! What moves.

use crate::{render, render_with, support};
use gif::Repeat;
use image::{AnimationDecoder as _, ImageDecoder as _, codecs::webp::WebPDecoder};
use smmu_core::{
    Role, WarningCode,
    image::{Animation, ImageLimits, ImageProfile, Ladder},
};
use std::io::Cursor;

/// Delays in milliseconds and the canvases of an animated WebP file, by other code than made it.
fn frames(webp: &[u8]) -> (Vec<u32>, Vec<image::RgbaImage>) {
    let decoder = WebPDecoder::new(Cursor::new(webp)).expect("a WebP file");
    assert!(decoder.total_bytes() > 0);
    let frames = decoder.into_frames().collect_frames().expect("sound frames");
    let delays = frames.iter().map(|frame| frame.delay().numer_denom_ms()).map(|(n, d)| n / d).collect();
    (delays, frames.into_iter().map(image::Frame::into_buffer).collect())
}

#[test]
fn an_animated_gif_keeps_frames_timing_and_plays() {
    let rendered = render(&support::gif(400, 200, 6, Repeat::Finite(2)));
    let animation = Animation { frames: 6, duration_ms: 50 + 60 + 70 + 80 + 90 + 100, plays: 3 };
    assert_eq!(rendered.facts().probe.animation, Some(animation));

    for name in ["webp-400.webp", "webp-160.webp"] {
        let (delays, canvases) = frames(&rendered.bytes(name));
        assert_eq!(delays, [50, 60, 70, 80, 90, 100], "{name}");
        let (width, height) = canvases[0].dimensions();
        // The ball starts at the left and ends at the right.
        let ball = |at: usize, x: u32| canvases[at].get_pixel(x, height / 2)[3];
        let seen = [ball(0, width / 8), ball(0, width * 7 / 8), ball(5, width * 7 / 8)];
        assert!(seen[0] > 200 && seen[1] < 20 && seen[2] > 200, "{name}: {seen:?}");
    }
    let artifact = |name: &str| rendered.manifest.artifacts.iter().find(|artifact| artifact.name == name);
    assert_eq!(artifact("webp-160.webp").and_then(|artifact| artifact.frames), Some(6));
    assert_eq!(artifact("jpeg-160.jpg").and_then(|artifact| artifact.frames), None);
}

#[test]
fn the_poster_and_the_stills_show_the_first_frame() {
    let rendered = render(&support::gif(400, 200, 6, Repeat::Infinite));
    let poster = rendered.manifest.artifacts.iter().find(|artifact| artifact.role == Role::Poster).expect("a poster");
    assert_eq!((poster.name.as_str(), poster.content_type.as_str()), ("poster.jpg", "image/jpeg"));
    for name in ["poster.jpg", "jpeg-400.jpg"] {
        let picture = rendered.picture(name);
        let [red, green, blue, _] = picture.get_pixel(50, 100).0;
        assert!(red > 200 && green > 150 && blue < 120, "{red} {green} {blue}");
        assert!(picture.get_pixel(350, 100).0.iter().all(|&sample| sample > 245), "white shows through");
    }
}

#[test]
fn an_animated_webp_keeps_moving() {
    let made = render(&support::gif(300, 150, 4, Repeat::Infinite)).bytes("webp-300.webp");
    let again = render(&made);
    assert_eq!(again.facts().probe.animation, Some(Animation { frames: 4, duration_ms: 260, plays: 0 }));
    let (delays, _) = frames(&again.bytes("webp-160.webp"));
    assert_eq!(delays, [50, 60, 70, 80]);
}

#[test]
fn a_gif_of_one_frame_is_a_still() {
    let rendered = render(&support::gif(300, 150, 1, Repeat::Infinite));
    assert_eq!(rendered.facts().probe.animation, None);
    assert!(!rendered.names().contains(&"poster.jpg"));
    assert_eq!(rendered.picture("webp-300.webp").dimensions(), (300, 150));
}

/// The frames that were processed, and the codes of what was said of it.
fn frames_and_warnings(rendered: &crate::Rendered) -> (Option<u32>, Vec<WarningCode>) {
    let frames = rendered.facts().probe.animation.map(|animation| animation.frames);
    (frames, rendered.manifest.warnings.iter().map(|warning| warning.code).collect())
}

#[test]
fn an_animation_of_more_frames_than_are_processed_is_shortened_and_not_refused() {
    let profile = ImageProfile { ladder: Ladder::try_from(vec![8]).expect("in range"), ..ImageProfile::default() };
    let limits = ImageLimits { max_frames: 40, ..ImageLimits::default() };
    for (frames, expected) in [(40, (Some(40), vec![])), (41, (Some(40), vec![WarningCode::Shortened]))] {
        let rendered = render_with(&support::gif(8, 8, frames, Repeat::Infinite), &profile, &limits).expect("rendered");
        assert_eq!(frames_and_warnings(&rendered), expected);
    }
    let long = render_with(&support::gif(8, 8, 450, Repeat::Infinite), &profile, &ImageLimits::default());
    assert_eq!(frames_and_warnings(&long.expect("rendered")), (Some(450), vec![]));
}

#[test]
fn all_frames_together_are_bounded_too() {
    let limits = ImageLimits { max_animation_pixels: 5 * 100 * 50, ..ImageLimits::default() };
    let gif = support::gif(100, 50, 6, Repeat::Infinite);
    let webp = render(&gif).bytes("webp-100.webp");
    for file in [gif, webp] {
        let rendered = render_with(&file, &ImageProfile::default(), &limits).expect("rendered");
        assert_eq!(frames_and_warnings(&rendered), (Some(5), vec![WarningCode::Shortened]));
    }
}

#[test]
fn an_animation_that_is_cut_off_keeps_its_whole_frames() {
    let gif = support::gif(100, 50, 6, Repeat::Infinite);
    let no_end = render(&gif[..gif.len() - 1]);
    assert_eq!(frames_and_warnings(&no_end), (Some(6), vec![WarningCode::Repaired]));
    let cut = render(&gif[..gif.len() - 40]);
    assert_eq!(frames_and_warnings(&cut), (Some(5), vec![WarningCode::CutOff]));
}
