use super::*;
use crate::image::{Animation, AvifProfile, ColourModel, ImageFormat, Ladder, Orientation};
use proptest::prelude::*;
use std::{collections::HashSet, fmt::Write as _};

fn still(width: u32, height: u32) -> ImageProbe {
    ImageProbe {
        format: ImageFormat::Jpeg,
        width,
        height,
        orientation: Orientation::Upright,
        has_alpha: false,
        bit_depth: 8,
        colour_model: ColourModel::Ycbcr,
        icc_profile: None,
        animation: None,
    }
}

fn animated(width: u32, height: u32) -> ImageProbe {
    let animation = Some(Animation { frames: 2, duration_ms: 200, plays: 0 });
    ImageProbe { format: ImageFormat::Gif, animation, ..still(width, height) }
}

fn with_avif() -> ImageProfile {
    ImageProfile { avif: Some(AvifProfile::default()), ..ImageProfile::default() }
}

/// One line per output, for snapshots.
fn written(plan: &ImagePlan) -> String {
    let mut text = String::new();
    for ImageOutput { name, role, size, encoding } in &plan.outputs {
        let motion = match encoding {
            Encoding::Webp { motion: Motion::Animated, .. } => " animated",
            Encoding::Webp { motion: Motion::Still, .. } | Encoding::Jpeg { .. } | Encoding::Avif { .. } => "",
        };
        writeln!(text, "{name} {role:?} {}×{}{motion}", size.width, size.height)
            .expect("writing to a String cannot fail");
    }
    text
}

#[test]
fn a_large_photo_gets_every_rung() {
    insta::assert_snapshot!(written(&plan(&still(4000, 3000), &ImageProfile::default())), @"
    jpeg-2048.jpg Rendition 2048×1536
    webp-2048.webp Rendition 2048×1536
    jpeg-1280.jpg Rendition 1280×960
    webp-1280.webp Rendition 1280×960
    jpeg-640.jpg Rendition 640×480
    webp-640.webp Rendition 640×480
    jpeg-320.jpg Rendition 320×240
    webp-320.webp Rendition 320×240
    jpeg-160.jpg Rendition 160×120
    webp-160.webp Rendition 160×120
    ");
}

#[test]
fn a_source_between_two_rungs_keeps_its_own_size() {
    insta::assert_snapshot!(written(&plan(&still(750, 1000), &ImageProfile::default())), @"
    jpeg-1000.jpg Rendition 750×1000
    webp-1000.webp Rendition 750×1000
    jpeg-640.jpg Rendition 480×640
    webp-640.webp Rendition 480×640
    jpeg-320.jpg Rendition 240×320
    webp-320.webp Rendition 240×320
    jpeg-160.jpg Rendition 120×160
    webp-160.webp Rendition 120×160
    ");
}

#[test]
fn a_source_below_the_ladder_is_made_once_at_its_own_size() {
    insta::assert_snapshot!(written(&plan(&still(1, 1), &ImageProfile::default())), @"
    jpeg-1.jpg Rendition 1×1
    webp-1.webp Rendition 1×1
    ");
}

#[test]
fn a_source_as_long_as_a_rung_is_that_rung() {
    insta::assert_snapshot!(written(&plan(&still(320, 20), &ImageProfile::default())), @"
    jpeg-320.jpg Rendition 320×20
    webp-320.webp Rendition 320×20
    jpeg-160.jpg Rendition 160×10
    webp-160.webp Rendition 160×10
    ");
}

#[test]
fn an_animation_is_animated_in_webp_and_has_a_still_poster() {
    insta::assert_snapshot!(written(&plan(&animated(2000, 100), &with_avif())), @"
    jpeg-2000.jpg Rendition 2000×100
    webp-2000.webp Rendition 2000×100 animated
    avif-2000.avif Rendition 2000×100
    jpeg-1280.jpg Rendition 1280×64
    webp-1280.webp Rendition 1280×64 animated
    avif-1280.avif Rendition 1280×64
    poster.jpg Poster 1280×64
    jpeg-640.jpg Rendition 640×32
    webp-640.webp Rendition 640×32 animated
    avif-640.avif Rendition 640×32
    jpeg-320.jpg Rendition 320×16
    webp-320.webp Rendition 320×16 animated
    avif-320.avif Rendition 320×16
    jpeg-160.jpg Rendition 160×8
    webp-160.webp Rendition 160×8 animated
    avif-160.avif Rendition 160×8
    ");
}

#[test]
fn an_animation_above_a_ladder_of_only_large_rungs_still_has_a_poster() {
    let profile = ImageProfile { ladder: Ladder::try_from(vec![2048]).expect("in range"), ..ImageProfile::default() };
    let plan = plan(&animated(3000, 3000), &profile);
    assert_eq!(plan.outputs.iter().filter(|output| output.role == Role::Poster).count(), 1);
}

proptest! {
    #[test]
    fn every_plan_keeps_its_invariants(
        width in 1_u32..200_000,
        height in 1_u32..200_000,
        moves: bool,
        edges in proptest::collection::vec(1..=Ladder::MAX_EDGE, 1..8),
    ) {
        let probe = if moves { animated(width, height) } else { still(width, height) };
        let profile = ImageProfile { ladder: Ladder::try_from(edges.clone()).expect("in range"), ..with_avif() };
        let plan = plan(&probe, &profile);

        prop_assert!(!plan.outputs.is_empty());
        let names: HashSet<_> = plan.outputs.iter().map(|output| &output.name).collect();
        prop_assert_eq!(names.len(), plan.outputs.len(), "no duplicates");
        prop_assert_eq!(plan.outputs.iter().filter(|output| output.role == Role::Poster).count(), usize::from(moves));

        let jpegs: Vec<Size> =
            plan.outputs.iter().filter(|output| output.name.starts_with("jpeg-")).map(|output| output.size).collect();
        prop_assert!(jpegs.is_sorted_by(|a, b| a.long_edge() > b.long_edge()), "strictly descending");
        prop_assert!(plan.outputs.is_sorted_by(|a, b| a.size.long_edge() >= b.size.long_edge()));

        let top = edges.iter().copied().max().unwrap_or_default();
        prop_assert_eq!(plan.largest().map(Size::long_edge), Some(top.min(width.max(height))), "as large as allowed");
        for size in jpegs {
            prop_assert!(size.width <= width && size.height <= height, "never enlarged");
            prop_assert!(size.width >= 1 && size.height >= 1);
            let scale = f64::from(size.long_edge()) / f64::from(width.max(height));
            let off = |made: u32, source: u32| (f64::from(made) - (f64::from(source) * scale).max(1.0)).abs();
            prop_assert!(off(size.width, width) <= 0.5 && off(size.height, height) <= 0.5, "aspect kept within rounding");
        }
    }
}
