//! Properties of every plan.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn any_rate() -> impl Strategy<Value = (u32, u32)> {
    prop_oneof![
        (1u32..=240, Just(1u32)),
        (1u32..=240, Just(1001u32)).prop_map(|(n, d)| (n * 1000, d)),
        (1u32..=u32::MAX, 1u32..=u32::MAX).prop_filter("checked before", |&(n, d)| u64::from(n) <= 240 * u64::from(d)),
    ]
}

proptest! {
    #[test]
    fn a_ladder_never_enlarges_and_keeps_the_aspect_ratio(
        width in 1u32..=16_384, height in 1u32..=16_384, rate in any_rate(), variable: bool,
    ) {
        let probe = at_rate(video(width, height), rate, variable);
        let plan = video_plan(&probe, &with_av1());
        prop_assert!(!plan.rungs.is_empty());
        prop_assert!(plan.rungs.len() <= AvProfile::default().ladder.rungs().len());
        prop_assert!(plan.rungs.is_sorted_by(|a, b| a.size.pixels() > b.size.pixels() && a.max_bit_rate >= b.max_bit_rate));
        prop_assume!(u64::from(width.min(height)) * 4096 / u64::from(width.max(height)) >= 16);
        let shape = f64::from(width) / f64::from(height);
        for Rung { size, .. } in plan.rungs.iter().chain(&plan.av1_rungs) {
            prop_assert!(size.width % 2 == 0 && size.height % 2 == 0 && size.pixels() > 0);
            prop_assert!(size.width <= width.max(2) && size.height <= height.max(2));
            prop_assert!(size.width.min(size.height) <= 1080 && size.long_edge() <= 4096);
            // Rounded to whole pixels, then to even ones: each edge is off by less than two.
            let off = (f64::from(size.width) / f64::from(size.height) / shape - 1.0).abs();
            prop_assert!(off <= 2.5 / f64::from(size.width.min(size.height)), "{size:?} is off by {off}");
        }
        let mut names: Vec<&str> = plan.rungs.iter().chain(&plan.av1_rungs).map(|rung| rung.name.as_str()).collect();
        names.sort_unstable();
        prop_assert!(names.is_sorted_by(|a, b| a < b), "names are unique");
    }

    #[test]
    fn any_ladder_keeps_its_invariants(
        width in 16u32..=8192, height in 16u32..=8192, halves in prop::collection::vec(32u32..=1080, 1..=8),
    ) {
        let ladder: Vec<_> =
            halves.iter().map(|half| json!({ "shortEdge": half * 2, "crf": 23, "maxKbps": 2000 })).collect();
        let profile: AvProfile = serde_json::from_value(json!({ "ladder": ladder })).expect("in range");
        let rungs = video_plan(&video(width, height), &profile).rungs;
        prop_assert!((1..=profile.ladder.rungs().len()).contains(&rungs.len()));
        prop_assert!(rungs.is_sorted_by(|a, b| a.size.pixels() > b.size.pixels()));
        for Rung { size, .. } in &rungs {
            prop_assert!(size.width % 2 == 0 && size.height % 2 == 0);
            prop_assert!(size.width <= width && size.height <= height);
        }
    }

    #[test]
    fn a_group_of_pictures_is_the_shortest_that_fills_a_segment(rate in any_rate(), variable: bool) {
        let plan = video_plan(&at_rate(video(640, 360), rate, variable), &AvProfile::default());
        let per_second = plan.picture.frame_rate.per_second();
        prop_assert!((1.0..=60.0).contains(&per_second), "{per_second}");
        let lasts = f64::from(plan.gop_frames) / per_second;
        prop_assert!(lasts >= 6.0 - 1e-9 && lasts < 6.0 + 1.0 / per_second, "{lasts}");
    }

    #[test]
    fn stills_are_inside_the_video_and_bounded(
        duration_ms in 1u64..=400_000_000, width in 1u32..=8192, height in 1u32..=8192, max_tiles in 1u32..=1000,
    ) {
        let profile: AvProfile =
            serde_json::from_value(json!({ "storyboard": { "maxTiles": max_tiles } })).expect("in range");
        let VideoPlan { poster, preview, storyboard, .. } =
            video_plan(&lasting(video(width, height), duration_ms), &profile);
        prop_assert!(!poster.moments_ms.is_empty());
        prop_assert!(poster.moments_ms.iter().all(|moment| moment + poster.window_ms <= duration_ms));
        prop_assert!(preview.start_ms + preview.duration_ms <= duration_ms && preview.duration_ms > 0);
        let tiles = u64::from(storyboard.tiles);
        prop_assert!(storyboard.tiles <= max_tiles);
        prop_assert!((tiles - 1) * storyboard.interval_ms < duration_ms && duration_ms <= tiles * storyboard.interval_ms);
        prop_assert!(storyboard.tile.long_edge() <= 160);
    }

    #[test]
    fn output_size_and_time_limits_grow_with_the_source(
        shorter in 1u64..=14_400_000, longer in 1u64..=14_400_000,
    ) {
        let (shorter, longer) = (shorter.min(longer), shorter.max(longer));
        let limits = AvLimits::default();
        let of = |duration_ms| {
            let probe = lasting(video(1920, 1080), duration_ms);
            let plan = plan(&probe, &AvProfile::default()).expect("a picture");
            (plan.max_bytes(), limits.wall_time(&probe, &plan))
        };
        prop_assert!(of(shorter) <= of(longer));
        prop_assert!(of(longer).1 <= limits.max_wall_time);
    }
}
