//! Whole renderings: renders a file and checks the outputs and the manifest.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pictures of known sizes are computed here"
)]

mod support;

#[path = "render/animations.rs"]
mod animations;
#[path = "render/cases.rs"]
mod cases;
#[path = "render/colours.rs"]
mod colours;
#[path = "render/damaged.rs"]
mod damaged;
#[path = "render/heif.rs"]
mod heif;
#[path = "render/hostile.rs"]
mod hostile;
#[path = "render/jxl.rs"]
mod jxl;
#[path = "render/motion.rs"]
mod motion;
#[path = "render/orientations.rs"]
mod orientations;
#[path = "render/plain.rs"]
mod plain;
#[path = "render/raw.rs"]
mod raw;
#[path = "render/registry.rs"]
mod registry;
#[path = "render/stills.rs"]
mod stills;
#[path = "render/tiff.rs"]
mod tiff;

use image::{DynamicImage, RgbaImage};
use smmu_core::{
    Manifest, Refusal,
    image::{ImageFacts, ImageLimits, ImageProfile},
};
use smmu_media::MediaError;
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// A successful rendering: its manifest and its folder.
struct Rendered {
    folder: TempDir,
    manifest: Manifest,
}

impl Rendered {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("an artifact")
    }

    /// An output, decoded independently of our code.
    fn picture(&self, name: &str) -> RgbaImage {
        image::load_from_memory(&self.bytes(name)).map(DynamicImage::into_rgba8).expect("a valid picture")
    }

    fn facts(&self) -> &ImageFacts {
        self.manifest.image.as_ref().expect("an image")
    }

    fn names(&self) -> Vec<&str> {
        self.manifest.artifacts.iter().map(|artifact| artifact.name.as_str()).collect()
    }
}

fn render_with(content: &[u8], profile: &ImageProfile, limits: &ImageLimits) -> Result<Rendered, MediaError> {
    let folder = tempfile::tempdir().expect("a folder");
    let (input, out) = (folder.path().join("input"), folder.path().join("out"));
    fs::write(&input, content).expect("written");
    fs::create_dir(&out).expect("made");
    let manifest = smmu_media::render(&input, profile, limits, &out, &mut |_| {})?;
    Ok(Rendered { folder, manifest })
}

fn render(content: &[u8]) -> Rendered {
    render_with(content, &ImageProfile::default(), &ImageLimits::default()).expect("rendered")
}

fn refused(content: &[u8]) -> Refusal {
    refused_within(content, &ImageLimits::default())
}

fn refused_within(content: &[u8], limits: &ImageLimits) -> Refusal {
    match render_with(content, &ImageProfile::default(), limits) {
        Ok(rendered) => panic!("rendered {:?}", rendered.names()),
        Err(MediaError::Refused(refusal)) => refusal,
        Err(MediaError::Transient(transient)) => panic!("{transient}"),
    }
}

/// Mean absolute difference per sample of two pictures of the same size, without alpha.
fn difference(a: &RgbaImage, b: &RgbaImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let samples = a.pixels().zip(b.pixels()).flat_map(|(a, b)| (0..3).map(move |at| a[at].abs_diff(b[at])));
    samples.map(f64::from).sum::<f64>() / (f64::from(a.width() * a.height()) * 3.0)
}
