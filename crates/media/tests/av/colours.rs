//! Colours and brightness are preserved in every output, for every kind of source.

use crate::{Bench, H264, Made, ffmpeg};
use smmu_core::av::DynamicRange;

/// The colour of a single-coloured picture in each kind of output.
fn shown(made: &Made, size: (u32, u32)) -> Vec<(&'static str, [u8; 3])> {
    let middle = |picture: image::RgbImage| picture.get_pixel(picture.width() / 4, picture.height() / 2).0;
    let still = |name| middle(image::open(made.path(name)).expect("a picture").into_rgb8());
    let mut colours: Vec<_> = ["poster.jpg", "storyboard.jpg", "preview.webp"].map(|name| (name, still(name))).to_vec();
    colours.push(("video.mp4", middle(ffmpeg::frame(&made.path("video.mp4"), 500, size.0, size.1))));
    colours
}

#[test]
fn a_colour_is_the_same_in_stills_and_video_for_every_source_matrix() {
    for (matrix, size) in [("bt709", (320, 240)), ("smpte170m", (320, 240)), ("bt470bg", (320, 180))] {
        let wanted = [30_u8, 170, 60];
        let clip = format!(
            "-f lavfi -i color=0x1eaa3c:size={}x{}:rate=25:duration=1,format=gbrp,scale=out_color_matrix={}:out_range=tv,\
             format=yuv420p {H264} -qp 4 -colorspace {matrix} -color_range tv",
            size.0,
            size.1,
            if matrix == "bt709" { "bt709" } else { "bt601" }
        );
        let made = Bench::with_clip(&clip, "mp4").transcode();
        for (name, colour) in shown(&made, size) {
            let off = colour.iter().zip(wanted).map(|(&is, wanted)| is.abs_diff(wanted)).max();
            assert!(off <= Some(8), "{name} of {matrix} is {colour:?}");
        }
    }
}

/// Transcodes a grey HDR clip; returns its detected range and its luma (16 to 235) in each MP4 output.
fn grey(transfer: &str, code: u32) -> (DynamicRange, Vec<u8>) {
    let clip = format!(
        "-f lavfi -i color=black:size=160x120:rate=25:duration=1,format=yuv420p10le,geq=lum={code}:cb=512:cr=512 \
         -c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1 -color_primaries bt2020 \
         -color_trc {transfer} -colorspace bt2020nc -color_range tv"
    );
    let made = Bench::with_clip(&clip, "mp4").transcode();
    let range =
        made.manifest.av.as_ref().and_then(|facts| facts.probe.video.as_ref()).expect("a picture").dynamic_range;
    let mut lumas = Vec::new();
    for path in made.ending(".mp4") {
        let words = "-show_entries stream=pix_fmt,color_space,color_transfer,color_primaries,color_range";
        let stream = ffmpeg::probe(words, &path)["streams"][0].clone();
        for (field, value) in [
            ("pix_fmt", "yuv420p"),
            ("color_space", "bt709"),
            ("color_transfer", "bt709"),
            ("color_primaries", "bt709"),
            ("color_range", "tv"),
        ] {
            assert_eq!(stream[field], value, "{field} of {}", path.display());
        }
        lumas.push(ffmpeg::brightness(&path)[0]);
    }
    made.assert_valid();
    (range, lumas)
}

#[test]
fn high_dynamic_range_is_tone_mapped_and_faces_keep_their_brightness() {
    // BT.2100 codes of a grey card and of white paper (BT.2408, table 1); the ranges below are those of BT.709.
    for (transfer, range, card, paper) in
        [("smpte2084", DynamicRange::Pq, 397, 573), ("arib-std-b67", DynamicRange::Hlg, 397, 721)]
    {
        let (found, card) = grey(transfer, card);
        assert_eq!(found, range);
        assert!(card.iter().all(|luma| (80..=125).contains(luma)), "a grey card in {transfer} becomes {card:?}");
        let (_, paper) = grey(transfer, paper);
        assert!(paper.iter().all(|luma| (165..=235).contains(luma)), "white paper in {transfer} becomes {paper:?}");
    }
}

/// A clip in HLG as iPhones write it, with a Dolby Vision record (Dolby Vision Streams within the ISO Base Media File
/// Format, 3) of this profile and this base layer compatibility.
fn dolby_vision(profile: u16, compatibility: u8) -> Bench {
    let bench = Bench::with_clip(
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1,format=yuv420p10le -c:v libx265 -preset ultrafast \
         -x265-params log-level=none -tag:v hvc1 -color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc",
        "mp4",
    );
    // Level 6, with metadata and a base layer.
    let flags = (profile << 9 | 6 << 3 | 0b101).to_be_bytes();
    let name = if profile > 7 { b"dvvC" } else { b"dvcC" };
    let record = [&32_u32.to_be_bytes()[..], name, &[1, 0], &flags, &[compatibility << 4], &[0; 19]].concat();
    let mut file = std::fs::read(bench.input()).expect("a clip");
    let (mut from, mut until, mut boxes) = (0, file.len(), Vec::new());
    for kind in [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1"] {
        let length = |at: usize| u32::from_be_bytes(*file[at..].first_chunk().expect("a length")) as usize;
        while &file[from + 4..from + 8] != kind {
            from += length(from);
            assert!(from < until, "there is a box {kind:?}");
        }
        boxes.push(from);
        until = from + length(from);
        from += if kind == b"stsd" { 16 } else { 8 };
    }
    for at in boxes {
        let grown = u32::from_be_bytes(*file[at..].first_chunk().expect("a length")) + 32;
        file[at..at + 4].copy_from_slice(&grown.to_be_bytes());
    }
    file.splice(until..until, record);
    std::fs::write(bench.input(), file).expect("written");
    bench
}

#[test]
fn dolby_vision_uses_its_base_layer_and_is_refused_without_a_usable_one() {
    let bench = dolby_vision(8, 4);
    let words = "-show_entries stream_side_data=dv_profile,dv_bl_signal_compatibility_id";
    let found = ffmpeg::probe(words, &bench.input())["streams"][0]["side_data_list"][0].clone();
    assert_eq!((&found["dv_profile"], &found["dv_bl_signal_compatibility_id"]), (&8.into(), &4.into()));
    let made = bench.transcode();
    let facts = made.manifest.av.as_ref().and_then(|facts| facts.probe.video.as_ref()).expect("a picture");
    assert_eq!(facts.dynamic_range, DynamicRange::Hlg);
    made.assert_valid();
    let refusal = dolby_vision(5, 0).refused();
    assert!(refusal.message.contains("Dolby Vision profile 5"), "{refusal}");
}
