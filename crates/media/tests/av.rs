//! Whole transcodings: a file made by ffmpeg in, files and a manifest out, and ffmpeg's own word on them.

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

/// H.264 as quick as it gets, of the pixel format that most files have.
const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";

/// A moving picture with its size, rate and seconds.
fn moving(size: &str, rate: &str, seconds: u32) -> String {
    format!("-f lavfi -i testsrc2=size={size}:rate={rate}:duration={seconds}")
}

/// A tone with its frequency in hertz and its seconds.
fn tone(hertz: u32, seconds: f64) -> String {
    format!("-f lavfi -i sine=frequency={hertz}:duration={seconds}:sample_rate=44100")
}

/// Two small rungs, encoded quickly.
fn profile() -> AvProfile {
    let rung = |edge: u32| json!({ "shortEdge": edge, "crf": 28, "maxKbps": 800 });
    serde_json::from_value(json!({ "ladder": [rung(240), rung(120)], "h264": { "preset": "ultrafast" } }))
        .expect("in range")
}

/// A folder with a file in it, and a folder for what is made of that.
struct Bench {
    folder: TempDir,
}

impl Bench {
    /// With a clip that ffmpeg makes.
    fn with_clip(words: &str, extension: &str) -> Self {
        let bench = Self::empty();
        let clip = bench.path("clip").with_extension(extension);
        ffmpeg::make(words, &clip);
        fs::rename(clip, bench.input()).expect("renamed");
        bench
    }

    /// With a file of these bytes.
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

    /// The user's file, whose name says nothing.
    fn input(&self) -> PathBuf {
        self.path("input")
    }

    fn out(&self) -> PathBuf {
        self.path("out")
    }

    /// Names of everything in the output folder, hidden files too, in order.
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

    /// The verdict on a file that is refused before anything is made of it: nothing is left.
    fn refused(self) -> Refusal {
        self.refused_within(&AvLimits::default())
    }

    fn refused_within(self, limits: &AvLimits) -> Refusal {
        let (bench, refusal) = self.refused_late(limits);
        assert_eq!(bench.left(), [""; 0], "{refusal}");
        refusal
    }

    /// The verdict on a file that can be refused after its poster was shown: nothing is left that is
    /// half-made, and no manifest.
    fn refused_late(self, limits: &AvLimits) -> (Self, Refusal) {
        match self.transcode_with(&profile(), limits) {
            Ok(made) => panic!("made {:?}", made.names()),
            Err((bench, MediaError::Refused(refusal))) => {
                bench.assert_nothing_half_made();
                (bench, refusal)
            }
            Err((_, MediaError::Transient(fault))) => panic!("{fault}"),
        }
    }

    fn fault_within(self, limits: &AvLimits) -> Transient {
        match self.transcode_with(&profile(), limits) {
            Ok(made) => panic!("made {:?}", made.names()),
            Err((bench, MediaError::Transient(fault))) => {
                bench.assert_nothing_half_made();
                fault
            }
            Err((_, MediaError::Refused(refusal))) => panic!("{refusal}"),
        }
    }

    fn assert_nothing_half_made(&self) {
        let left = self.left();
        assert!(left.iter().all(|name| !name.starts_with('.') && !name.starts_with("manifest")), "{left:?}");
    }
}

/// What was made, and where.
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

    /// Names that end so, with their paths.
    fn ending(&self, end: &str) -> Vec<PathBuf> {
        self.names().into_iter().filter(|name| name.ends_with(end)).map(|name| self.path(name)).collect()
    }

    /// Width and height that the manifest says of a file.
    fn size(&self, name: &str) -> (u32, u32) {
        let artifact = self.artifact(name);
        (artifact.width.expect("a width"), artifact.height.expect("a height"))
    }

    /// There is what is listed, and the manifest, and nothing else.
    fn assert_listed(&self) {
        let mut listed: Vec<_> = self.names().into_iter().chain(["manifest.json"]).collect();
        listed.sort_unstable();
        assert_eq!(self.bench.left(), listed);
    }

    /// Everything that plays decodes to its end, and everything that is listed is what its entry says.
    fn assert_sound(&self) {
        self.assert_listed();
        for artifact in &self.manifest.artifacts {
            let path = self.path(&artifact.name);
            assert_eq!(fs::metadata(&path).expect("it is there").len(), artifact.bytes, "{}", artifact.name);
            let plays = [".mp4", ".m4a", ".opus", ".m3u8", ".jpg"].iter().any(|end| artifact.name.ends_with(end));
            // Its fragments are cut off after their first picture, and it has a test of its own (conformance).
            let is_keyframes = artifact.name.ends_with("-keyframes.m3u8");
            if plays && !is_keyframes {
                assert_eq!(ffmpeg::complaints(&path), "", "{}", artifact.name);
            }
            if let (Some(width), Some(height)) = (artifact.width, artifact.height) {
                assert_eq!(measured_size(&path), (width, height), "{}", artifact.name);
            }
        }
    }
}

/// Width and height by the file itself.
fn measured_size(path: &Path) -> (u32, u32) {
    if path.extension().is_some_and(|extension| extension == "webp" || extension == "png") {
        // ffmpeg reads no animated WebP.
        return image::image_dimensions(path).expect("a picture");
    }
    let stream = &ffmpeg::probe("-select_streams v:0 -show_entries stream=width,height", path)["streams"][0];
    let edge = |name: &str| stream[name].as_u64().expect("pixels") as u32;
    (edge("width"), edge("height"))
}
