//! Events while a file is transcoded.

use crate::{Bench, H264, Made, moving, tone};
use smmu_core::{MediaKind, Role};
use smmu_media::av::Event;

fn percents(made: &Made) -> Vec<u8> {
    let percent = |event: &Event| match event {
        Event::Progress(percent) => Some(*percent),
        Event::Probed(..) | Event::Ready(_) => None,
    };
    made.events.iter().filter_map(percent).collect()
}

fn assert_growing_to_100(made: &Made) {
    let percents = percents(made);
    assert!(percents.windows(2).all(|pair| pair[0] < pair[1]), "{percents:?}");
    assert_eq!((percents.first(), percents.last()), (Some(&0), Some(&100)));
    assert_eq!(made.events.last(), Some(&Event::Progress(100)));
    assert!(percents.len() > 4, "{percents:?}");
}

fn ready_name(event: &Event) -> Option<&str> {
    match event {
        Event::Ready(artifact) => Some(&artifact.name),
        Event::Probed(..) | Event::Progress(_) => None,
    }
}

fn ready(made: &Made) -> Vec<&str> {
    made.events.iter().filter_map(ready_name).collect()
}

#[test]
fn a_videos_poster_and_preview_are_ready_long_before_its_ladder() {
    let clip = format!("{} {} {H264} -c:a aac", moving("320x240", "30", 4), tone(440, 4.0));
    let made = Bench::with_clip(&clip, "mp4").transcode();
    assert_growing_to_100(&made);
    assert_eq!(ready(&made), made.names(), "in the manifest's order");
    assert_eq!(ready(&made)[..2], ["poster.jpg", "preview.webp"]);
    let at = |wanted: &dyn Fn(&Event) -> bool| made.events.iter().position(wanted).expect("an event");
    let preview = at(&|event| matches!(event, Event::Ready(artifact) if artifact.role == Role::Preview));
    let segments = at(&|event| matches!(event, Event::Ready(artifact) if artifact.role == Role::Segments));
    let between = &made.events[preview..segments];
    assert!(between.iter().any(|event| matches!(event, Event::Progress(90..))), "{between:?}");
    let master = at(&|event| matches!(event, Event::Ready(artifact) if artifact.role == Role::MasterPlaylist));
    let last_media = made
        .events
        .iter()
        .rposition(|event| matches!(event, Event::Ready(artifact) if artifact.role == Role::MediaPlaylist));
    assert!(Some(master) > last_media, "a master playlist names only published files");
    let last = ready(&made).last().copied();
    assert_eq!(last, Some("video.mp4"), "the download is remuxed once everything can be played");
}

#[test]
fn the_rung_that_players_start_with_is_ready_before_the_others() {
    let clip = format!("{} {} {H264} -c:a aac", moving("640x480", "30", 4), tone(440, 4.0));
    let made = Bench::with_clip(&clip, "mp4").transcode();
    let master = std::fs::read_to_string(made.path("master.m3u8")).expect("a playlist");
    let begins = master.lines().find(|line| !line.starts_with('#')).expect("a rung");
    let ready = ready(&made);
    let playlists: Vec<&str> = ready.iter().copied().filter(|name| name.contains(".m3u8")).collect();
    assert_eq!(playlists[0], begins);
    assert_eq!(playlists[2], "audio.m3u8", "after the rung's keyframes: {playlists:?}");
    assert!(playlists.len() > 4, "there are other rungs: {playlists:?}");
}

#[test]
fn the_probe_is_reported_before_anything_is_made() {
    let made = Bench::with_clip(&format!("{} -c:a flac", tone(440, 2.0)), "flac").transcode();
    assert_growing_to_100(&made);
    let [Event::Progress(0), Event::Probed(kind, facts), ..] = &made.events[..] else { panic!("{:?}", made.events) };
    assert_eq!((*kind, facts.probe.duration_ms, facts.loudness), (MediaKind::Audio, 2000, None));
    assert!(made.manifest.av.as_ref().expect("facts").loudness.is_some(), "it is known at the end");
}
