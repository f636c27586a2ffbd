use super::*;
use crate::{av::FrameRate, image::Size};
use proptest::prelude::*;
use std::{fmt::Write as _, num::NonZeroU64};

/// Output of ffmpeg 5.1.
const RECORDED: &str = include_str!("../fixtures/segments.m3u8");

fn variant(edge: u32, peak: u64) -> Variant {
    Variant {
        playlist: format!("video-{edge}p.m3u8"),
        codecs: avc1(0x64, 0, 31),
        size: Size { width: edge * 16 / 9, height: edge },
        frame_rate: FrameRate::new(30_000, 1001).expect("positive"),
        peak_bit_rate: peak,
        average_bit_rate: peak / 2,
        keyframes: Keyframes {
            playlist: format!("video-{edge}p-keyframes.m3u8"),
            peak_bit_rate: peak / 8,
            average_bit_rate: peak / 10,
        },
    }
}

fn sound(language: Option<&str>) -> AudioRendition {
    AudioRendition {
        playlist: "audio.m3u8".to_owned(),
        codecs: "mp4a.40.2".to_owned(),
        channels: 2,
        language: language.map(str::to_owned),
        peak_bit_rate: 140_000,
        average_bit_rate: 128_000,
    }
}

/// Writes a playlist as ffmpeg would.
fn written(playlist: &MediaPlaylist) -> String {
    let MediaPlaylist { uri, target_duration_s, init, segments } = playlist;
    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{target_duration_s}\n");
    let ByteRange { offset, length } = init;
    writeln!(text, "#EXT-X-MAP:URI=\"{uri}\",BYTERANGE=\"{length}@{offset}\"")
        .expect("writing to a String cannot fail");
    for PlaylistSegment { duration_us, range: ByteRange { offset, length } } in segments {
        let (seconds, us) = (duration_us.get() / 1_000_000, duration_us.get() % 1_000_000);
        writeln!(text, "#EXTINF:{seconds}.{us:06},\n#EXT-X-BYTERANGE:{length}@{offset}\n{uri}")
            .expect("writing to a String cannot fail");
    }
    text + "#EXT-X-ENDLIST\n"
}

fn playlist(segments: &[(u64, u64)]) -> MediaPlaylist {
    let init = ByteRange { offset: 0, length: 1000 };
    let mut offset = init.length;
    let segments = segments.iter().map(|&(duration_us, length)| {
        let range = ByteRange { offset, length };
        offset += length;
        PlaylistSegment { duration_us: NonZeroU64::new(duration_us).expect("positive"), range }
    });
    MediaPlaylist { uri: "video-720p.mp4".to_owned(), target_duration_s: 6, init, segments: segments.collect() }
}

#[test]
fn the_playlist_of_a_recorded_rung_is_read() {
    insta::assert_debug_snapshot!(MediaPlaylist::read(RECORDED).expect("recorded"));
    let read = MediaPlaylist::read(RECORDED).expect("recorded");
    assert_eq!(read.duration_ms(), 15_015);
    let bytes = read.segments.iter().map(|segment| segment.range.length).sum::<u64>();
    assert_eq!(read.average_bit_rate(), (bytes * 8 * 1000).div_ceil(15_015));
}

#[test]
fn peak_rates_ignore_segments_much_shorter_than_the_target() {
    // The last segment has a high rate but lasts less than half a target.
    let peak = |segments: &[(u64, u64)]| playlist(segments).peak_bit_rate();
    assert_eq!(peak(&[(6_000_000, 600_000), (6_000_000, 900_000), (500_000, 500_000)]), 1_723_077);
    assert_eq!(peak(&[(6_000_000, 900_000), (6_000_000, 600_000), (2_000_000, 100_000)]), 1_200_000);
    assert_eq!(peak(&[(1_000_000, 100_000)]), 800_000, "shorter than half a target");
    assert_eq!(playlist(&[]).peak_bit_rate(), 0);
}

#[test]
fn a_malformed_playlist_is_refused() {
    assert!(MediaPlaylist::read(RECORDED).is_ok());
    for (from, to, words) in [
        ("#EXTM3U", "", "begin with"),
        ("#EXT-X-ENDLIST", "", "no end"),
        ("#EXT-X-TARGETDURATION:6", "", "lacks its target"),
        ("#EXT-X-TARGETDURATION:6", "#EXT-X-TARGETDURATION:six", "not a whole number"),
        (",BYTERANGE=\"", ",RANGE=\"", "header's range"),
        ("#EXTINF:6.006000,", "#EXTINF:-1,", "duration cannot"),
        ("#EXTINF:6.006000,", "#EXTINF:nan,", "duration cannot"),
        ("#EXTINF:6.006000,", "#EXTINF:0.0000001,", "duration cannot"),
        ("#EXTINF:3.003000,", "", "lacks its duration"),
        ("#EXT-X-BYTERANGE:", "#EXT-X-BYTERANGE:-", "range cannot"),
        ("#EXT-X-BYTERANGE:", "#EXT-X-BYTERANGE:18446744073709551615@1#", "range cannot"),
        ("video-90p.mp4\n#EXTINF:3", "other.mp4\n#EXTINF:3", "more than one file"),
        ("@1333", "@1332", "begins before"),
    ] {
        let changed = RECORDED.replace(from, to);
        assert_ne!(changed, RECORDED, "{from}");
        let error = MediaPlaylist::read(&changed).expect_err(from).to_string();
        assert!(error.contains(words), "{error}");
    }
    let (head, _) = RECORDED.split_once("#EXTINF").expect("segments");
    let error = MediaPlaylist::read(&format!("{head}#EXT-X-ENDLIST\n")).expect_err("no segments");
    assert!(error.to_string().contains("no segments"));
}

#[test]
fn a_master_playlist_lists_the_rungs_with_their_sound() {
    let variants = [variant(720, 3_000_000), variant(360, 900_000)];
    insta::assert_snapshot!(master_playlist(&variants, Some(&sound(Some("deu")))));
}

#[test]
fn a_master_playlist_starts_with_the_largest_rung_for_a_slow_connection() {
    fn first(variants: &[Variant], audio: Option<&AudioRendition>) -> Option<String> {
        let text = master_playlist(variants, audio);
        text.lines().find(|line| !line.starts_with('#')).map(str::to_owned)
    }
    let light = [variant(1080, 3_000_000), variant(720, 1_000_000), variant(480, 700_000), variant(360, 500_000)];
    assert_eq!(
        first(&light, None).as_deref(),
        Some("video-720p.m3u8"),
        "the average counts, which is half of the peak"
    );
    assert_eq!(first(&light, Some(&sound(None))).as_deref(), Some("video-480p.m3u8"), "the audio counts too");
    let heavy = [variant(1080, 9_000_000), variant(720, 4_000_000)];
    assert_eq!(first(&heavy, None).as_deref(), Some("video-720p.m3u8"), "no rung is light enough");
    let mut av1 = variant(360, 200_000);
    av1.codecs = av01(0, 1, false, 8);
    let two_codecs = [variant(360, 500_000), av1];
    assert_eq!(first(&two_codecs, None).as_deref(), Some("video-360p.m3u8"), "not every player has AV1");
    assert_eq!(first(&[], None), None);
}

#[test]
fn a_master_playlist_without_audio_lists_none() {
    insta::assert_snapshot!(master_playlist(&[variant(720, 3_000_000)], None));
}

#[test]
fn a_language_cannot_leave_its_quotes() {
    let text = master_playlist(&[], Some(&sound(Some("x\",URI=\"https://elsewhere"))));
    assert!(text.contains("NAME=\"audio\"") && !text.contains("elsewhere"), "{text}");
}

fn captions() -> SubtitleRendition {
    SubtitleRendition { playlist: "captions.m3u8".to_owned(), name: "German".to_owned(), language: "de".to_owned() }
}

#[test]
fn captions_are_listed_after_the_audio_and_used_by_every_rung() {
    let master = master_playlist(&[variant(720, 3_000_000), variant(360, 900_000)], Some(&sound(Some("deu"))));
    insta::assert_snapshot!(master_with_subtitles(&master, &captions()));
}

#[test]
fn captions_last_as_long_as_the_media() {
    insta::assert_snapshot!(subtitle_playlist("captions.vtt", 143_250));
    assert!(subtitle_playlist("captions.vtt", 0).contains("#EXT-X-TARGETDURATION:1\n"));
    assert!(subtitle_playlist("captions.vtt", 6000).contains("#EXT-X-TARGETDURATION:6\n"));
}

#[test]
fn new_captions_replace_the_old_ones() {
    let master = master_playlist(&[variant(720, 3_000_000)], None);
    let old = master_with_subtitles(&master, &captions());
    let new = SubtitleRendition { name: "English".to_owned(), language: "en".to_owned(), ..captions() };
    assert_eq!(master_with_subtitles(&old, &new), master_with_subtitles(&master, &new));
}

#[test]
fn a_name_cannot_leave_its_quotes() {
    let named = SubtitleRendition { name: "x\",URI=\"https://elsewhere\"\n#EXTM3U".to_owned(), ..captions() };
    let text = master_with_subtitles(&master_playlist(&[variant(720, 3_000_000)], None), &named);
    assert!(text.contains("NAME=\"x,URI=https://elsewhere#EXTM3U\""), "{text}");
}

#[test]
fn codecs_are_written_as_in_rfc_6381() {
    assert_eq!(avc1(0x64, 0x00, 40), "avc1.640028");
    assert_eq!(avc1(0x42, 0xc0, 30), "avc1.42C01E");
    assert_eq!(av01(0, 8, false, 8), "av01.0.08M.08");
    assert_eq!(av01(1, 13, true, 10), "av01.1.13H.10");
}

#[test]
fn every_known_name_gets_its_address() {
    let text = master_playlist(&[variant(720, 3_000_000), variant(360, 900_000)], Some(&sound(None)));
    let signed = |name: &str| (name != "video-360p.m3u8").then(|| format!("https://api/{name}?token=a=b,c"));
    insta::assert_snapshot!(with_addresses(&text, &signed));
    insta::assert_snapshot!(with_addresses(RECORDED, &signed));
}

#[test]
fn only_addresses_are_replaced() {
    let known = |_: &str| Some("new".to_owned());
    for (before, after) in [
        ("# video.mp4\n", "# video.mp4\n"),
        ("\n\r\n", "\n\r\n"),
        ("a.mp4\r\nb.mp4", "new\r\nnew"),
        ("#EXT-X-KEY:METHOD=NONE\n", "#EXT-X-KEY:METHOD=NONE\n"),
        ("#EXT-X-MAP:BYTERANGE=\"1@0\",URI=\"a\"\n", "#EXT-X-MAP:BYTERANGE=\"1@0\",URI=\"new\"\n"),
        ("#EXT-X-MEDIA:NAME=\",URI=\",URI=\"a\"\n", "#EXT-X-MEDIA:NAME=\",URI=\",URI=\"new\"\n"),
        ("#EXT-X-MEDIA:X-URI=\"a\"\n", "#EXT-X-MEDIA:X-URI=\"a\"\n"),
        ("#EXT-X-MAP:URI=\"a\n", "#EXT-X-MAP:URI=\"a\n"),
        ("#EXT-X-MAP:URI=\"\"é=\"\n", "#EXT-X-MAP:URI=\"new\"é=\"\n"),
        ("#EXTINF:6,URI=\"a\"\n", "#EXTINF:6,URI=\"a\"\n"),
    ] {
        assert_eq!(with_addresses(before, &known), after);
    }
}

proptest! {
    #[test]
    fn a_playlist_round_trips(segments in prop::collection::vec((1u64..=20_000_000, 0u64..=1 << 40), 1..50)) {
        let playlist = playlist(&segments);
        prop_assert_eq!(MediaPlaylist::read(&written(&playlist)), Ok(playlist.clone()));
        let highest = playlist.segments.iter().map(|segment| {
            (u128::from(segment.range.length) * 8_000_000).div_ceil(u128::from(segment.duration_us.get()))
        }).max().expect("at least one");
        prop_assert!(u128::from(playlist.peak_bit_rate()) <= highest);
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), tail in "[-#:,=\"@a-zA-Z0-9.\n]{0,80}") {
        let _ = MediaPlaylist::read(&format!("#EXTM3U\n{text}{tail}"));
        prop_assert_eq!(with_addresses(&text, &|_| None), text.as_str());
        let tag = format!("#EXT-X-MAP:{tail}");
        prop_assert_eq!(with_addresses(&tag, &|name| Some(name.to_owned())), tag.as_str());
    }

    #[test]
    fn captions_change_nothing_but_their_own_attributes(
        edges in prop::collection::btree_set(1u32..2000, 0..6), has_sound in any::<bool>(), name in any::<String>(),
    ) {
        let variants: Vec<Variant> = edges.iter().map(|&edge| variant(edge, 900_000)).collect();
        let sound = sound(Some("deu"));
        let master = master_playlist(&variants, has_sound.then_some(&sound));
        let subtitles = SubtitleRendition { name, ..captions() };
        let text = master_with_subtitles(&master, &subtitles);
        prop_assert_eq!(&master_with_subtitles(&text, &subtitles), &text, "once is enough");
        let (media, others): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.contains("TYPE=SUBTITLES"));
        prop_assert_eq!(media.len(), usize::from(!variants.is_empty()));
        let before: Vec<String> = others.iter().map(|line| line.replace(",SUBTITLES=\"subs\"", "")).collect();
        prop_assert_eq!(before, master.lines().collect::<Vec<_>>());
        prop_assert_eq!(text.matches(",SUBTITLES=\"subs\"\n").count(), variants.len());
        let known = |name: &str| (name == "captions.m3u8").then(|| "signed".to_owned());
        prop_assert_eq!(with_addresses(&text, &known).contains("URI=\"signed\""), !variants.is_empty());
    }
}
