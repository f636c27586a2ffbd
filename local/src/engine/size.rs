//! Limits on a container's memory and processors.

use serde::Deserialize;

/// Number of `nano_cpus` in one processor.
const NANO_CPUS_PER_CPU: u64 = 1_000_000_000;

/// Memory and processors of a container, from `HostConfig`. 0 means no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Size {
    /// Memory, in bytes.
    #[serde(rename = "Memory")]
    pub memory_bytes: u64,
    /// Processors, in billionths of one.
    pub nano_cpus: u64,
}

impl Size {
    /// Options for `docker run`.
    pub(super) fn as_docker_options(self) -> Vec<String> {
        let here = std::thread::available_parallelism().map_or(u64::MAX, |cpus| cpus.get() as u64);
        self.capped_to(here)
    }

    /// No swap, as on Fargate. Capped to the machine's processors, because Docker rejects more.
    fn capped_to(self, processors: u64) -> Vec<String> {
        let mut options = Vec::new();
        if self.memory_bytes > 0 {
            options.extend(["memory", "memory-swap"].map(|limit| format!("--{limit}={}b", self.memory_bytes)));
        }
        let nano_cpus = self.nano_cpus.min(processors.saturating_mul(NANO_CPUS_PER_CPU));
        if nano_cpus > 0 {
            options.push(format!("--cpus={}.{:09}", nano_cpus / NANO_CPUS_PER_CPU, nano_cpus % NANO_CPUS_PER_CPU));
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn docker_options_are_capped_to_the_processors_of_the_machine() {
        let size = Size { memory_bytes: 4 << 30, nano_cpus: 2_500_000_000 };
        let memory = ["--memory=4294967296b", "--memory-swap=4294967296b"];
        assert_eq!(size.capped_to(8), [&memory[..], &["--cpus=2.500000000"]].concat());
        assert_eq!(size.capped_to(2), [&memory[..], &["--cpus=2.000000000"]].concat());
        assert!(Size::default().capped_to(2).is_empty());
    }
}
