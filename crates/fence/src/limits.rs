//! What a program may use up, and that it is ended with the thread that started it.

use clap::Args;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};

#[derive(Args)]
pub(crate) struct Limits {
    /// Address space.
    #[arg(long, value_name = "BYTES")]
    memory_bytes: u64,
    /// Largest file that it may write.
    #[arg(long, value_name = "BYTES")]
    file_bytes: u64,
    /// Processor time, of all its threads together.
    #[arg(long, value_name = "SECONDS")]
    cpu_seconds: u64,
}

/// Descriptors: for the source, the outputs and libraries.
const OPEN_FILES: u64 = 256;
/// Threads of all programs of the user together, which is how the kernel counts them: more than a desktop has, and far
/// fewer than a machine.
const THREADS: u64 = 4096;

impl Limits {
    pub(crate) fn apply(&self) -> Result<(), String> {
        let limits = [
            (Resource::As, self.memory_bytes),
            (Resource::Fsize, self.file_bytes),
            (Resource::Cpu, self.cpu_seconds),
            (Resource::Nofile, OPEN_FILES),
            (Resource::Nproc, THREADS),
            // A dump would lie where the outputs do.
            (Resource::Core, 0),
        ];
        for (resource, limit) in limits {
            // One that is tighter already stays.
            let limit = getrlimit(resource).maximum.map_or(limit, |most| most.min(limit));
            setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })
                .map_err(|error| format!("failed to set the limit {resource:?} to {limit}: {error}"))?;
        }
        set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| format!("failed to be ended with the worker: {error}"))
    }
}
