//! Options of a one-machine cloud.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::faults::Faults;

/// The port on which the emulator listens, always on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Exactly this port.
    Fixed(u16),
    /// Any free port, so that several clouds can run side by side.
    Auto,
}

impl Port {
    /// The usual port of AWS emulators.
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

/// A finished step of the start.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Name, such as "emulator ready".
    pub name: &'a str,
    /// Duration of the step.
    pub took: Duration,
}

/// The stand-in for a container image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// A program on this machine with its first arguments, run as a plain process.
    Program(Vec<String>),
    /// An image in the machine's own container engine, run with Fargate's restrictions.
    Container(String),
}

/// How the template is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deployer {
    /// By this crate, like `sam deploy`, with the binaries that cargo built.
    Own,
    /// Another program, such as `tools/deploy.sh`. It is called with the value of the parameter `Stage`, then the other
    /// parameters as `NAME=VALUE`, finds the cloud through the AWS SDK's environment variables, and creates the stack
    /// [`CloudOptions::stack_name`].
    Program(PathBuf),
}

/// Options of a [`Cloud`](crate::Cloud).
#[derive(Debug, Clone)]
pub struct CloudOptions {
    /// Folder with the template. The paths in the template are relative to it.
    pub root: PathBuf,
    /// Path of the template, relative to `root`.
    pub template: PathBuf,
    /// Name of the CloudFormation stack.
    pub stack_name: String,
    /// Values for the template's parameters; the others keep their defaults.
    pub parameters: BTreeMap<String, String>,
    /// Port of the emulator.
    pub port: Port,
    /// The Python environment in which the emulator is installed.
    pub venv: PathBuf,
    /// The launcher of the emulator, `local/python/emulator.py`.
    pub launcher: PathBuf,
    /// Folder with cargo's binaries: `<target dir>/<profile>`.
    pub binaries: PathBuf,
    /// Folder with the built web page, published if it has an `index.html` and the stack serves a page.
    pub page: PathBuf,
    /// Folder for logs and temporary files of running clouds.
    pub state_dir: PathBuf,
    /// Stand-ins for images, by repository. A repository matches if it equals the key or ends in `-` and the key, so
    /// the stage in its name does not matter.
    pub images: BTreeMap<String, Image>,
    /// Additional environment variables for programs in place of images; images set these themselves.
    pub program_environment: BTreeMap<String, String>,
    /// Quota of concurrent Fargate vCPU; `None` is no limit.
    pub fargate_vcpu: Option<u32>,
    /// Quota of started tasks per second; `None` is AWS's default of 20.
    pub run_task_rate: Option<u32>,
    /// Longest time of an Express execution, in seconds; `None` is AWS's limit of 300.
    pub express_seconds: Option<u32>,
    /// Faults that the emulator injects; `None` is none.
    pub faults: Option<Faults>,
    /// Run `PROGRAM check` for worker programs before anything is started.
    pub check_workers: bool,
    /// Let containers of the machine's own engine reach the cloud. Required for [`Image::Container`].
    pub bridge: bool,
    /// How the template is deployed.
    pub deployer: Deployer,
    /// Called after each step of the start.
    pub on_step: fn(Step<'_>),
}

impl CloudOptions {
    /// Options for the workspace in `root`: its template, its debug binaries and both workers.
    ///
    /// `SMMU_VENV` and `CARGO_TARGET_DIR` are the paths of the Python environment and cargo's target directory, by
    /// default `.local/venv` and `target`. `SMMU_SPEECH_MODEL` is the model of the transcribe worker; its image
    /// includes one. `SMMU_IMAGE_TAG` runs the workers' images with that tag instead of processes. `SMMU_BRIDGE=1` lets
    /// containers reach the cloud.
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
            page: root.join("web/dist"),
            images: [worker("transcode"), worker("transcribe")].into(),
            program_environment: model.into_iter().map(|model| ("SMMU_SPEECH_MODEL".to_owned(), model)).collect(),
            fargate_vcpu: None,
            run_task_rate: None,
            express_seconds: None,
            faults: None,
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
