use super::*;

/// A survey of packets of 40 ms at these times, each with its stream.
fn survey(clock: Clock, times_s: impl IntoIterator<Item = (u32, f64)>) -> Survey {
    let mut survey = Survey::new(clock);
    for (stream, time) in times_s {
        survey.add(Packet { stream, shown_s: Some(time), decoded_s: Some(time), lasting_s: Some(0.04) });
    }
    survey
}

fn span(times_s: &[f64]) -> (u64, bool) {
    let survey = survey(Clock::Times, times_s.iter().map(|&time| (0, time)));
    (survey.ms(), survey.is_interrupted())
}

#[test]
fn packets_without_decoding_times_do_not_go_back() {
    let mut survey = Survey::new(Clock::Times);
    // As ffprobe reports one frame every four seconds with B-frames.
    for (shown, decoded_s) in [(0.0, None), (4.0, None), (20.0, None), (12.0, Some(4.0)), (8.0, Some(8.0))] {
        survey.add(Packet { stream: 0, shown_s: Some(shown), decoded_s, lasting_s: Some(4.0) });
    }
    assert_eq!((survey.went_back_ms(), survey.ms()), (None, 24_000));
}

#[test]
fn a_first_slide_as_long_as_a_pause_is_counted() {
    let mut survey = Survey::new(Clock::Times);
    for shown in [0.0, 700.0] {
        survey.add(Packet { stream: 0, shown_s: Some(shown), decoded_s: Some(shown), lasting_s: Some(700.0) });
    }
    assert_eq!((survey.ms(), survey.is_interrupted()), (10_000, true));
}

#[test]
fn times_count_from_the_first_packet_to_the_last_before_a_gap() {
    assert_eq!(span(&[]), (0, false));
    assert_eq!(span(&[3600.0, 3600.08, 3600.04]), (120, false));
    assert_eq!(span(&[0.0, 0.04, 14_000.0, 14_000.04]), (80, true));
    assert_eq!(span(&[0.0, 300.0, f64::NAN]), (300_040, false));
}

#[test]
fn packets_after_a_pause_are_left_out_in_any_file_order() {
    // From its second packet on, the sound is two hours late; in the file it comes before pictures that are on
    // time.
    let packets = [(0, 0.0), (1, 0.0), (1, 7200.0), (0, 0.04), (0, 0.08), (0, 7200.0), (1, 7200.04)];
    let found = survey(Clock::Times, packets);
    assert_eq!((found.ms(), found.is_interrupted()), (120, true));
    assert_eq!((found.paused_ms(0), found.paused_ms(1), found.paused_ms(2)), (Some(120), Some(40), None));
    assert_eq!((found.stream_ms(0), found.stream_ms(1)), (Some(120), Some(40)));
    // While the picture goes on, only the sound pauses; ten minutes are still allowed.
    let both = (0..90).map(|frame| (0, f64::from(frame) * 10.0));
    let found = survey(Clock::Times, both.clone().chain([(1, 0.0), (1, 700.0)]));
    assert_eq!((found.is_interrupted(), found.paused_ms(0), found.paused_ms(1)), (false, None, Some(40)));
    let found = survey(Clock::Times, both.clone().chain([(1, 0.0), (1, 600.0)]));
    assert_eq!((found.paused_ms(1), found.stream_ms(1)), (None, Some(600_040)));
    let found = survey(Clock::Times, both.chain([(1, 700.0), (1, 700.04)]));
    assert_eq!((found.is_interrupted(), found.paused_ms(0), found.paused_ms(1)), (false, None, Some(0)));
}

#[test]
fn a_packet_that_spans_a_pause_lasts_as_long_as_the_one_before() {
    let mut survey = Survey::new(Clock::Times);
    for (shown, lasting) in [(0.0, 0.04), (0.04, 7200.0), (7200.04, 0.04)] {
        survey.add(Packet { stream: 0, shown_s: Some(shown), decoded_s: Some(shown), lasting_s: Some(lasting) });
    }
    assert_eq!((survey.ms(), survey.is_interrupted()), (80, true));
}

#[test]
fn repeated_times_are_not_counted_again() {
    for back in [5.0, 60.0, 7200.0] {
        let found = survey(Clock::Times, [(0, back), (0, back + 0.04), (0, 0.0), (0, 0.04), (0, back + 0.08)]);
        assert_eq!((found.ms(), found.went_back_ms()), (120, Some(80)), "{back}");
    }
    // Frames come in decoding order.
    assert_eq!(survey(Clock::Times, [(0, 0.0), (0, 0.12), (0, 0.04), (0, 0.08)]).went_back_ms(), None);
}

#[test]
fn only_packet_durations_count_for_single_streams() {
    let survey = survey(Clock::Lengths, [(0, 0.0), (0, 117_483.0), (0, 12.0)]);
    assert_eq!((survey.ms(), survey.stream_ms(0), survey.stream_ms(1)), (120, Some(120), None));
    assert_eq!((survey.packets(0), survey.packets(1)), (3, 0));
}

#[test]
fn a_packet_without_a_duration_lasts_until_the_next() {
    // ALAC and Opus in CAF.
    let mut survey = Survey::new(Clock::Lengths);
    for packet in 0..50 {
        survey.add(Packet { shown_s: Some(f64::from(packet) * 0.02), ..Packet::default() });
    }
    assert_eq!((survey.ms(), survey.stream_ms(0)), (1000, Some(1000)));
    survey.add(Packet { shown_s: Some(117_483.0), ..Packet::default() });
    assert_eq!(survey.ms(), 1000);
}

#[test]
fn restarted_times_continue() {
    let part = |from: u32| (from..from + 50).map(|frame| (0, f64::from(frame) * 0.04));
    // Two recordings of two seconds, joined; the second starts at 0, or at an hour.
    assert_eq!(survey(Clock::Restarting, part(0).chain(part(0))).ms(), 4000);
    assert_eq!(survey(Clock::Restarting, part(0).chain(part(90_000))).ms(), 4000);
    assert_eq!(survey(Clock::Restarting, part(90_000)).ms(), 2000);
    // A pause of five seconds is kept.
    assert_eq!(survey(Clock::Restarting, part(0).chain(part(175))).ms(), 9000);
}

#[test]
fn streams_that_restart_together_stay_in_sync() {
    let part = || (0..50).flat_map(|frame| [(0, f64::from(frame) * 0.04), (1, f64::from(frame) * 0.04)]);
    let survey = survey(Clock::Restarting, part().chain(part()));
    assert_eq!((survey.ms(), survey.stream_ms(0), survey.stream_ms(1)), (4000, Some(4000), Some(4000)));
}

#[test]
fn a_packet_duration_of_hours_is_capped() {
    let mut survey = Survey::new(Clock::Lengths);
    survey.add(Packet { lasting_s: Some(7200.0), ..Packet::default() });
    assert_eq!(survey.ms(), 10_000);
    assert!(!survey.lasts_no_time(0, 25.0) && !survey.lasts_no_time(1, 25.0));
    survey.add(Packet { lasting_s: Some(0.001), ..Packet::default() });
    assert!(survey.lasts_no_time(0, 25.0) && !survey.lasts_no_time(0, 1000.0));
}

/// What a header states of a silent video of this duration.
fn stated(rate: f64, file_lasting_s: f64) -> StatedPicture {
    StatedPicture { stream: 0, rate, file_lasting_s, silent: true }
}

/// A survey of pictures at these times, each with its duration.
fn pictures(stated: StatedPicture, packets: &[(f64, f64)]) -> Survey {
    let mut survey = Survey::new(Clock::Times).with_picture(Some(stated));
    for &(shown, lasting) in packets {
        survey.add(Packet { stream: 0, shown_s: Some(shown), decoded_s: Some(shown), lasting_s: Some(lasting) });
    }
    survey
}

#[test]
fn a_still_screen_lasts_as_long_as_packets_and_header_state() {
    let lasting = |stated, packets: &[(f64, f64)]| {
        let survey = pictures(stated, packets);
        (survey.ms(), survey.is_interrupted())
    };
    assert_eq!(lasting(stated(1.0, 900.0), &[(0.0, 900.0)]), (900_000, false));
    assert_eq!(lasting(stated(1.0, 900.0), &[(0.0, 1.0), (899.0, 1.0)]), (900_000, false));
    // The header disagrees, states nothing, or states hours.
    assert_eq!(lasting(stated(1.0, 60.0), &[(0.0, 1.0), (899.0, 1.0)]), (1000, true));
    assert_eq!(lasting(stated(1.0, 0.0), &[(0.0, 1.0), (899.0, 1.0)]), (1000, true));
    assert_eq!(lasting(stated(1.0, 60.0), &[(0.0, 300.0)]), (10_000, false));
    assert_eq!(lasting(stated(1.0, 7200.0), &[(0.0, 1.0), (7199.0, 1.0)]), (1000, true));
    // With sound, the picture is kept for ten minutes.
    let heard = |file_lasting_s| StatedPicture { silent: false, ..stated(1.0, file_lasting_s) };
    assert_eq!(lasting(heard(500.0), &[(0.0, 500.0)]), (500_000, false));
    assert_eq!(lasting(heard(900.0), &[(0.0, 1.0), (899.0, 1.0)]), (1000, true));
}

#[test]
fn a_rate_is_uneven_if_many_frames_do_not_keep_to_it() {
    let is_uneven = |rate: f64, times_ms: &[u32]| {
        let packets: Vec<_> = times_ms.iter().map(|ms| (f64::from(*ms) / 1000.0, 0.033)).collect();
        pictures(stated(rate, 60.0), &packets).is_uneven(0)
    };
    let constant: Vec<u32> = (0..300).map(|frame| frame * 1000 / 30).collect();
    assert!(!is_uneven(30.0, &constant), "a millisecond clock rounds");
    let dropped: Vec<u32> = constant.iter().copied().filter(|ms| *ms != 4000 && *ms != 7000).collect();
    assert!(!is_uneven(30.0, &dropped), "two frames are missing");
    let held: Vec<u32> = constant.iter().copied().filter(|ms| *ms < 5000 || *ms > 9000).collect();
    assert!(!is_uneven(30.0, &held), "a pause of four seconds");
    assert!(is_uneven(18.0, &held), "the average with the pause");
    assert!(!is_uneven(30.0, &[]) && !is_uneven(30.0, &[0]));
}
