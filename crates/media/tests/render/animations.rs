//! Animations.

use crate::{render, render_with, support};
use gif::Repeat;
use image::{AnimationDecoder as _, ImageDecoder as _, codecs::webp::WebPDecoder};
use smmu_core::{
    Role, WarningCode,
    image::{Animation, ImageLimits, ImageProfile, Ladder},
};
use std::io::Cursor;

/// Delays in milliseconds and canvases of an animated WebP file, decoded independently of our code.
fn frames(webp: &[u8]) -> (Vec<u32>, Vec<image::RgbaImage>) {
    let decoder = WebPDecoder::new(Cursor::new(webp)).expect("a WebP file");
    assert!(decoder.total_bytes() > 0);
    let frames = decoder.into_frames().collect_frames().expect("valid frames");
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
fn an_animated_webp_stays_animated() {
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

/// The number of processed frames, and the codes of the warnings.
fn frames_and_warnings(rendered: &crate::Rendered) -> (Option<u32>, Vec<WarningCode>) {
    let frames = rendered.facts().probe.animation.map(|animation| animation.frames);
    (frames, rendered.manifest.warnings.iter().map(|warning| warning.code).collect())
}

#[test]
fn an_animation_with_too_many_frames_is_shortened_and_not_refused() {
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
fn an_animation_with_too_many_pixels_in_all_frames_is_shortened() {
    let limits = ImageLimits { max_animation_pixels: 5 * 100 * 50, ..ImageLimits::default() };
    let gif = support::gif(100, 50, 6, Repeat::Infinite);
    let webp = render(&gif).bytes("webp-100.webp");
    for file in [gif, webp] {
        let rendered = render_with(&file, &ImageProfile::default(), &limits).expect("rendered");
        assert_eq!(frames_and_warnings(&rendered), (Some(5), vec![WarningCode::Shortened]));
    }
}

#[test]
fn a_truncated_animation_keeps_its_complete_frames() {
    let gif = support::gif(100, 50, 6, Repeat::Infinite);
    let no_end = render(&gif[..gif.len() - 1]);
    assert_eq!(frames_and_warnings(&no_end), (Some(6), vec![WarningCode::Repaired]));
    let cut = render(&gif[..gif.len() - 40]);
    assert_eq!(frames_and_warnings(&cut), (Some(5), vec![WarningCode::CutOff]));
}

/// Made by `fixtures/avif/make.py`: a square of 16 pixels that moves 8 pixels per frame across a picture of 64 × 48.
const MOVING_AVIF: &[u8] = include_bytes!("../../fixtures/avif/moving.avif");
const MOVING_AVIF_WITH_ALPHA: &[u8] = include_bytes!("../../fixtures/avif/alpha.avif");

#[test]
fn an_animated_avif_keeps_frames_timing_and_plays() {
    let rendered = render(MOVING_AVIF);
    let animation = Animation { frames: 6, duration_ms: 450, plays: 0 };
    assert_eq!(rendered.facts().probe.animation, Some(animation));
    assert!(rendered.manifest.warnings.is_empty());
    let (delays, canvases) = frames(&rendered.bytes("webp-64.webp"));
    assert_eq!(delays, [50, 60, 70, 80, 90, 100]);
    for (at, canvas) in canvases.iter().enumerate() {
        let (ink, ground) = (canvas.get_pixel(at as u32 * 8 + 8, 24), canvas.get_pixel((at as u32 * 8 + 40) % 64, 24));
        assert!(ink[0] > 200 && ink[2] < 90, "frame {at}: {ink:?}");
        assert!(ground[0] < 70 && ground[2] > 160, "frame {at}: {ground:?}");
    }
}

#[test]
fn the_alpha_of_an_animated_avif_moves_with_its_picture() {
    let rendered = render(MOVING_AVIF_WITH_ALPHA);
    assert_eq!(rendered.facts().probe.animation, Some(Animation { frames: 4, duration_ms: 160, plays: 0 }));
    let (_, canvases) = frames(&rendered.bytes("webp-64.webp"));
    for (at, canvas) in canvases.iter().enumerate() {
        // On the square, and ahead of it: this decoder does not clear the trail behind the square, as players do.
        let seen = [8, 22].map(|x| canvas.get_pixel(at as u32 * 8 + x, 24)[3]);
        assert!(seen[0] > 240 && seen[1] < 15, "frame {at}: {seen:?}");
    }
}

/// A copy of a file with `bytes` written `skip` bytes after the first occurrence of `after`.
fn with(file: &[u8], after: &[u8], skip: usize, bytes: &[u8]) -> Vec<u8> {
    let at = file.windows(after.len()).position(|window| window == after).expect("it exists") + after.len() + skip;
    [&file[..at], bytes, &file[at + bytes.len()..]].concat()
}

#[test]
fn an_animated_avif_plays_as_often_as_its_edit_list_repeats() {
    // The repeat flag is the last bit after the version; the track's duration is 28 bytes into its header.
    let once = with(MOVING_AVIF, b"elst", 3, &[0]);
    assert_eq!(render(&once).facts().probe.animation.map(|animation| animation.plays), Some(1));
    for (duration, plays) in [(900_u64, 2), (1000, 3)] {
        let some = with(MOVING_AVIF, b"tkhd", 28, &duration.to_be_bytes());
        assert_eq!(render(&some).facts().probe.animation.map(|animation| animation.plays), Some(plays));
    }
}

#[test]
fn a_damaged_or_truncated_animated_avif_shows_its_intact_part() {
    let cut = render(&MOVING_AVIF[..MOVING_AVIF.len() - 30]);
    let (frames, warnings) = frames_and_warnings(&cut);
    assert!(frames.is_some_and(|frames| (2..6).contains(&frames)), "{frames:?}");
    assert_eq!(warnings, [WarningCode::CutOff]);
    // If the track is invalid, the still is used instead.
    let no_track = render(&with(MOVING_AVIF, b"stsd", 0, &[0xff; 12]));
    assert_eq!(frames_and_warnings(&no_track), (None, vec![]));
    // A file whose major brand is that of a still is one.
    let still = render(&with(MOVING_AVIF, b"ftyp", 0, b"avif"));
    assert_eq!(frames_and_warnings(&still), (None, vec![]));
}
