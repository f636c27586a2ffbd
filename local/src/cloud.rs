//! A running one-machine cloud.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use ulid::Ulid;

use crate::account::REGION;
use crate::address::Address;
use crate::bridge::Bridge;
use crate::docker::docker;
use crate::emulator::Emulator;
use crate::engine::{Engine, EngineConfig, Worker};
use crate::error::LocalError;
use crate::home::Home;
use crate::options::{CloudOptions, Deployer, Image, Step};
use crate::{deploy, port};

/// A running one-machine cloud with the deployed template. Dropping it ends everything that it started.
#[derive(Debug)]
pub struct Cloud {
    address: Address,
    // Dropped in this order: workers first, so that they end as stopped and not as failed; files last.
    engine: Engine,
    emulator: Emulator,
    home: Home,
}

impl Cloud {
    /// Starts the stand-in for the container engine and the emulator, deploys the template, and returns once the stack
    /// is complete.
    ///
    /// # Errors
    /// Any variant of [`LocalError`] except `NotRunning`. Everything already started is stopped.
    pub async fn start(options: CloudOptions) -> Result<Self, LocalError> {
        // Boxed: otherwise callers embed a large future with many SDK calls.
        Box::pin(Self::assemble(options)).await
    }

    async fn assemble(options: CloudOptions) -> Result<Self, LocalError> {
        // Checked now; otherwise a missing worker would show up only as a failed job.
        needed_images(&options).try_for_each(|(_, image)| check_image(image))?;
        if options.check_workers {
            check_workers(&options)?;
        }
        let port = port::choose(options.port)?;
        // Before the port check, because this recognises another local cloud on the port.
        let home = Home::take(&options.state_dir, port)?;
        port::check(port)?;

        let begun = Instant::now();
        let bridge = if options.bridge { Some(Bridge::find(port)?) } else { None };
        let engine = EngineConfig {
            images: options.images.clone(),
            environment: container_environment(),
            program_environment: program_environment(&options),
            bridge: bridge.clone(),
            lock: home.lock(),
            logs: home.logs(),
            tmp: home.tmp(),
        };
        let engine = Engine::start(home.socket(), engine).map_err(LocalError::Engine)?;
        let emulator = Emulator::start(&options, &home, port).await?;
        (options.on_step)(Step { name: "emulator ready", took: begun.elapsed() });

        let mut address = Address {
            endpoint: format!("http://127.0.0.1:{port}"),
            endpoint_for_containers: bridge.as_ref().map(Bridge::endpoint),
            outputs: BTreeMap::new(),
            // A ULID has upper case and digits; the pool also requires lower case.
            password: format!("local-{}", Ulid::generate()),
            has_page: false,
        };
        address.outputs = match &options.deployer {
            Deployer::Own => deploy::deploy(&options, &address).await?,
            Deployer::Program(program) => deploy::deploy_by(program, &options, &address, &home.logs()).await?,
        };
        address.has_page = deploy::publish_page(&options, &address).await?;
        let path = home.dir().join("cloud.json");
        let json = serde_json::to_vec(&address).expect("strings become JSON");
        fs::write(&path, json).map_err(LocalError::io("write", path))?;
        Ok(Self { address, engine, emulator, home })
    }

    /// Addresses and outputs of the cloud.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The workers that are running, in no particular order.
    #[must_use]
    pub fn workers(&self) -> Vec<Worker> {
        self.engine.workers()
    }

    /// Process ID of the emulator. The processes of functions are its children.
    #[must_use]
    pub fn emulator_pid(&self) -> u32 {
        self.emulator.pid()
    }

    /// Folder with the logs of the emulator and of each worker.
    #[must_use]
    pub fn logs_dir(&self) -> PathBuf {
        self.home.logs()
    }

    /// Folder with this cloud's files.
    #[must_use]
    pub fn run_dir(&self) -> &Path {
        self.home.dir()
    }

    /// Fails if the emulator has ended.
    ///
    /// # Errors
    /// [`LocalError::EmulatorEnded`] if it has.
    pub fn check(&mut self) -> Result<(), LocalError> {
        self.emulator.running()
    }
}

/// Environment variables that Fargate adds to a container's own. The emulator's ECS adds the endpoint and credentials.
fn container_environment() -> Vec<(String, String)> {
    let pairs = [("AWS_REGION", REGION), ("AWS_DEFAULT_REGION", REGION), ("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE")];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Environment variables that an image would set, such as `PATH`.
fn program_environment(options: &CloudOptions) -> Vec<(String, String)> {
    let path = std::env::var("PATH").map(|path| ("PATH".to_owned(), path));
    path.into_iter().chain(options.program_environment.clone()).collect()
}

/// The value of a template parameter; empty where the template's default holds.
fn parameter<'a>(options: &'a CloudOptions, name: &str) -> &'a str {
    options.parameters.get(name).map(String::as_str).unwrap_or_default()
}

/// The images that this deployment starts. Without transcription its worker need not have been built.
fn needed_images(options: &CloudOptions) -> impl Iterator<Item = (&String, &Image)> {
    let transcribes = parameter(options, "Transcription") != "disabled";
    options.images.iter().filter(move |(worker, _)| transcribes || *worker != "transcribe-worker")
}

/// Asks each worker program whether anything is missing; fails with the first answer. Images contain everything that
/// they need.
fn check_workers(options: &CloudOptions) -> Result<(), LocalError> {
    let configured = [("SMMU_PROFILE", "Profile"), ("SMMU_SPEECH_MODEL_BUCKET", "SpeechModelBucket")];
    for (worker, image) in needed_images(options) {
        let Image::Program(entry_point) = image else { continue };
        let Some((program, arguments)) = entry_point.split_first() else { continue };
        let said = Command::new(program)
            .args(arguments)
            .arg("check")
            .env_clear()
            .envs(program_environment(options))
            .envs(configured.map(|(name, from)| (name, parameter(options, from))))
            .stdin(Stdio::null())
            .output()
            .map_err(LocalError::io("start", program))?;
        if !said.status.success() {
            let lacking = String::from_utf8_lossy(&said.stderr).trim().to_owned();
            return Err(LocalError::WorkerLacks { worker: worker.clone(), lacking });
        }
    }
    Ok(())
}

/// Fails if an image, or the program in its place, does not exist.
fn check_image(image: &Image) -> Result<(), LocalError> {
    match image {
        Image::Program(entry_point) => match entry_point.first().map(Path::new) {
            Some(program) if program.is_absolute() && !program.exists() => {
                Err(LocalError::BinaryMissing(program.to_owned()))
            }
            _ => Ok(()),
        },
        Image::Container(name) => {
            docker(&["image", "inspect", name]).map(drop).map_err(|_| LocalError::ImageMissing(name.clone()))
        }
    }
}
