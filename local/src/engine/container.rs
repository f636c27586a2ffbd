//! Containers as processes: creation, start, observation and stop.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::process::Command;
use tokio::sync::watch;
use ulid::Ulid;

use super::EngineConfig;
use super::credentials;
use super::model::{ContainerConfig, Inspected, InspectedConfig, InspectedState, NetworkSettings, Summary};
use super::rejection::Rejection;
use super::size::Size;
use crate::bridge::NETWORK;
use crate::docker::docker;
use crate::home;
use crate::options::Image;

/// Name by which a container reaches its host.
const HOST_NAME: &str = "host.docker.internal";
/// The host's address for a plain process.
const HOST_ADDRESS: &str = "127.0.0.1";
/// Label of real containers. Its value is the lock file of the cloud that the container belongs to.
pub(crate) const LABEL: &str = "smmu-local";
/// Docker options with Fargate's restrictions. Missing images are not pulled.
pub(crate) const AS_ON_FARGATE: [&str; 7] = [
    "--pull=never",
    "--rm",
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--log-driver=none",
    "--init=false",
];
/// Variables that the `docker` command itself needs.
const DOCKER_VARIABLES: [&str; 5] = ["PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"];

/// A running worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// Process id; the process leads a process group.
    pub pid: u32,
    /// Image of its container.
    pub image: String,
    /// Time of its start.
    pub started: OffsetDateTime,
    /// Memory and processors of its ECS task.
    pub size: Size,
}

/// Life cycle of a container.
#[derive(Debug, Clone, Copy)]
pub(super) enum Phase {
    Created,
    Running { pid: Pid, started: OffsetDateTime },
    Exited { code: i32, started: OffsetDateTime, finished: OffsetDateTime },
}

/// One container.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) log: PathBuf,
    config: ContainerConfig,
    image: Image,
    dir: PathBuf,
    created: OffsetDateTime,
    phase: watch::Sender<Phase>,
}

/// All containers of one engine.
#[derive(Debug, Clone)]
pub(super) struct Containers {
    config: Arc<EngineConfig>,
    by_id: Arc<Mutex<HashMap<String, Arc<Container>>>>,
}

impl Containers {
    pub(super) fn new(config: EngineConfig) -> Self {
        Self { config: Arc::new(config), by_id: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Container>>> {
        // Recovering is safe: no code panics between related changes.
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn all(&self) -> Vec<Arc<Container>> {
        self.lock().values().cloned().collect()
    }

    /// The container with this id, id prefix or name.
    pub(super) fn find(&self, id: &str) -> Result<Arc<Container>, Rejection> {
        let containers = self.lock();
        let named = |container: &&Arc<Container>| container.name == id || container.id.starts_with(id);
        containers
            .get(id)
            .or_else(|| containers.values().find(named))
            .cloned()
            .ok_or_else(|| Rejection::no_such_container(id))
    }

    /// Creates a container without starting a process.
    pub(super) fn create(&self, name: Option<String>, config: ContainerConfig) -> Result<Arc<Container>, Rejection> {
        let image = self.stand_in(&config.image).ok_or_else(|| Rejection::no_such_image(&config.image))?.clone();
        let id = format!("{:032x}{:032x}", Ulid::generate().0, Ulid::generate().0);
        let name = name.unwrap_or_else(|| id[..12].to_owned());
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)) {
            return Err(Rejection::conflict(format!("invalid container name {name:?}")));
        }
        let mut containers = self.lock();
        if containers.values().any(|container| container.name == name) {
            return Err(Rejection::conflict(format!("the container name {name} is already in use")));
        }
        let container = Arc::new(Container {
            log: self.config.logs.join(format!("{name}.log")),
            dir: self.config.tmp.join(&name),
            image,
            created: OffsetDateTime::now_utc(),
            phase: watch::Sender::new(Phase::Created),
            config,
            name,
            id: id.clone(),
        });
        containers.insert(id, Arc::clone(&container));
        Ok(container)
    }

    fn stand_in(&self, image: &str) -> Option<&Image> {
        let repository = image.rsplit('/').next()?.split(['@', ':']).next()?;
        self.config.images.iter().find_map(|(name, image)| {
            let stem = repository.strip_suffix(name.as_str())?;
            (stem.is_empty() || stem.ends_with('-')).then_some(image)
        })
    }

    /// The command that runs the container. `credentials` are for real containers.
    fn command(&self, container: &Container, credentials: Vec<(String, String)>) -> Command {
        let mut command = Command::new("setpriv");
        // The kernel kills the process when this one ends, for any reason.
        command.args(["--pdeathsig", "KILL", "--"]).env_clear();
        match &container.image {
            Image::Program(entry_point) => {
                command
                    .args(entry_point)
                    .envs(self.config.environment.iter().cloned())
                    .envs(self.config.program_environment.iter().cloned())
                    .env("TMPDIR", &container.dir)
                    .envs(container.environment(HOST_ADDRESS));
            }
            Image::Container(image) => {
                let host = self.config.bridge.as_ref().map_or(HOST_ADDRESS.to_owned(), |to| to.gateway.to_string());
                let mut environment: BTreeMap<_, _> = self.config.environment.iter().cloned().collect();
                environment.extend(container.environment(&host));
                environment.retain(|name, _| !credentials::VARIABLES.contains(&name.as_str()));
                environment.extend(credentials);
                command.args(["docker", "run"]).args(AS_ON_FARGATE).arg(format!("--network={NETWORK}"));
                command.args(container.config.host_config.as_docker_options());
                command
                    .arg(format!("--name={}", container.name))
                    .arg(format!("--label={LABEL}={}", self.config.lock.display()));
                // Only the names: other users of the machine can see arguments.
                command.args(environment.keys().map(|name| format!("--env={name}"))).arg(image);
                let docker = DOCKER_VARIABLES.into_iter().filter_map(|name| Some((name, std::env::var(name).ok()?)));
                command.envs(environment).envs(docker);
            }
        }
        command.args(&container.config.cmd);
        command
    }

    /// Removes real containers that killed clouds left behind.
    pub(super) fn remove_orphans(&self) {
        if !self.config.images.values().any(|image| matches!(image, Image::Container(_))) {
            return;
        }
        let filter = format!("label={LABEL}");
        let format = format!("{{{{.ID}}}} {{{{.Label \"{LABEL}\"}}}}");
        // If the engine does not respond, starting a container reports it.
        let found = docker(&["ps", "--all", "--filter", &filter, "--format", &format]).unwrap_or_default();
        for (id, lock) in found.lines().filter_map(|line| line.split_once(' ')) {
            if !home::is_locked(Path::new(lock)).unwrap_or(true) {
                // If this fails, the container runs on but is harmless: its job is gone.
                let _ = docker(&["rm", "--force", "--volumes", id]);
            }
        }
    }

    /// Starts the container's process.
    pub(super) async fn start(&self, container: &Arc<Container>) -> Result<(), Rejection> {
        let credentials = match container.image {
            Image::Program(_) => Vec::new(),
            Image::Container(_) => {
                credentials::fetch(&container.environment(HOST_ADDRESS)).await.map_err(Rejection::failed)?
            }
        };
        if !matches!(container.phase(), Phase::Created) {
            return Err(Rejection::conflict(format!("container {} has already been started", container.name)));
        }
        let failed = |error: io::Error| Rejection::failed(format!("cannot start {:?}: {error}", container.image));
        fs::create_dir_all(&container.dir).map_err(failed)?;
        let log = File::create(&container.log).map_err(failed)?;
        let mut child = self
            .command(container, credentials)
            .current_dir(&container.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let pid = pid.expect("a child that has not been waited for has an id");
        let started = OffsetDateTime::now_utc();
        container.phase.send_replace(Phase::Running { pid, started });
        let container = Arc::clone(container);
        tokio::spawn(async move {
            let code = exit_code(child.wait().await);
            // Also end processes that the worker left behind, as with a container.
            let _ = kill_process_group(pid, Signal::KILL);
            if let Image::Container(_) = container.image {
                // A killed `docker run` leaves the container running; otherwise it is removed already.
                let _ = Command::new("docker").args(["rm", "--force", "--volumes", &container.name]).output().await;
            }
            let _ = fs::remove_dir_all(&container.dir);
            container.phase.send_replace(Phase::Exited { code, started, finished: OffsetDateTime::now_utc() });
        });
        Ok(())
    }

    pub(super) fn forget(&self, container: &Container) {
        self.lock().remove(&container.id);
    }

    /// The workers that are running.
    pub(super) fn workers(&self) -> Vec<Worker> {
        let running = |container: &Arc<Container>| match container.phase() {
            Phase::Running { pid, started } => Some(Worker {
                pid: pid.as_raw_nonzero().get().unsigned_abs(),
                image: container.config.image.clone(),
                started,
                size: container.config.host_config,
            }),
            Phase::Created | Phase::Exited { .. } => None,
        };
        self.lock().values().filter_map(running).collect()
    }

    /// Stops all containers concurrently.
    pub(super) async fn stop_all(&self, grace: Duration) {
        let stopping: Vec<_> =
            self.all().into_iter().map(|container| tokio::spawn(async move { container.stop(grace).await })).collect();
        for stopped in stopping {
            // A panic in one must not keep the others from stopping.
            let _ = stopped.await;
        }
    }
}

impl Container {
    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Waits for the end of the container and returns the exit code. Never returns if it is never started.
    pub(super) async fn ended(&self) -> i32 {
        let mut phase = self.phase.subscribe();
        loop {
            if let Phase::Exited { code, .. } = *phase.borrow_and_update() {
                return code;
            }
            // Cannot fail: the sender is in `self`.
            let _ = phase.changed().await;
        }
    }

    /// Sends SIGTERM to the whole process group, and SIGKILL after `grace`. Returns when the process has ended.
    pub(super) async fn stop(&self, grace: Duration) {
        let Phase::Running { pid, .. } = self.phase() else { return };
        // Fails if the group has ended in the meantime, which is fine.
        let _ = kill_process_group(pid, Signal::TERM);
        if tokio::time::timeout(grace, self.ended()).await.is_err() {
            let _ = kill_process_group(pid, Signal::KILL);
            self.ended().await;
        }
    }

    pub(super) fn has_label(&self, wanted: &str) -> bool {
        match wanted.split_once('=') {
            Some((name, value)) => self.config.labels.get(name).is_some_and(|found| found == value),
            None => self.config.labels.contains_key(wanted),
        }
    }

    /// The container's own variables, with the host's name replaced by `host`.
    fn environment(&self, host: &str) -> BTreeMap<String, String> {
        let pairs = self.config.env.iter().filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.replace(HOST_NAME, host))).collect()
    }

    pub(super) fn summary(&self) -> Summary {
        Summary {
            id: self.id.clone(),
            names: vec![format!("/{}", self.name)],
            image: self.config.image.clone(),
            state: status(self.phase()),
            labels: self.config.labels.clone(),
        }
    }

    pub(super) fn inspected(&self) -> Inspected {
        let phase = self.phase();
        let (pid, exit_code, started, finished) = match phase {
            Phase::Created => (0, 0, None, None),
            Phase::Running { pid, started } => (pid.as_raw_nonzero().get(), 0, Some(started), None),
            Phase::Exited { code, started, finished } => (0, code, Some(started), Some(finished)),
        };
        Inspected {
            id: self.id.clone(),
            name: format!("/{}", self.name),
            created: rfc3339(Some(self.created)),
            image: self.config.image.clone(),
            state: InspectedState {
                status: status(phase),
                running: matches!(phase, Phase::Running { .. }),
                pid,
                exit_code,
                started_at: rfc3339(started),
                finished_at: rfc3339(finished),
            },
            config: InspectedConfig {
                image: self.config.image.clone(),
                env: self.config.env.clone(),
                cmd: self.config.cmd.clone(),
                labels: self.config.labels.clone(),
                tty: false,
            },
            network_settings: NetworkSettings { ip_address: HOST_ADDRESS, networks: BTreeMap::new() },
        }
    }
}

fn status(phase: Phase) -> &'static str {
    match phase {
        Phase::Created => "created",
        Phase::Running { .. } => "running",
        Phase::Exited { .. } => "exited",
    }
}

/// Formats a time like Docker: the year 1 means "not yet".
fn rfc3339(at: Option<OffsetDateTime>) -> String {
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| "0001-01-01T00:00:00Z".to_owned())
}

/// The exit code like Docker: 128 + the signal's number if a signal ended the process.
fn exit_code(ended: io::Result<ExitStatus>) -> i32 {
    let signalled = |status: ExitStatus| status.signal().map(|signal| 128 + signal);
    // 125 is Docker's code for a failure of the engine itself.
    ended.map_or(125, |status| status.code().or_else(|| signalled(status)).unwrap_or(125))
}
