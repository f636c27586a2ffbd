//! Limits, cancellation and killed children end a transcoding early and leave nothing unfinished.

use crate::{Bench, H264, moving, profile, tone};
use smmu_core::{ErrorCode, av::AvLimits};
use smmu_media::{
    MediaError, Transient,
    av::{Event, transcode},
};
use std::{
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// A clip whose ladder takes some seconds to encode with [`slow_profile`].
fn slow_clip() -> Bench {
    let clip = format!("{} {} {H264} -c:a aac", moving("640x480", "60", 8), tone(440, 8.0));
    Bench::with_clip(&clip, "mp4")
}

fn slow_profile() -> smmu_core::av::AvProfile {
    let mut profile = profile();
    profile.h264.preset = smmu_core::av::H264Preset::Slower;
    profile
}

/// Ids of the processes whose working directory is in this folder.
fn working_in(folder: &Path) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("Linux");
    processes
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let id =
                entry.file_name().into_string().ok().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))?;
            fs::read_link(entry.path().join("cwd")).ok().filter(|cwd| cwd.starts_with(folder)).map(|_| id)
        })
        .collect()
}

#[test]
fn a_cancelled_transcoding_leaves_no_child_and_no_manifest() {
    let bench = slow_clip();
    let cancelled = AtomicBool::new(false);
    let (result, after) = thread::scope(|scope| {
        let (bench, cancelled) = (&bench, &cancelled);
        let work = scope.spawn(move || {
            let profile = slow_profile();
            let result =
                transcode(&bench.input(), &profile, &AvLimits::default(), &bench.out(), &mut |_| (), cancelled);
            (result, Instant::now())
        });
        // In the middle of the ladder.
        while !bench.out().join("preview.webp").exists() {
            thread::sleep(Duration::from_millis(5));
        }
        thread::sleep(Duration::from_millis(300));
        assert_eq!(working_in(&bench.out()).len(), 1);
        let asked = Instant::now();
        cancelled.store(true, Ordering::Relaxed);
        let (result, at) = work.join().expect("no panic");
        (result, at - asked)
    });
    assert!(matches!(result, Err(MediaError::Transient(Transient::Cancelled))), "{result:?}");
    assert!(after < Duration::from_secs(1), "{after:?}");
    assert_eq!(working_in(&bench.out()), [""; 0]);
    assert_eq!(bench.left(), ["poster.jpg", "preview.webp"]);
}

#[test]
fn a_killed_child_is_a_transient_error() {
    let bench = slow_clip();
    let (limits, cancelled, over) = (AvLimits::default(), AtomicBool::new(false), AtomicBool::new(false));
    let mut killed = false;
    let result = thread::scope(|scope| {
        let (bench, over) = (&bench, &over);
        let killer = scope.spawn(move || {
            while !bench.out().join("preview.webp").exists() && !over.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(5));
            }
            thread::sleep(Duration::from_millis(300));
            // SIGKILL, as the kernel sends when memory runs out.
            let children = working_in(&bench.out());
            children
                .iter()
                .all(|id| Command::new("kill").args(["-KILL", id]).status().is_ok_and(|status| status.success()))
        });
        let result = transcode(&bench.input(), &slow_profile(), &limits, &bench.out(), &mut |_| (), &cancelled);
        over.store(true, Ordering::Relaxed);
        killed = killer.join().expect("no panic");
        result
    });
    assert!(killed);
    assert!(matches!(result, Err(MediaError::Transient(Transient::Killed { signal: 9, .. }))), "{result:?}");
    assert_eq!(bench.left(), ["poster.jpg", "preview.webp"]);
}

#[test]
fn a_program_that_exceeds_its_time_is_killed() {
    let limits = AvLimits { max_wall_time: Duration::from_millis(40), ..AvLimits::default() };
    let clip = format!("{} {H264}", moving("160x120", "25", 1));
    let transient = Bench::with_clip(&clip, "mp4").transient_within(&limits);
    assert!(matches!(transient, Transient::TimedOut { .. }), "{transient}");
}

#[test]
fn each_limit_refuses_with_its_code_before_anything_is_made() {
    let clip = || Bench::with_clip(&format!("{} {H264}", moving("160x120", "25", 1)), "mp4");
    let limits = AvLimits::default();
    for (limits, code) in [
        (AvLimits { max_bytes: 1000, ..limits }, ErrorCode::TooManyBytes),
        (AvLimits { max_video_ms: 900, ..limits }, ErrorCode::TooLong),
        (AvLimits { max_pixels: 160 * 119, ..limits }, ErrorCode::TooManyPixels),
        (AvLimits { max_edge: 159, ..limits }, ErrorCode::TooManyPixels),
        (AvLimits { max_frame_rate: 24, ..limits }, ErrorCode::FrameRateTooHigh),
        (AvLimits { max_streams: 0, ..limits }, ErrorCode::TooManyStreams),
        (AvLimits { max_bit_rate: 1000, ..limits }, ErrorCode::BitRateTooHigh),
        (AvLimits { max_output_bytes: 1_000_000, ..limits }, ErrorCode::OutputTooLarge),
    ] {
        let refusal = clip().refused_within(&limits);
        assert_eq!(refusal.code, code, "{refusal}");
    }
}

#[test]
fn a_file_is_not_called_damaged_if_ffmpeg_runs_out_of_memory() {
    let clip = fs::read(slow_clip().input()).expect("a clip");
    for megabytes in [300, 350, 400, 450] {
        let limits = AvLimits { max_child_memory_bytes: megabytes << 20, ..AvLimits::default() };
        match Bench::with_bytes(&clip).transcode_with(&profile(), &limits) {
            // The memory that a program needs to start depends on the machine.
            Ok(_) | Err((_, MediaError::Transient(Transient::Start(_)))) => {}
            Err((bench, MediaError::Refused(refusal))) => {
                assert_eq!(refusal.code, ErrorCode::TooMuchMemory, "{megabytes} MiB: {refusal}");
                bench.assert_nothing_half_made();
            }
            Err((_, MediaError::Transient(transient))) => panic!("{megabytes} MiB: {transient}"),
        }
    }
}

#[test]
fn too_little_memory_to_start_a_program_is_a_transient_error() {
    let limits = AvLimits { max_child_memory_bytes: 8 << 20, ..AvLimits::default() };
    let transient = Bench::with_clip(&tone(440, 1.0), "wav").transient_within(&limits);
    assert!(matches!(transient, Transient::Start(_)), "{transient}");
}

#[test]
fn events_arrive_while_the_work_goes_on() {
    let bench = Bench::with_clip(&format!("{} {H264}", moving("160x120", "25", 1)), "mp4");
    let mut posters = 0;
    let mut watch = |event: Event| {
        if let Event::Ready(artifact) = event {
            posters += u32::from(artifact.name == "poster.jpg" && bench.out().join(&artifact.name).exists());
            assert!(!bench.out().join("manifest.json").exists(), "the manifest is last");
        }
    };
    let cancelled = AtomicBool::new(false);
    transcode(&bench.input(), &profile(), &AvLimits::default(), &bench.out(), &mut watch, &cancelled).expect("made");
    assert_eq!(posters, 1);
    assert!(bench.out().join("manifest.json").exists());
}
