//! A stand-in for the container engine: the part of the Docker Engine API that ECS in the emulator uses, on a unix
//! socket, with plain processes in place of containers; or, where an [`Image`] says so, with containers of the real engine,
//! each of them held by a `docker run` that is such a process.
//!
//! What a container would have is imitated as far as a worker can see it: the environment is the container's alone, the
//! working directory is private and goes with the container, output becomes the container's log, stopping is SIGTERM and
//! then SIGKILL, and the exit code of a process that a signal ended is 128 + the signal's number. Not imitated: the file
//! system of an image, and the size of its ECS task. A container has its memory and processors; of a process nothing less
//! than a control group counts what it starts as well, and making one takes root.
//!
//! It has a thread of its own with a single-threaded runtime. That makes it independent of its user's runtime, and gives
//! the processes a parent thread that lives as long as the stand-in: the kernel tells a process of its parent's death when
//! the parent *thread* ends (`PR_SET_PDEATHSIG`, prctl(2)).

mod api;
mod container;
mod credentials;
mod logs;
mod model;
mod size;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::oneshot;

use crate::bridge::Bridge;
use crate::options::Image;
use container::Containers;
pub use container::Worker;
pub use size::Size;

/// How long workers may take to end on SIGTERM when the whole cloud stops.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// What containers are made of.
#[derive(Debug)]
pub(crate) struct EngineConfig {
    /// What stands in for each image repository, see [`CloudOptions::images`](crate::CloudOptions::images).
    pub(crate) images: BTreeMap<String, Image>,
    /// What the platform gives every container besides its own environment.
    pub(crate) environment: Vec<(String, String)>,
    /// What programs get besides, which images have by themselves.
    pub(crate) program_environment: Vec<(String, String)>,
    /// The way of real containers to the cloud.
    pub(crate) bridge: Option<Bridge>,
    /// The file that this cloud keeps locked while it runs.
    pub(crate) lock: PathBuf,
    /// Where each container's log goes.
    pub(crate) logs: PathBuf,
    /// Where each container's working directory is made.
    pub(crate) tmp: PathBuf,
}

/// A running stand-in; its containers end when it is dropped.
#[derive(Debug)]
pub(crate) struct Engine {
    containers: Containers,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Listens on `socket`.
    pub(crate) fn start(socket: PathBuf, config: EngineConfig) -> io::Result<Self> {
        let bridge = config.bridge.clone();
        let containers = Containers::new(config);
        containers.clear_left_behind();
        let (stop, stopped) = oneshot::channel();
        let (started, start) = mpsc::channel();
        let served = containers.clone();
        let thread = std::thread::Builder::new().name("container-engine".to_owned()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error))),
            };
            runtime.block_on(async {
                let opened = UnixListener::bind(socket);
                let opened = opened.and_then(|api| Ok((api, bridge.as_ref().map(Bridge::listen).transpose()?)));
                let (api, door) = match opened {
                    Ok(both) => both,
                    Err(error) => return drop(started.send(Err(error))),
                };
                drop(started.send(Ok(())));
                let relay = async {
                    match bridge.as_ref().zip(door) {
                        Some((bridge, door)) => bridge.relay(door).await,
                        None => std::future::pending().await,
                    }
                };
                let stop = async {
                    // However it comes: with the word, or with the one who would have said it.
                    let _ = stopped.await;
                    served.stop_all(STOP_GRACE).await;
                };
                // Containers need the relay until they have ended.
                tokio::select! {
                    result = axum::serve(api, api::router(served.clone())) => drop(result),
                    () = relay => {}
                    () = stop => {}
                }
            });
        })?;
        start.recv().unwrap_or_else(|_| Err(io::Error::other("its thread ended")))?;
        Ok(Self { containers, stop: Some(stop), thread: Some(thread) })
    }

    /// The workers that run at this moment.
    pub(crate) fn workers(&self) -> Vec<Worker> {
        self.containers.workers()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Already gone when its runtime failed; then there is nothing to stop.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
