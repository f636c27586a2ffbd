//! Colours and brightness survive, in every output and from every kind of source.

use crate::{Bench, H264, Made, ffmpeg};
use smmu_core::av::DynamicRange;

/// The colour of a picture of one colour in each kind of output.
fn shown(made: &Made, size: (u32, u32)) -> Vec<(&'static str, [u8; 3])> {
    let middle = |picture: image::RgbImage| picture.get_pixel(picture.width() / 4, picture.height() / 2).0;
    let still = |name| middle(image::open(made.path(name)).expect("a picture").into_rgb8());
    let mut colours: Vec<_> = ["poster.jpg", "storyboard.jpg", "preview.webp"].map(|name| (name, still(name))).to_vec();
    colours.push(("video.mp4", middle(ffmpeg::frame(&made.path("video.mp4"), 500, size.0, size.1))));
    colours
}

#[test]
fn a_colour_is_the_same_in_stills_and_in_films_whatever_the_sources_matrix() {
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

/// A grey clip of high dynamic range, and the luma (16 to 235) that is made of it in each rung and in the poster.
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
    made.assert_sound();
    (range, lumas)
}

#[test]
fn high_dynamic_range_is_mapped_and_faces_keep_their_brightness() {
    // Codes of BT.2100 for a grey card and for white paper (BT.2408, table 1), and where BT.709 has them.
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
