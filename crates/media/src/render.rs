//! Renders one image file.

use crate::{
    av::Event,
    colour,
    decode::{self, Decode},
    error::{MediaError, Transient, corrupt},
    manifest, motion, orient,
    picture::{self, Picture},
    raster::{Decoded, Raster},
    resize,
    source::Source,
    webp::{self, AnimationEncoder, Settings},
};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{
    Artifact, Manifest, MediaKind, Sha256,
    image::{
        Colour, Encoding, ImageFacts, ImageLimits, ImageLook, ImageOutput, ImagePlan, ImageProbe, ImageProfile, Motion,
        Size, plan,
    },
    manifest::SourceFacts,
};
use std::{
    fs,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

/// Makes everything that the profile asks for from one image file, in the existing folder `out_dir`: the artifacts
/// first, then `manifest.json`, which appears atomically.
///
/// `watch` receives percentages that never decrease and end with 100, and each artifact once it is complete. The
/// smallest still comes first, because viewers see it first.
///
/// # Errors
///
/// [`MediaError::Refused`] if the file is unsupported, damaged (including truncated, if more than the last few rows are
/// missing) or over a limit. [`MediaError::Transient`] for everything else, which may succeed on another attempt. After
/// either, no manifest exists.
pub fn render(
    input: &Path,
    profile: &ImageProfile,
    limits: &ImageLimits,
    out_dir: &Path,
    watch: &mut dyn FnMut(Event),
) -> Result<Manifest, MediaError> {
    let source = Source::open(input, limits)?;
    // Decoders are third-party code that reads hostile bytes. If one panics, treat the file as damaged.
    catch_unwind(AssertUnwindSafe(|| render_source(&source, profile, limits, out_dir, watch)))
        .unwrap_or_else(|_| Err(corrupt(source.content_type, "its decoder crashed")))
}

/// Memory in addition to the picture being decoded: the program itself, and the encoders' work on small outputs.
const BASE_BYTES: u64 = 40 * 1024 * 1024;
/// Memory per pixel of the largest still: the raster as decoded, converted and rotated, and the encoder that needs
/// most.
const STILL_BYTES_PER_PIXEL: u64 = 16;
/// Memory per pixel of a picture that waits for its encoders.
const RASTER_BYTES_PER_PIXEL: u64 = 4;
/// Memory per pixel of an AVIF encoder.
const AVIF_BYTES_PER_PIXEL: u64 = 70;
/// Memory per pixel of an animation, over all its sizes: each encoder compares several canvases.
const ANIMATED_BYTES_PER_PIXEL: u64 = 40;

fn render_source(
    source: &Source,
    profile: &ImageProfile,
    limits: &ImageLimits,
    out_dir: &Path,
    watch: &mut dyn FnMut(Event),
) -> Result<Manifest, MediaError> {
    watch(Event::Progress(0));
    let embedded_video_bytes = motion::embedded_video_bytes(source)?;
    let mut decoder = decode::open(source, limits)?;
    let probe = probe(source, decoder.as_ref());
    limits.check(&probe)?;
    let plan = plan(&probe, profile);
    let largest = plan.largest().unwrap_or(probe.size());
    let stored_largest = orient::turned(largest, probe.orientation);
    let (decoding, encoding) = (decoder.memory_bytes(stored_largest), output_bytes(&plan));
    // A still is first decoded, then encoded; an animation is decoded and encoded frame by frame, so both need memory.
    let working = if probe.animation.is_some() { decoding + encoding } else { decoding.max(encoding) };
    limits.check_memory(BASE_BYTES + working)?;
    watch(Event::Progress(5));

    let camera = decoder.header().camera.clone();
    let mut warnings = Vec::new();
    let mut rendering = Rendering { out_dir, background: profile.background, artifacts: Vec::new(), watch };
    let look = if probe.animation.is_some() {
        let look = rendering.animation(decoder.as_mut(), &plan, &probe)?;
        warnings.clone_from(&decoder.header().warnings);
        look
    } else {
        let picture = still(decoder.as_mut(), stored_largest, &plan)?;
        warnings.clone_from(&decoder.header().warnings);
        // Free the decoder's content, which can be large and is no longer needed.
        drop(decoder);
        (rendering.watch)(Event::Progress(35));
        rendering.stills(picture, &plan, 35..95, |_| true)?
    };
    // List artifacts in the plan's order, not in the order they were made.
    let place = |artifact: &Artifact| plan.outputs.iter().position(|output| output.name == artifact.name);
    let mut artifacts = rendering.artifacts;
    artifacts.sort_by_key(place);
    let image = Some(ImageFacts { probe, look, camera, embedded_video_bytes });
    let facts =
        SourceFacts { content_type: source.content_type.to_owned(), bytes: source.bytes, sha256: source.sha256 };
    let manifest = Manifest { image, warnings, artifacts, ..manifest::of_renditions(MediaKind::Image, facts) };
    manifest::write(&manifest, out_dir)?;
    watch(Event::Progress(100));
    Ok(manifest)
}

fn probe(source: &Source, decoder: &dyn Decode) -> ImageProbe {
    let header = decoder.header();
    let Size { width, height } = orient::turned(header.stored, header.orientation);
    ImageProbe {
        format: source.format,
        width,
        height,
        orientation: header.orientation,
        has_alpha: header.has_alpha,
        bit_depth: header.bit_depth,
        colour_model: header.colour_model,
        icc_profile: header.profile.as_ref().map(|profile| profile.description.clone()),
        animation: header.animation,
    }
}

/// Memory for making the outputs, by their sizes.
fn output_bytes(plan: &ImagePlan) -> u64 {
    let per_pixel = |output: &ImageOutput| match output.encoding {
        Encoding::Jpeg { .. } | Encoding::Webp { motion: Motion::Still, .. } => 0,
        Encoding::Webp { motion: Motion::Animated, .. } => ANIMATED_BYTES_PER_PIXEL,
        Encoding::Avif { .. } => AVIF_BYTES_PER_PIXEL,
    };
    let pixels = |output: &ImageOutput| output.size.pixels();
    let animated: u64 = plan
        .outputs
        .iter()
        .map(|output| match output.encoding {
            Encoding::Webp { motion: Motion::Animated, .. } => pixels(output) * per_pixel(output),
            Encoding::Jpeg { .. } | Encoding::Webp { .. } | Encoding::Avif { .. } => 0,
        })
        .sum();
    // Stills are encoded one after another, so only the largest counts; but the pictures of all sizes exist at once.
    let still = plan.outputs.iter().map(|output| pixels(output) * per_pixel(output)).max().unwrap_or(0);
    let mut sizes: Vec<Size> = plan.outputs.iter().map(|output| output.size).collect();
    sizes.dedup();
    let smaller: u64 = sizes.iter().skip(1).map(|size| size.pixels() * RASTER_BYTES_PER_PIXEL).sum();
    animated.max(still) + smaller + plan.largest().map_or(0, Size::pixels) * STILL_BYTES_PER_PIXEL
}

/// Decodes a still, as planes if every encoder accepts them.
fn still(decoder: &mut dyn Decode, stored: Size, plan: &ImagePlan) -> Result<Picture, MediaError> {
    let encodings = || plan.outputs.iter().map(|output| output.encoding);
    let planes = if encodings().all(picture::takes_planes) { decoder.planes(stored)? } else { None };
    Ok(match planes {
        Some(planes) => Picture::Planes(planes),
        None => Picture::Rgb(srgb(decoder.still(stored)?, decoder)?),
    })
}

/// Converts a decoded picture to sRGB and rotates it upright.
fn srgb(decoded: Decoded, decoder: &dyn Decode) -> Result<Raster, MediaError> {
    let header = decoder.header();
    let raster = colour::to_srgb(decoded, header.profile.as_ref())?;
    Ok(orient::upright(raster, header.orientation))
}

/// A rendering in progress.
struct Rendering<'a> {
    out_dir: &'a Path,
    background: Colour,
    artifacts: Vec<Artifact>,
    watch: &'a mut dyn FnMut(Event),
}

impl Rendering<'_> {
    /// Makes the wanted outputs as stills. Each size is scaled from the next larger one; the smallest is encoded first,
    /// because viewers see it first. Measures the look of a small one. Progress runs through `percent`.
    fn stills(
        &mut self,
        largest: Picture,
        plan: &ImagePlan,
        percent: Range<u8>,
        wanted: impl Fn(&ImageOutput) -> bool,
    ) -> Result<ImageLook, MediaError> {
        let mut pictures = vec![largest];
        for output in &plan.outputs {
            let smallest = &pictures[pictures.len() - 1];
            if smallest.size() != output.size {
                let smaller = smallest.shrunk(output.size)?;
                pictures.push(smaller);
            }
        }
        let measured = pictures.iter().rev().find(|picture| picture.is_measurable()).unwrap_or(&pictures[0]);
        let look = measured.look(self.background)?;
        let total: u64 = plan.outputs.iter().map(|output| output.size.pixels()).sum();
        let mut made = 0;
        while let Some(picture) = pictures.pop() {
            for output in plan.outputs.iter().filter(|output| output.size == picture.size()) {
                if wanted(output) {
                    let content = picture.encoded(output.encoding, self.background)?;
                    self.store(output, &content, None)?;
                }
                made += output.size.pixels();
                (self.watch)(Event::Progress(along(&percent, made, total)));
            }
        }
        Ok(look)
    }

    /// Makes the animated outputs frame by frame, all sizes at once, and the stills from the first frame.
    fn animation(
        &mut self,
        decoder: &mut dyn Decode,
        plan: &ImagePlan,
        probe: &ImageProbe,
    ) -> Result<ImageLook, MediaError> {
        let stored_largest = orient::turned(plan.largest().unwrap_or(probe.size()), probe.orientation);
        let first = srgb(decoder.still(stored_largest)?, decoder)?;
        let look = self.stills(Picture::Rgb(first), plan, 5..30, |output| !is_animated(output.encoding))?;

        let plays = probe.animation.map_or(0, |animation| animation.plays);
        let frames = probe.animation.map_or(1, |animation| animation.frames);
        let mut encoders = Vec::new();
        for output in &plan.outputs {
            if let Encoding::Webp { quality, method, motion: Motion::Animated } = output.encoding {
                encoders.push((output, AnimationEncoder::new(output.size, plays, Settings { quality, method })?));
            }
        }
        let (orientation, profile) = (decoder.header().orientation, decoder.header().profile.clone());
        let mut taken: u32 = 0;
        let watch = &mut self.watch;
        decoder.frames(stored_largest, &mut |decoded, shown_ms| {
            let mut raster = orient::upright(colour::to_srgb(decoded, profile.as_ref())?, orientation);
            for (output, encoder) in &mut encoders {
                if raster.size != output.size {
                    raster = resize::shrink(&raster, raster.size.into(), output.size)?;
                }
                encoder.add(&raster, shown_ms)?;
            }
            taken += 1;
            watch(Event::Progress(along(&(30..95), taken.into(), frames.into())));
            Ok(())
        })?;
        for (output, encoder) in encoders {
            let content = encoder.finish()?;
            // Take the count from the file: the encoder merges identical frames.
            let animation = webp::parse(&content).and_then(|container| container.animation);
            self.store(output, &content, Some(animation.map_or(1, |animation| animation.frames)))?;
        }
        Ok(look)
    }

    fn store(&mut self, output: &ImageOutput, content: &[u8], frames: Option<u32>) -> Result<(), Transient> {
        let path = self.out_dir.join(&output.name);
        fs::write(&path, content).map_err(|source| Transient::Write { path, source })?;
        let sha256 = Sha256::from_bytes(Hasher::digest(content).into());
        let content_type = output.encoding.content_type();
        let artifact = Artifact {
            width: Some(output.size.width),
            height: Some(output.size.height),
            frames,
            ..Artifact::new(&output.name, output.role, content_type, content.len() as u64, sha256)
        };
        (self.watch)(Event::Ready(artifact.clone()));
        self.artifacts.push(artifact);
        Ok(())
    }
}

const fn is_animated(encoding: Encoding) -> bool {
    match encoding {
        Encoding::Webp { motion: Motion::Animated, .. } => true,
        Encoding::Webp { motion: Motion::Still, .. } | Encoding::Jpeg { .. } | Encoding::Avif { .. } => false,
    }
}

/// The percentage within the range `percent` after `done` of `all` steps.
fn along(percent: &Range<u8>, done: u64, all: u64) -> u8 {
    let width = u64::from(percent.end - percent.start);
    percent.start + u8::try_from(width * done.min(all) / all.max(1)).unwrap_or(0)
}
