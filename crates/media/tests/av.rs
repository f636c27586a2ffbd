//! Whole transcodings: ffmpeg makes an input, we transcode it, and ffmpeg checks the outputs.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "clips of known sizes and durations are computed here"
)]

#[path = "support/ffmpeg.rs"]
mod ffmpeg;

#[path = "av/alpha.rs"]
mod alpha;
#[path = "av/bounds.rs"]
mod bounds;
#[path = "av/cases.rs"]
mod cases;
#[path = "av/colours.rs"]
mod colours;
#[path = "av/conformance.rs"]
mod conformance;
#[path = "av/hostile.rs"]
mod hostile;
#[path = "av/lengths.rs"]
mod lengths;
#[path = "av/progress.rs"]
mod progress;
#[path = "av/registry.rs"]
mod registry;
#[path = "av/shapes.rs"]
mod shapes;
#[path = "av/sound.rs"]
mod sound;
#[path = "av/streaming.rs"]
mod streaming;
#[path = "av/timing.rs"]
mod timing;

use serde_json::json;
use smmu_core::{
    Artifact, Manifest, Refusal,
    av::{AvLimits, AvProfile},
};
use smmu_media::{
    MediaError, Transient,
    av::{Event, transcode},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};
use tempfile::TempDir;

/// H.264 with the fastest preset and the most common pixel format.
const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";

/// A moving picture with this size, frame rate and duration.
fn moving(size: &str, rate: &str, seconds: u32) -> String {
    format!("-f lavfi -i testsrc2=size={size}:rate={rate}:duration={seconds}")
}

/// A tone with this frequency and duration.
fn tone(hertz: u32, seconds: f64) -> String {
    format!("-f lavfi -i sine=frequency={hertz}:duration={seconds}:sample_rate=44100")
}

/// A profile with two small rungs and the fastest preset.
fn profile() -> AvProfile {
    let rung = |edge: u32| json!({ "shortEdge": edge, "crf": 28, "maxKbps": 800 });
    serde_json::from_value(json!({ "ladder": [rung(240), rung(120)], "h264": { "preset": "ultrafast" } }))
        .expect("in range")
}

/// A temporary folder with an input file and an output folder.
struct Bench {
    folder: TempDir,
}

impl Bench {
    /// The input is a clip that ffmpeg makes.
    fn with_clip(words: &str, extension: &str) -> Self {
        let bench = Self::empty();
        let clip = bench.path("clip").with_extension(extension);
        ffmpeg::make(words, &clip);
        fs::rename(clip, bench.input()).expect("renamed");
        bench
    }

    /// The input has these bytes.
    fn with_bytes(content: &[u8]) -> Self {
        let bench = Self::empty();
        fs::write(bench.input(), content).expect("written");
        bench
    }

    fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("out")).expect("made");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The user's file, without an extension that could reveal its format.
    fn input(&self) -> PathBuf {
        self.path("input")
    }

    fn out(&self) -> PathBuf {
        self.path("out")
    }

    /// Names of all files in the output folder, including hidden ones, sorted.
    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.out()).expect("listed");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("read").file_name().into_string().expect("a plain name")).collect();
        names.sort();
        names
    }

    fn transcode_with(self, profile: &AvProfile, limits: &AvLimits) -> Result<Made, (Self, MediaError)> {
        let mut events = Vec::new();
        let cancelled = AtomicBool::new(false);
        let mut watch = |event| events.push(event);
        match transcode(&self.input(), profile, limits, &self.out(), &mut watch, &cancelled) {
            Ok(manifest) => Ok(Made { bench: self, manifest, events }),
            Err(error) => Err((self, error)),
        }
    }

    fn transcode(self) -> Made {
        self.transcode_as(&profile())
    }

    fn transcode_as(self, profile: &AvProfile) -> Made {
        self.transcode_with(profile, &AvLimits::default()).map_err(|(_, error)| error).expect("transcoded")
    }

    /// The refusal of a file that is refused before anything is made from it: the output folder is empty.
    fn refused(self) -> Refusal {
        self.refused_within(&AvLimits::default())
    }

    fn refused_within(self, limits: &AvLimits) -> Refusal {
        let (bench, refusal) = self.refused_late(limits);
        assert_eq!(bench.left(), [""; 0], "{refusal}");
        refusal
    }

    /// The refusal of a file that can be refused after its poster was published: no unfinished file and no manifest are
    /// left.
    fn refused_late(self, limits: &AvLimits) -> (Self, Refusal) {
        match self.transcode_with(&profile(), limits) {
            Ok(made) => panic!("made {:?}", made.names()),
            Err((bench, MediaError::Refused(refusal))) => {
                bench.assert_nothing_half_made();
                (bench, refusal)
            }
            Err((_, MediaError::Transient(transient))) => panic!("{transient}"),
        }
    }

    fn transient_within(self, limits: &AvLimits) -> Transient {
        match self.transcode_with(&profile(), limits) {
            Ok(made) => panic!("made {:?}", made.names()),
            Err((bench, MediaError::Transient(transient))) => {
                bench.assert_nothing_half_made();
                transient
            }
            Err((_, MediaError::Refused(refusal))) => panic!("{refusal}"),
        }
    }

    fn assert_nothing_half_made(&self) {
        let left = self.left();
        assert!(left.iter().all(|name| !name.starts_with('.') && !name.starts_with("manifest")), "{left:?}");
    }
}

/// A successful transcoding: its manifest, its events and its folder.
struct Made {
    bench: Bench,
    manifest: Manifest,
    events: Vec<Event>,
}

impl Made {
    fn path(&self, name: &str) -> PathBuf {
        self.bench.out().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a text")
    }

    fn artifact(&self, name: &str) -> &Artifact {
        self.manifest.artifacts.iter().find(|artifact| artifact.name == name).unwrap_or_else(|| panic!("no {name}"))
    }

    fn names(&self) -> Vec<&str> {
        self.manifest.artifacts.iter().map(|artifact| artifact.name.as_str()).collect()
    }

    /// Paths of the artifacts whose names end with `end`.
    fn ending(&self, end: &str) -> Vec<PathBuf> {
        self.names().into_iter().filter(|name| name.ends_with(end)).map(|name| self.path(name)).collect()
    }

    /// Width and height of a file, according to the manifest.
    fn size(&self, name: &str) -> (u32, u32) {
        let artifact = self.artifact(name);
        (artifact.width.expect("a width"), artifact.height.expect("a height"))
    }

    /// The output folder contains exactly the listed artifacts and the manifest.
    fn assert_listed(&self) {
        let mut listed: Vec<_> = self.names().into_iter().chain(["manifest.json"]).collect();
        listed.sort_unstable();
        assert_eq!(self.bench.left(), listed);
    }

    /// Every media file decodes to its end, and every artifact matches its entry in the manifest.
    fn assert_valid(&self) {
        self.assert_listed();
        for artifact in &self.manifest.artifacts {
            let path = self.path(&artifact.name);
            assert_eq!(fs::metadata(&path).expect("it exists").len(), artifact.bytes, "{}", artifact.name);
            let plays = [".mp4", ".m4a", ".opus", ".m3u8", ".jpg"].iter().any(|end| artifact.name.ends_with(end));
            // Keyframe playlists contain only the start of each fragment; `conformance` tests them.
            let is_keyframes = artifact.name.ends_with("-keyframes.m3u8");
            if plays && !is_keyframes {
                assert_eq!(ffmpeg::decode_errors(&path), "", "{}", artifact.name);
            }
            if let (Some(width), Some(height)) = (artifact.width, artifact.height) {
                assert_eq!(measured_size(&path), (width, height), "{}", artifact.name);
            }
        }
    }
}

/// Width and height, measured in the file.
fn measured_size(path: &Path) -> (u32, u32) {
    if path.extension().is_some_and(|extension| extension == "webp" || extension == "png") {
        // ffmpeg cannot read animated WebP.
        return image::image_dimensions(path).expect("a picture");
    }
    let stream = &ffmpeg::probe("-select_streams v:0 -show_entries stream=width,height", path)["streams"][0];
    let edge = |name: &str| stream[name].as_u64().expect("pixels") as u32;
    (edge("width"), edge("height"))
}
