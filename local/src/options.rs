//! What a one-machine cloud is started with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Where the emulator listens, always on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// This port, or none.
    Fixed(u16),
    /// A free one, so that several clouds run side by side.
    Auto,
}

impl Port {
    /// The port that AWS emulators usually have.
    pub const DEFAULT: Self = Self::Fixed(4566);
}

impl FromStr for Port {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" | "0" => Ok(Self::Auto),
            number => number.parse().map(Self::Fixed).map_err(|_| format!("{text}: a port is 1 to 65535, or `auto`")),
        }
    }
}

/// A step of the start that is done.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// What was done, as in "emulator ready".
    pub name: &'a str,
    /// How long it took.
    pub took: Duration,
}

/// What a [`Cloud`](crate::Cloud) is started with.
#[derive(Debug, Clone)]
pub struct CloudOptions {
    /// The folder with the template, and the paths in it are relative to this.
    pub root: PathBuf,
    /// The template's file name in `root`.
    pub template: PathBuf,
    /// Name of the CloudFormation stack.
    pub stack_name: String,
    /// Values for the template's parameters; the others keep their defaults.
    pub parameters: BTreeMap<String, String>,
    /// Where the emulator listens.
    pub port: Port,
    /// The Python environment that has the emulator.
    pub venv: PathBuf,
    /// The launcher of the emulator, `local/python/emulator.py`.
    pub launcher: PathBuf,
    /// Where cargo puts binaries: `<target dir>/<profile>`.
    pub binaries: PathBuf,
    /// Where running clouds keep logs and temporary files.
    pub state_dir: PathBuf,
    /// What stands in for a container image: the entry point of each image repository. A repository matches when it
    /// ends in `-` and the key, so that the stage in its name does not matter.
    pub images: BTreeMap<String, Vec<String>>,
    /// What the images set in the environment by themselves.
    pub image_environment: BTreeMap<String, String>,
    /// Called as each step of the start is done.
    pub on_step: fn(Step<'_>),
}

impl CloudOptions {
    /// The cloud of the workspace in `root`: its template, its debug binaries, both workers.
    ///
    /// `SMMU_VENV` and `CARGO_TARGET_DIR` say where the Python environment and cargo's target directory are; without
    /// them they are `.local/venv` and `target`. `SMMU_SPEECH_MODEL` is the model of the transcribe worker; its
    /// image has one inside.
    #[must_use]
    pub fn for_workspace(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let from_env = |name: &str, default: &str| {
            root.join(std::env::var_os(name).filter(|value| !value.is_empty()).unwrap_or_else(|| default.into()))
        };
        let binaries = from_env("CARGO_TARGET_DIR", "target").join("debug");
        let model = std::env::var("SMMU_SPEECH_MODEL").ok();
        let worker = |name: &str| vec![binaries.join(name).display().to_string()];
        Self {
            template: "template.yaml".into(),
            stack_name: "smmu".to_owned(),
            parameters: BTreeMap::new(),
            port: Port::DEFAULT,
            venv: from_env("SMMU_VENV", ".local/venv"),
            launcher: root.join("local/python/emulator.py"),
            images: [
                ("transcode-worker".to_owned(), worker("smmu-transcode")),
                ("transcribe-worker".to_owned(), worker("smmu-transcribe")),
            ]
            .into(),
            image_environment: model.into_iter().map(|model| ("SMMU_SPEECH_MODEL".to_owned(), model)).collect(),
            binaries,
            state_dir: root.join(".local"),
            root,
            on_step: |_| {},
        }
    }
}
