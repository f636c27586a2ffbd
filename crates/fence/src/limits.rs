//! Resource limits of a program, which is also killed when the thread that started it ends.

use clap::Args;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit};

#[derive(Args)]
pub(crate) struct Limits {
    /// Maximum address space.
    #[arg(long, value_name = "BYTES")]
    memory_bytes: u64,
    /// Maximum size of a file that the program writes.
    #[arg(long, value_name = "BYTES")]
    file_bytes: u64,
    /// Maximum processor time of all threads together.
    #[arg(long, value_name = "SECONDS")]
    cpu_seconds: u64,
}

/// Maximum number of open files: the source, the outputs and libraries.
const OPEN_FILES: u64 = 256;
/// Maximum number of threads of all of the user's programs together, which is how the kernel counts them: more than a
/// desktop has, and far fewer than a machine supports.
const THREADS: u64 = 4096;

impl Limits {
    pub(crate) fn apply(&self) -> Result<(), String> {
        let limits = [
            (Resource::As, self.memory_bytes),
            (Resource::Fsize, self.file_bytes),
            (Resource::Cpu, self.cpu_seconds),
            (Resource::Nofile, OPEN_FILES),
            (Resource::Nproc, THREADS),
            // A core dump would be written next to the outputs.
            (Resource::Core, 0),
        ];
        for (resource, limit) in limits {
            // Keep a limit that is already lower.
            let limit = getrlimit(resource).maximum.map_or(limit, |most| most.min(limit));
            setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })
                .map_err(|error| format!("failed to set the limit {resource:?} to {limit}: {error}"))?;
        }
        set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| format!("failed to set the signal for the end of the worker: {error}"))
    }
}
