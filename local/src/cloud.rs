//! A running one-machine cloud.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

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

/// A running one-machine cloud with the template deployed. Everything that it started ends when it is dropped.
#[derive(Debug)]
pub struct Cloud {
    address: Address,
    // Dropped in this order: workers first, so that they end as stopped, not as failed; files last.
    engine: Engine,
    emulator: Emulator,
    home: Home,
}

impl Cloud {
    /// Starts the stand-in for the container engine and the emulator, deploys the template, and returns when the stack
    /// is complete.
    ///
    /// # Errors
    /// Each variant of [`LocalError`] but `NotRunning`; what was started by then is stopped.
    pub async fn start(options: CloudOptions) -> Result<Self, LocalError> {
        // Many calls of the SDK make a large future, which callers should not carry.
        Box::pin(Self::assemble(options)).await
    }

    async fn assemble(options: CloudOptions) -> Result<Self, LocalError> {
        // Asked now, or what is missing would show as a failed job.
        options.images.values().try_for_each(is_there)?;
        if options.check_workers {
            workers_lack_nothing(&options)?;
        }
        let port = port::choose(options.port)?;
        // First, because it knows our own clouds by name.
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
        };
        address.outputs = match &options.deployer {
            Deployer::Own => deploy::deploy(&options, &address.sdk_config().await).await?,
            Deployer::Program(program) => deploy::deploy_by(program, &options, &address, &home.logs()).await?,
        };
        let path = home.dir().join("cloud.json");
        let json = serde_json::to_vec(&address).expect("strings become JSON");
        fs::write(&path, json).map_err(LocalError::io("write", path))?;
        Ok(Self { address, engine, emulator, home })
    }

    /// How the cloud is reached.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The workers that run at this moment, in no order.
    #[must_use]
    pub fn workers(&self) -> Vec<Worker> {
        self.engine.workers()
    }

    /// Where the emulator's and each worker's log is.
    #[must_use]
    pub fn logs_dir(&self) -> PathBuf {
        self.home.logs()
    }

    /// Where this cloud keeps its files.
    #[must_use]
    pub fn run_dir(&self) -> &Path {
        self.home.dir()
    }

    /// Fails when the emulator has ended by itself.
    ///
    /// # Errors
    /// [`LocalError::EmulatorEnded`].
    pub fn check(&mut self) -> Result<(), LocalError> {
        self.emulator.running()
    }
}

/// What Fargate gives a container besides its own environment. Endpoint and credentials come from the emulator's ECS.
fn container_environment() -> Vec<(String, String)> {
    let pairs = [("AWS_REGION", REGION), ("AWS_DEFAULT_REGION", REGION), ("AWS_EXECUTION_ENV", "AWS_ECS_FARGATE")];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// What an image would set: a `PATH`, and more.
fn program_environment(options: &CloudOptions) -> Vec<(String, String)> {
    let path = std::env::var("PATH").map(|path| ("PATH".to_owned(), path));
    path.into_iter().chain(options.program_environment.clone()).collect()
}

/// Fails with what the first worker says that it lacks. Images have everything inside.
fn workers_lack_nothing(options: &CloudOptions) -> Result<(), LocalError> {
    let parameter = |name: &str| options.parameters.get(name).map(String::as_str).unwrap_or_default();
    let configured = [("SMMU_PROFILE", "Profile"), ("SMMU_SPEECH_MODEL_BUCKET", "SpeechModelBucket")];
    for (worker, image) in &options.images {
        let Image::Program(entry_point) = image else { continue };
        let Some((program, arguments)) = entry_point.split_first() else { continue };
        if worker == "transcribe-worker" && parameter("Transcription") == "disabled" {
            continue;
        }
        let said = Command::new(program)
            .args(arguments)
            .arg("check")
            .env_clear()
            .envs(program_environment(options))
            .envs(configured.map(|(name, from)| (name, parameter(from))))
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

/// Whether what stands in for an image can be started.
fn is_there(image: &Image) -> Result<(), LocalError> {
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
