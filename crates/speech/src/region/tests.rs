use super::*;
use crate::testing::Loud;

fn channel() -> Channel {
    Channel::new(Box::new(Loud), VoiceSettings::default())
}

/// `ms` milliseconds of a constant sample.
fn stretch(ms: usize, sample: i16) -> impl Iterator<Item = i16> {
    std::iter::repeat_n(sample, ms * SAMPLES_A_MS as usize)
}

#[test]
fn a_region_has_the_samples_of_its_time() {
    let sound: Vec<i16> = stretch(3200, 0).chain(stretch(1600, 16_384)).chain(stretch(3200, 0)).collect();
    let mut channel = channel();
    let mut regions = Vec::new();
    // Pieces that do not align with windows.
    for piece in sound.chunks(777) {
        regions.extend(channel.hear(piece.iter().copied()));
    }
    let [region] = &regions[..] else { panic!("one region and not {}", regions.len()) };
    let (start, end) = (region.span.start_ms() as usize * 16, region.span.end_ms() as usize * 16);
    let expected: Vec<f32> = sound[start..end].iter().map(|&sample| f32::from(sample) / 32_768.0).collect();
    assert_eq!(region.samples, expected);
    assert_eq!(region.voiced, [Span::new(3200, 4800).expect("not empty")]);
    assert!(region.span.contains(region.voiced[0]));
    assert_eq!(channel.finish(8000), []);
}

#[test]
fn a_region_cut_off_by_the_end_is_returned() {
    let mut channel = channel();
    assert_eq!(channel.hear(stretch(1000, 0)), []);
    assert_eq!(channel.hear(stretch(1010, 16_384)), []);
    let [region] = &channel.finish(2010)[..] else { panic!("one region") };
    assert_eq!(region.span.end_ms(), 2010);
    assert_eq!(region.samples.len(), (2010 - region.span.start_ms() as usize) * 16);
}

#[test]
fn memory_does_not_grow_with_silence_and_later_regions_are_exact() {
    let mut channel = channel();
    let mut most = 0;
    for _ in 0..600 {
        assert_eq!(channel.hear(stretch(1000, 0)), []);
        most = most.max(channel.samples.len());
    }
    assert!(most <= (KEPT_WINDOWS + 100) * WINDOW, "{most} samples");
    let mut regions = channel.hear(stretch(1000, 16_384));
    regions.extend(channel.hear(stretch(2000, 0)));
    let [region] = &regions[..] else { panic!("one region") };
    assert_eq!(region.voiced[0].start_ms(), 600_000);
    assert!(region.samples[..16].iter().all(|&sample| sample == 0.0));
}

#[test]
fn the_rest_of_a_region_needs_enough_voice() {
    let mut channel = channel();
    let mut regions = channel.hear(stretch(320, 0).chain(stretch(3200, 16_384)));
    regions.extend(channel.hear(stretch(2000, 0)));
    let [region] = &regions[..] else { panic!("one region") };
    let from_ms = 2000 - region.span.start_ms();
    let rest = region.rest(from_ms).expect("more than a second of voice");
    assert_eq!((rest.span.start_ms(), rest.span.end_ms()), (2000, region.span.end_ms()));
    assert_eq!(rest.samples, region.samples[from_ms as usize * 16..]);
    assert_eq!(rest.voiced, [Span::new(2000, 3520).expect("not empty")]);
    assert_eq!(region.rest(3400 - region.span.start_ms()), None, "a breath");
    assert_eq!(region.rest(region.span.duration_ms()), None);
}
