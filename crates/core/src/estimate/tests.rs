use super::*;
use proptest::prelude::*;

pub(super) fn deployment() -> Deployment {
    let machine = |cpu_units, memory_mib, disk_gib| Machine::Fargate { cpu_units, memory_mib, disk_gib };
    Deployment {
        prices: PriceTable::default(),
        routing: Routing { render_image_max_bytes: 32 << 20, transcription: true, functions: None },
        function: Machine::Lambda { memory_mb: 1769 },
        transcode: machine(2048, 4096, 60),
        transcode_large: machine(4096, 8192, 60),
        transcribe: machine(2048, 4096, 21),
        container_start_ms: 60_000,
    }
}

fn estimate(media_type: &str, bytes: u64, profile: &str) -> Estimate {
    deployment().estimate_upload(media_type, bytes, &profile.parse().unwrap()).unwrap()
}

const MIB: u64 = 1 << 20;

#[test]
fn typical_uploads_are_estimated() {
    let of = |media_type, bytes| estimate(media_type, bytes, "{}");
    insta::assert_json_snapshot!([
        ("a photo of 4 MiB", of("image/jpeg", 4 * MIB)),
        ("a video of 60 MiB", of("video/mp4", 60 * MIB)),
        ("a song of 5 MiB", of("audio/mpeg", 5 * MIB)),
    ]);
}

#[test]
fn an_upload_of_unknown_kind_has_no_estimate() {
    assert_eq!(deployment().estimate_upload("application/octet-stream", 7, &Profile::default()), None);
}

#[test]
fn a_slower_preset_or_av1_costs_more_and_no_transcription_costs_less() {
    let expected = |profile| estimate("video/mp4", 600 * MIB, profile).micro_dollars.expected;
    assert!(expected(r#"{"av": {"h264": {"preset": "slower"}}}"#) > expected("{}"));
    assert!(expected(r#"{"av": {"av1": {}}}"#) > expected("{}"));
    let silent = Deployment { routing: Routing { transcription: false, ..deployment().routing }, ..deployment() };
    let silent = silent.estimate_upload("video/mp4", 600 * MIB, &Profile::default()).unwrap();
    assert!(silent.micro_dollars.expected < expected("{}"));
}

#[test]
fn a_container_adds_its_start_time_and_a_function_does_not() {
    let at_once = Deployment { container_start_ms: 0, ..deployment() };
    let of = |deployment: &Deployment, media_type| {
        deployment.estimate_upload(media_type, MIB, &Profile::default()).unwrap().seconds.expected
    };
    assert_eq!(of(&deployment(), "video/mp4"), of(&at_once, "video/mp4") + 60);
    assert_eq!(of(&deployment(), "image/jpeg"), of(&at_once, "image/jpeg"));
}

#[test]
fn a_measured_media_has_a_closer_estimate_than_an_upload_of_its_size() {
    let probe = crate::av::fixtures::probe("no-sound");
    let facts = MediaFacts {
        kind: MediaKind::Video,
        image: None,
        av: Some(av::AvFacts { probe: Probe { duration_ms: 600_000, ..probe }, loudness: None }),
    };
    let again = deployment().estimate_rerun(&facts, 75 * MIB, &Profile::default(), None).unwrap();
    let blind = estimate("video/mp4", 75 * MIB, "{}");
    let width = |range: Range<u64>| range.high / range.low;
    assert!(width(again.seconds) < width(blind.seconds), "{again:?} {blind:?}");
    let text = deployment().estimate_rerun(&facts, 75 * MIB, &Profile::default(), Some(Pipeline::Transcribe)).unwrap();
    assert!(text.micro_dollars.expected < again.micro_dollars.expected, "one step costs less than all");
}

proptest! {
    #[test]
    fn a_range_contains_its_expected_figure_and_more_bytes_never_cost_less(
        media_type in prop::sample::select(vec![
            "image/jpeg", "image/png", "image/heic", "video/mp4", "video/webm", "audio/mpeg", "audio/wav",
        ]),
        one in 1..=(6u64 << 30),
        other in 1..=(6u64 << 30),
    ) {
        // The larger worker takes over at some size; there more work takes less time.
        let same = Deployment { transcode_large: deployment().transcode, ..deployment() };
        let of = |bytes| same.estimate_upload(media_type, bytes, &Profile::default()).unwrap();
        let (small, large) = (of(one.min(other)), of(one.max(other)));
        for estimate in [&small, &large] {
            let (time, cost) = (estimate.seconds, estimate.micro_dollars);
            prop_assert!(0 < time.low && time.low <= time.expected && time.expected <= time.high, "{estimate:?}");
            prop_assert!(MicroDollars(0) < cost.low && cost.low <= cost.expected && cost.expected <= cost.high);
        }
        prop_assert!(small.micro_dollars.expected <= large.micro_dollars.expected);
        prop_assert!(small.seconds.expected <= large.seconds.expected);
        prop_assert!(small.seconds.high <= large.seconds.high && small.micro_dollars.low <= large.micro_dollars.low);
    }
}
