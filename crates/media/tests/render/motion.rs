//! Pictures with a video behind them.

use crate::{
    Rendered, render,
    support::{self, heif::*},
};

fn boxed_video() -> Vec<u8> {
    [boxed(b"ftyp", &[b"mp42\0\0\0\0"]), boxed(b"mdat", &[&[9; 500]]), boxed(b"moov", &[&[1; 60]])].concat()
}

/// What the manifest says of the video.
fn embedded(rendered: &Rendered) -> Option<u64> {
    assert_eq!(rendered.manifest.warnings, []);
    let manifest = serde_json::to_value(&rendered.manifest).expect("JSON");
    let told = manifest["image"]["embeddedVideoBytes"].as_u64();
    assert_eq!(told, rendered.facts().embedded_video_bytes);
    told
}

#[test]
fn a_jpeg_with_a_video_behind_it_is_a_picture_and_the_video_is_told_of() {
    let (jpeg, video) = (support::jpeg(120, 80, &support::photo(120, 80), false), boxed_video());
    let xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><rdf:Description GCamera:MotionPhoto='1'/></x:xmpmeta>";
    let google = [support::with_segment(&jpeg, 0xe1, xmp), video.clone()].concat();
    let samsung =
        [&jpeg[..], b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data", &video, b"SEFH\x6b\0\0\0\0\0\0\0SEFT"].concat();
    for (name, content) in [("Google", google), ("Samsung", samsung)] {
        let rendered = render(&content);
        assert_eq!(embedded(&rendered), Some(video.len() as u64), "{name}");
        assert_eq!(rendered.picture("jpeg-120.jpg").dimensions(), (120, 80), "{name}");
    }
    assert_eq!(embedded(&render(&jpeg)), None);
}

#[test]
fn a_heic_with_a_video_in_it_is_a_picture_and_the_video_is_told_of() {
    let video = boxed_video();
    let file = Heif { behind: boxed(b"mpvd", &[&video]), ..Heif::default() };
    assert_eq!(embedded(&render(&file.written())), Some(video.len() as u64));
    assert_eq!(embedded(&render(&Heif::default().written())), None);
}
