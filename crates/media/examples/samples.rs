//! Writes the sample pictures of `make demo` into a folder, from those that tools/sample-pictures.sh writes:
//! `samples PICTURES DIR`. The output is deterministic.

#[path = "../tests/support/mod.rs"]
mod support;

use smmu_core::image::{ImageLimits, ImageProfile, Ladder};
use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [pictures, folder] = folders.as_slice() else { return Err("usage: samples PICTURES DIR".into()) };
    fs::create_dir_all(folder)?;
    let picture = |name: &str| image::open(pictures.join(name));

    // A phone held upright: the pixels are stored in landscape, and Exif tells how to rotate them.
    let across = image::imageops::rotate270(&picture("photo.png")?.into_rgb8());
    let turned = support::jpeg(across.width(), across.height(), &across, false);
    fs::write(folder.join("photo-12mp-upright-gps.jpg"), support::with_exif(&turned, &support::exif(6)))?;

    fs::copy(pictures.join("cutout.png"), folder.join("alpha.png"))?;

    let moving = fs::read(pictures.join("turning.gif"))?;
    fs::write(folder.join("moving.gif"), &moving)?;
    fs::write(folder.join("moving.webp"), webp_of(&moving, "gif", 480)?)?;

    let coasts = picture("coasts.png")?.into_rgb8();
    let (width, height) = coasts.dimensions();
    fs::write(folder.join("still.webp"), webp_of(&fs::read(pictures.join("coasts.png"))?, "png", width)?)?;
    fs::write(folder.join("sixteen-bits.tiff"), support::tiff16(width, height, &coasts))?;

    let islands = picture("islands.png")?.into_rgb8();
    let (width, height) = islands.dimensions();
    fs::write(folder.join("still.avif"), support::avif(width, height, &islands, ravif::BitDepth::Ten))?;
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
