//! What a program may use up, and how long it may outlive who started it: not at all.

use clap::Args;
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

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

/// Descriptors: some for the source and the outputs, two for each of a hundred threads' worth of anything.
const OPEN_FILES: u64 = 256;

impl Limits {
    pub(crate) fn apply(&self) -> Result<(), String> {
        let limits = [
            (Resource::As, self.memory_bytes),
            (Resource::Fsize, self.file_bytes),
            (Resource::Cpu, self.cpu_seconds),
            (Resource::Nofile, OPEN_FILES),
            // A dump would lie where the outputs do.
            (Resource::Core, 0),
        ];
        for (resource, limit) in limits {
            setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })
                .map_err(|error| format!("failed to set the limit {resource:?} to {limit}: {error}"))?;
        }
        set_parent_process_death_signal(Some(Signal::KILL))
            .map_err(|error| format!("failed to be ended with the worker: {error}"))
    }
}
