//! A stand-in for the container engine: the part of the Docker Engine API that the emulator's ECS uses, on a unix
//! socket, with plain processes in place of containers. For an [`Image::Container`], the process is a `docker run` that
//! holds a container of the real engine.
//!
//! Processes behave like containers as far as a worker can see: each has only the container's environment and a private
//! working directory that is removed with it; its output is the container's log; it is stopped with SIGTERM, then
//! SIGKILL; and if a signal ends it, the exit code is 128 + the signal's number. Not imitated are the file system of an
//! image and the size of the ECS task. Real containers have that size. For a process, only a control group could limit
//! it together with its children, and creating one requires root.
//!
//! The stand-in has its own thread with a single-threaded runtime. This makes it independent of the caller's runtime,
//! and gives the processes a parent thread that lives as long as the stand-in: the kernel signals the parent's death
//! when the parent *thread* ends (`PR_SET_PDEATHSIG`, prctl(2)).

mod api;
mod container;
mod credentials;
mod logs;
mod model;
mod rejection;
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
pub(crate) use container::{AS_ON_FARGATE, LABEL};
pub use size::Size;

/// How long workers can take to end on SIGTERM when the whole cloud stops.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Configuration of the stand-in.
#[derive(Debug)]
pub(crate) struct EngineConfig {
    /// The stand-in for each image repository, see [`CloudOptions::images`](crate::CloudOptions::images).
    pub(crate) images: BTreeMap<String, Image>,
    /// Variables that the platform adds to every container's environment.
    pub(crate) environment: Vec<(String, String)>,
    /// Further variables for programs; images set these themselves.
    pub(crate) program_environment: Vec<(String, String)>,
    /// Lets real containers reach the cloud.
    pub(crate) bridge: Option<Bridge>,
    /// The file that this cloud locks while it runs.
    pub(crate) lock: PathBuf,
    /// Folder for the containers' logs.
    pub(crate) logs: PathBuf,
    /// Folder for the containers' working directories.
    pub(crate) tmp: PathBuf,
}

/// A running stand-in. Dropping it ends its containers.
#[derive(Debug)]
pub(crate) struct Engine {
    containers: Containers,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread and listens on `socket`.
    pub(crate) fn start(socket: PathBuf, config: EngineConfig) -> io::Result<Self> {
        let bridge = config.bridge.clone();
        let containers = Containers::new(config);
        containers.remove_orphans();
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
                    // Either a message was sent or the sender was dropped; both mean stop.
                    let _ = stopped.await;
                    served.stop_all(STOP_GRACE).await;
                };
                // The relay runs until all containers have ended.
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

    /// The workers that are running.
    pub(crate) fn workers(&self) -> Vec<Worker> {
        self.containers.workers()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // Fails if the thread has ended already; then nothing is left to stop.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
