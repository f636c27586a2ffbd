//! Writes the sample pictures of `make demo` into a folder: `samples DIR`. The output is deterministic.

#[path = "../tests/support/mod.rs"]
mod support;

use smmu_core::image::{ImageLimits, ImageProfile, Ladder};
use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).ok_or("usage: samples DIR")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;

    // A phone held upright: the pixels are stored in landscape, and Exif tells how to rotate them.
    let (width, height) = (3024, 4032);
    let upright = image::RgbImage::from_raw(width, height, support::photo(width, height)).ok_or("a whole picture")?;
    let across = image::imageops::rotate270(&upright);
    let turned = support::jpeg(across.width(), across.height(), &across, false);
    fs::write(folder.join("photo-12mp-upright-gps.jpg"), support::with_exif(&turned, &support::exif(6)))?;

    let (width, height) = (1600, 1200);
    let vignette = support::vignette(width, height);
    let png = support::png(width, height, png::ColorType::Rgba, png::BitDepth::Eight, &vignette);
    fs::write(folder.join("alpha.png"), &png)?;

    let moving = support::gif(480, 320, 24, gif::Repeat::Infinite);
    fs::write(folder.join("moving.gif"), &moving)?;
    fs::write(folder.join("moving.webp"), webp_of(&moving, "gif", 480)?)?;

    let (width, height) = (1500, 1000);
    let photo = support::photo(width, height);
    let png = support::png(width, height, png::ColorType::Rgb, png::BitDepth::Eight, &photo);
    fs::write(folder.join("still.webp"), webp_of(&png, "png", 1500)?)?;
    fs::write(folder.join("sixteen-bits.tiff"), support::tiff16(width, height, &photo))?;
    fs::write(folder.join("still.avif"), support::avif(900, 600, &support::photo(900, 600), ravif::BitDepth::Ten))?;
    Ok(())
}

/// Converts a picture to WebP by rendering it at its own size.
fn webp_of(content: &[u8], extension: &str, edge: u32) -> Result<Vec<u8>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let input = folder.path().join("input").with_extension(extension);
    fs::write(&input, content)?;
    let profile = ImageProfile { ladder: Ladder::try_from(vec![edge])?, ..ImageProfile::default() };
    smmu_media::render(&input, &profile, &ImageLimits::default(), folder.path(), &mut |_| {})?;
    Ok(fs::read(folder.path().join(format!("webp-{edge}.webp")))?)
}
