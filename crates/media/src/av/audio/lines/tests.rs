use super::*;
use crate::av::fixtures::{probe, shown};
use smmu_core::av::{AvProfile, Plan, plan};

/// Every command line for a recorded clip.
fn lines(name: &str) -> String {
    let Plan::Audio(plan) = plan(&probe(name), &AvProfile::default()).expect("a plan") else {
        panic!("{name} is sound")
    };
    let limits = AvLimits::default();
    let sound = Sound { plan: &plan, limits: &limits, container: "mov" };
    let measured = [shown("measure", &sound.measure_line())];
    let cover = plan.cover_stream.map(|stream| shown("cover", &sound.cover_line(stream)));
    let encoded = [shown("encode", &sound.encode_line(-3.5))];
    measured.into_iter().chain(cover).chain(encoded).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_song_is_measured_and_encoded_and_its_cover_is_extracted() {
    insta::assert_snapshot!("song", lines("song"));
}

#[test]
fn mono_stays_mono_and_96_khz_is_resampled_to_a_rate_that_players_support() {
    insta::assert_snapshot!("mono-96k", lines("mono-96k"));
}

#[test]
fn an_mp4_with_only_audio_is_processed_as_audio() {
    insta::assert_snapshot!("sound-in-mp4", lines("sound-in-mp4"));
}
