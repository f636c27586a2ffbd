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

/// What stands in for the image of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// A program of this machine with its first arguments, run as a plain process.
    Program(Vec<String>),
    /// An image of this name in the machine's own container engine, run as Fargate would.
    Container(String),
}

/// Who deploys the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deployer {
    /// This crate, the way `sam deploy` does, with what cargo has built.
    Own,
    /// A program, `tools/deploy.sh` for one. It is called with the parameter `Stage` and the others as `NAME=VALUE`, finds the cloud
    /// by what an AWS SDK reads from the environment, and makes the stack [`CloudOptions::stack_name`].
    Program(PathBuf),
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
    /// What stands in for the images of each repository. A repository matches when it ends in `-` and the key, so
    /// that the stage in its name does not matter.
    pub images: BTreeMap<String, Image>,
    /// What programs in the place of images get in their environment, as images would set it by themselves.
    pub program_environment: BTreeMap<String, String>,
    /// How many Fargate vCPU the account may run at once; any number where there is none.
    pub fargate_vcpu: Option<u32>,
    /// How many tasks may be started a second; as many as in an account of AWS, which is 20, where there is none.
    pub run_task_rate: Option<u32>,
    /// Whether workers that are programs are asked what they lack (`PROGRAM check`) before anything is started.
    pub check_workers: bool,
    /// Whether containers of the machine's own engine can reach the cloud; [`Image::Container`] needs it.
    pub bridge: bool,
    /// Who deploys the template.
    pub deployer: Deployer,
    /// Called as each step of the start is done.
    pub on_step: fn(Step<'_>),
}

impl CloudOptions {
    /// The cloud of the workspace in `root`: its template, its debug binaries, both workers.
    ///
    /// `SMMU_VENV` and `CARGO_TARGET_DIR` say where the Python environment and cargo's target directory are; without
    /// them they are `.local/venv` and `target`. `SMMU_SPEECH_MODEL` is the model of the transcribe worker; its
    /// image has one inside. `SMMU_IMAGE_TAG` runs the workers' images with that tag in the place of processes.
    /// `SMMU_BRIDGE=1` lets containers reach the cloud.
    #[must_use]
    pub fn for_workspace(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let from_env = |name: &str, default: &str| {
            root.join(std::env::var_os(name).filter(|value| !value.is_empty()).unwrap_or_else(|| default.into()))
        };
        let binaries = from_env("CARGO_TARGET_DIR", "target").join("debug");
        let model = std::env::var("SMMU_SPEECH_MODEL").ok();
        let tag = std::env::var("SMMU_IMAGE_TAG").ok().filter(|tag| !tag.is_empty());
        let worker = |name: &str| {
            let image = match &tag {
                Some(tag) => Image::Container(format!("smmu-{name}-worker:{tag}")),
                None => Image::Program(vec![binaries.join(format!("smmu-{name}")).display().to_string()]),
            };
            (format!("{name}-worker"), image)
        };
        Self {
            template: "template.yaml".into(),
            stack_name: "smmu".to_owned(),
            parameters: BTreeMap::new(),
            port: Port::DEFAULT,
            venv: from_env("SMMU_VENV", ".local/venv"),
            launcher: root.join("local/python/emulator.py"),
            images: [worker("transcode"), worker("transcribe")].into(),
            program_environment: model.into_iter().map(|model| ("SMMU_SPEECH_MODEL".to_owned(), model)).collect(),
            fargate_vcpu: None,
            run_task_rate: None,
            check_workers: true,
            bridge: tag.is_some() || std::env::var("SMMU_BRIDGE").is_ok_and(|value| value == "1"),
            deployer: Deployer::Own,
            binaries,
            state_dir: root.join(".local"),
            root,
            on_step: |_| {},
        }
    }
}
