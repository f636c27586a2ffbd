use super::*;
use proptest::prelude::*;

/// All regions found in these windows.
fn regions(settings: VoiceSettings, windows: &[f32]) -> Vec<Span> {
    let mut finder = RegionFinder::new(settings);
    let mut found = Vec::new();
    for &probability in windows {
        let needed_ms = finder.needed_from_ms();
        let region = finder.push(probability);
        assert!(
            region.is_none_or(|region| needed_ms <= region.start_ms()),
            "a region starts before the first needed millisecond"
        );
        found.extend(region);
    }
    found.extend(finder.finish(windows.len() as u64 * WINDOW_MS));
    found
}

/// Expands stretches of equal probability, given in windows.
fn stretches(stretches: &[(usize, f32)]) -> Vec<f32> {
    stretches.iter().flat_map(|&(windows, probability)| vec![probability; windows]).collect()
}

/// Starts and ends of regions, in windows, with default settings except that a pause of half a second ends a region.
fn found(parts: &[(usize, f32)]) -> Vec<(u64, u64)> {
    let settings = VoiceSettings { min_silence_ms: 500, ..VoiceSettings::default() };
    let regions = regions(settings, &stretches(parts));
    regions.iter().map(|region| (region.start_ms() / WINDOW_MS, region.end_ms() / WINDOW_MS)).collect()
}

#[test]
fn a_region_includes_some_silence_around_its_speech() {
    // 200 ms are 7 windows, 300 ms are 10.
    assert_eq!(found(&[(100, 0.1), (100, 0.9), (100, 0.1)]), [(93, 210)]);
}

#[test]
fn speech_at_the_edges_of_the_recording_has_no_silence_around_it() {
    assert_eq!(found(&[(100, 0.9)]), [(0, 100)]);
    assert_eq!(found(&[(3, 0.0), (100, 0.9), (4, 0.0)]), [(0, 107)]);
}

#[test]
fn the_last_window_may_be_incomplete() {
    let mut finder = RegionFinder::new(VoiceSettings::default());
    assert!((0..50).all(|_| finder.push(0.9).is_none()));
    assert_eq!(finder.clone().finish(1590), Span::new(0, 1590).ok());
    assert_eq!(finder.finish(u64::MAX), Span::new(0, 1600).ok());
}

#[test]
fn silence_and_clicks_are_not_regions() {
    assert_eq!(found(&[(1000, 0.49)]), []);
    assert_eq!(found(&[(100, 0.1), (7, 0.9), (100, 0.1)]), []);
    assert_eq!(found(&[(100, 0.1), (7, 0.9)]), []);
    // Speech after a click is still found.
    assert_eq!(found(&[(100, 0.1), (3, 0.9), (16, 0.1), (40, 0.9), (100, 0.1)]), [(112, 169)]);
}

#[test]
fn a_voice_between_the_two_thresholds_continues() {
    assert_eq!(found(&[(50, 0.0), (30, 0.9), (100, 0.4), (100, 0.0)]), [(43, 190)]);
    assert_eq!(found(&[(50, 0.0), (100, 0.4)]), [], "but does not start there");
}

#[test]
fn only_a_long_pause_ends_a_region() {
    assert_eq!(found(&[(40, 0.9), (15, 0.1), (40, 0.9), (100, 0.0)]), [(0, 105)]);
    assert_eq!(found(&[(40, 0.9), (16, 0.1), (40, 0.9), (100, 0.0)]), [(0, 50), (50, 106)]);
}

#[test]
fn a_single_word_gets_a_region_of_a_second() {
    // 1000 ms are 32 windows; a second word within them belongs to it.
    assert_eq!(found(&[(50, 0.0), (10, 0.9), (100, 0.0)]), [(43, 82)]);
    assert_eq!(found(&[(50, 0.0), (10, 0.9), (20, 0.0), (10, 0.9), (100, 0.0)]), [(43, 100)]);
    assert_eq!(found(&[(50, 0.0), (10, 0.9), (22, 0.0), (10, 0.9), (100, 0.0)]), [(43, 82), (82, 114)]);
}

#[test]
fn a_region_that_is_too_long_is_cut_at_its_deepest_pause() {
    // 28 s are 875 windows. Of two pauses in the second half the longer one is used, of equally long ones the deeper.
    let tail = (200, 0.0);
    assert_eq!(found(&[(500, 0.9), (4, 0.1), (200, 0.9), (8, 0.1), (400, 0.9), tail]), [(0, 708), (708, 1122)]);
    assert_eq!(found(&[(500, 0.9), (8, 0.1), (200, 0.9), (8, 0.3), (400, 0.9), tail]), [(0, 504), (504, 1126)]);
    // A pause in the first half would leave too much for the rest.
    assert_eq!(found(&[(300, 0.9), (8, 0.0), (300, 0.9), (2, 0.0), (400, 0.9), tail]), [(0, 609), (609, 1020)]);
}

#[test]
fn without_a_pause_the_cut_is_where_the_voice_is_weakest() {
    assert_eq!(found(&[(600, 0.9), (1, 0.5), (500, 0.9), (200, 0.0)]), [(0, 600), (600, 1111)]);
}

#[test]
fn the_current_pause_may_be_the_best_cut() {
    // Less than 500 ms, but the only pause; no speech follows.
    assert_eq!(found(&[(865, 0.9), (500, 0.0)]), [(0, 875)]);
    assert_eq!(found(&[(865, 0.9), (10, 0.0), (40, 0.9), (100, 0.0)]), [(0, 875), (875, 925)]);
}

#[test]
fn speech_after_a_cut_is_not_noise() {
    assert_eq!(found(&[(873, 0.9), (1, 0.0), (3, 0.9), (100, 0.0)]), [(0, 873), (873, 905)]);
}

#[test]
fn nan_is_silence() {
    assert_eq!(found(&[(100, f32::NAN)]), []);
    assert_eq!(found(&[(50, 0.9), (50, f32::NAN)]).len(), 1);
}

/// Half of the cases resemble natural speech and silence, the others are arbitrary.
fn windows() -> impl Strategy<Value = Vec<f32>> {
    let natural = prop::collection::vec((1usize..120, 0.0f32..=1.0), 0..80).prop_map(|parts| stretches(&parts));
    let steady = prop::collection::vec((1usize..2000, prop_oneof![0.0f32..0.3, 0.6f32..1.0]), 0..8);
    let wild = prop::collection::vec(0.0f32..=1.0, 0..3000);
    prop_oneof![natural, steady.prop_map(|parts| stretches(&parts)), wild]
}

fn settings() -> impl Strategy<Value = VoiceSettings> {
    let any = (0.3f32..0.9, 0.0f32..0.9, 0u64..600, 0u64..2000, (0u64..1000, 0u64..1000), 0u64..2000, 0u64..30_000);
    let any = any.prop_map(|(start, end, min_speech_ms, min_silence_ms, (lead_ms, tail_ms), min_region_ms, max_ms)| {
        VoiceSettings {
            start_probability: start,
            end_probability: end,
            min_speech_ms,
            min_silence_ms,
            lead_ms,
            tail_ms,
            min_region_ms,
            max_region_ms: max_ms,
        }
    });
    prop_oneof![Just(VoiceSettings::default()), any]
}

proptest! {
    #[test]
    fn regions_are_ordered_disjoint_bounded_and_inside_the_recording(settings in settings(), windows in windows()) {
        let regions = regions(settings, &windows);
        prop_assert!(regions.windows(2).all(|pair| pair[0].end_ms() <= pair[1].start_ms()));
        prop_assert!(regions.last().is_none_or(|last| last.end_ms() <= windows.len() as u64 * WINDOW_MS));
        let longest_ms = settings.max_region_ms.max(4 * WINDOW_MS);
        prop_assert!(regions.iter().all(|region| region.duration_ms() <= longest_ms));
    }

    #[test]
    fn no_speech_is_lost(windows in windows()) {
        let settings = VoiceSettings::default();
        let regions = regions(settings, &windows);
        let is_inside = |window: u64| regions.iter().any(|region| {
            region.start_ms() <= window * WINDOW_MS && (window + 1) * WINDOW_MS <= region.end_ms()
        });
        let mut window = 0;
        for run in windows.chunk_by(|before, after| (*before >= 0.5) == (*after >= 0.5)) {
            let length = run.len() as u64;
            if run[0] >= 0.5 && length * WINDOW_MS >= settings.min_speech_ms {
                prop_assert!((window..window + length).all(is_inside), "{window} + {length} in {regions:?}");
            }
            window += length;
        }
    }

    #[test]
    fn every_region_has_speech_in_it(windows in windows()) {
        let settings = VoiceSettings::default();
        for region in regions(settings, &windows) {
            let inside = usize::try_from(region.start_ms() / WINDOW_MS).unwrap()
                ..usize::try_from(region.end_ms() / WINDOW_MS).unwrap();
            prop_assert!(windows[inside].iter().any(|&probability| probability >= settings.end_probability));
        }
    }

    #[test]
    fn a_region_lasts_a_second_unless_cut_or_at_the_end(windows in windows()) {
        let settings = VoiceSettings::default();
        let end_ms = windows.len() as u64 * WINDOW_MS;
        let regions = regions(settings, &windows);
        for (at, region) in regions.iter().enumerate() {
            let touches_next = regions.get(at + 1).is_some_and(|next| next.start_ms() == region.end_ms());
            let is_short = region.duration_ms() < settings.min_region_ms;
            prop_assert!(!is_short || touches_next || region.end_ms() == end_ms, "{region:?}");
        }
    }

    #[test]
    fn silence_is_never_a_region(probabilities in prop::collection::vec(0.0f32..0.5, 0..3000)) {
        prop_assert_eq!(regions(VoiceSettings::default(), &probabilities), []);
    }
}
