//! A picture with alpha is drawn on a background; colours under transparent parts stay hidden.

use crate::{Bench, Made, ffmpeg, profile};
use image::RgbImage;
use smmu_core::image::Colour;

/// The left half is green; the right half is transparent, with red under it. Twice as wide as high.
const HALF: &str = "-f lavfi -i color=red:size=320x160:rate=25:duration=1,format=rgba,\
                    geq=r=if(lt(X\\,160)\\,0\\,255):g=if(lt(X\\,160)\\,170\\,0):b=0:a=if(lt(X\\,160)\\,255\\,0)";

/// The colours in the middle of the left and of the right half.
fn halves(picture: &RgbImage) -> [[u8; 3]; 2] {
    let (width, height) = picture.dimensions();
    [width / 4, width * 3 / 4].map(|x| picture.get_pixel(x, height / 2).0)
}

fn assert_flattened(made: &Made, background: [u8; 3], name: &str) {
    let still = |file: &str| image::open(made.path(file)).expect("a picture").into_rgb8();
    let shown = [
        ("video.mp4", ffmpeg::frame(&made.path("video.mp4"), 400, 320, 160)),
        ("poster.jpg", still("poster.jpg")),
        ("preview.webp", still("preview.webp")),
        ("storyboard.jpg", still("storyboard.jpg")),
    ];
    for (file, picture) in shown {
        for (is, wanted) in halves(&picture).into_iter().zip([[0, 170, 0], background]) {
            let off = is.iter().zip(wanted).map(|(&is, wanted)| is.abs_diff(wanted)).max();
            assert!(off <= Some(10), "{file} of {name} has {is:?} instead of {wanted:?}");
        }
    }
}

#[test]
fn alpha_of_every_codec_is_flattened_on_white() {
    for (codec, extension) in [
        ("-c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le", "mov"),
        ("-c:v qtrle", "mov"),
        ("-c:v png", "mov"),
        ("-c:v libvpx-vp9 -pix_fmt yuva420p -cpu-used 8", "webm"),
        ("-c:v libvpx -pix_fmt yuva420p -auto-alt-ref 0", "webm"),
        ("-c:v libvpx-vp9 -pix_fmt yuva420p -cpu-used 8", "mkv"),
        ("-c:v ffv1 -pix_fmt yuva420p", "mkv"),
        ("-c:v utvideo -pix_fmt gbrap", "avi"),
        ("-c:v rawvideo -pix_fmt argb", "mov"),
    ] {
        let made = Bench::with_clip(&format!("{HALF} {codec}"), extension).transcode();
        let video = made.manifest.av.as_ref().and_then(|facts| facts.probe.video.as_ref()).expect("a picture");
        assert!(video.transparent, "{codec}");
        assert_flattened(&made, [255; 3], codec);
        assert_eq!(ffmpeg::frames(&made.path("video.mp4")), 25, "{codec}");
        made.assert_valid();
    }
}

#[test]
fn the_background_is_taken_from_the_profile() {
    let mut profile = profile();
    profile.background = Some(Colour([20, 40, 200]));
    let made = Bench::with_clip(&format!("{HALF} -c:v qtrle"), "mov").transcode_as(&profile);
    assert_flattened(&made, [20, 40, 200], "QuickTime's animation");
}

#[test]
fn a_half_transparent_pixel_is_mixed_half_and_half() {
    let clip = HALF.replace("\\,255\\,0)", "\\,255\\,128)");
    let made = Bench::with_clip(&format!("{clip} -c:v png"), "mov").transcode();
    // Half of red and half of white.
    assert_flattened(&made, [255, 127, 127], "half transparent");
}
