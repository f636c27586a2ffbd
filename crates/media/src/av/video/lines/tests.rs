use super::*;
use crate::av::fixtures::{probe, shown};
use smmu_core::av::{Av1Profile, AvProfile, Plan, plan};

/// Every command line for a recorded clip.
fn lines(name: &str, profile: &AvProfile) -> String {
    let probe = probe(name);
    let Plan::Video(plan) = plan(&probe, profile).expect("a plan") else { panic!("{name} is a video") };
    let stream = probe.video.as_ref().expect("a picture");
    let limits = AvLimits::default();
    let video = Video { plan: &plan, stream, limits: &limits, delay_us: 0 };
    let look = Window { start_ms: plan.poster.moments_ms[0], lasting_ms: plan.poster.window_ms };
    let start = Window { start_ms: plan.preview.start_ms, lasting_ms: plan.preview.duration_ms };
    [
        shown("poster", &video.poster_line(look, false)),
        shown("poster, whatever there is", &video.poster_line(video.whole(), true)),
        shown("preview", &video.preview_line(start)),
        shown("ladder, sound and storyboard", &video.main_line()),
        shown("download", &video.download_line(plan.audio.is_some())),
    ]
    .join("\n")
}

#[test]
fn each_kind_of_video_gets_only_the_filters_that_it_needs() {
    for name in [
        "portrait",
        "hdr-smpte2084",
        "hdr-arib-std-b67",
        "interlaced-h264",
        "interlaced-mpeg",
        "anamorphic",
        "two-sounds",
        "variable-frame-rate",
        "no-sound",
        "odd-size",
    ] {
        insta::assert_snapshot!(name, lines(name, &AvProfile::default()));
    }
}

#[test]
fn av1_and_h264_rungs_are_made_from_one_decode() {
    let profile = AvProfile { av1: Some(Av1Profile::default()), ..AvProfile::default() };
    insta::assert_snapshot!("av1", lines("no-sound", &profile));
}
