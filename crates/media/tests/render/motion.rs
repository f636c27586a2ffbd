//! Pictures with an embedded video.

use crate::{
    Rendered, render,
    support::{self, heif::*},
};

/// A video of one second, made by ffmpeg.
fn boxed_video() -> Vec<u8> {
    include_bytes!("../../../core/fixtures/av/moov-first.mp4").to_vec()
}

/// Size of the embedded video according to the manifest.
fn embedded(rendered: &Rendered) -> Option<u64> {
    assert_eq!(rendered.manifest.warnings, []);
    let manifest = serde_json::to_value(&rendered.manifest).expect("JSON");
    let stated = manifest["image"]["embeddedVideoBytes"].as_u64();
    assert_eq!(stated, rendered.facts().embedded_video_bytes);
    stated
}

#[test]
fn a_jpeg_with_an_appended_video_is_rendered_as_a_picture_and_the_video_is_reported() {
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
fn a_heic_with_an_embedded_video_is_rendered_as_a_picture_and_the_video_is_reported() {
    let video = boxed_video();
    let file = Heif { after: boxed(b"mpvd", &[&video]), ..Heif::default() };
    assert_eq!(embedded(&render(&file.written())), Some(video.len() as u64));
    assert_eq!(embedded(&render(&Heif::default().written())), None);
}
