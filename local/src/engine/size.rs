//! What a container may use.

use serde::Deserialize;

/// Billionths in one processor.
const WHOLE: u64 = 1_000_000_000;

/// Of `HostConfig`: what a container may use. 0 is no limit.
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
    /// What `docker run` is told.
    pub(super) fn as_docker_options(self) -> Vec<String> {
        let here = std::thread::available_parallelism().map_or(u64::MAX, |cpus| cpus.get() as u64);
        self.on_a_machine_of(here)
    }

    /// As Fargate has it: no swap. Docker refuses more processors than the machine has.
    fn on_a_machine_of(self, processors: u64) -> Vec<String> {
        let mut options = Vec::new();
        if self.memory_bytes > 0 {
            options.extend(["memory", "memory-swap"].map(|limit| format!("--{limit}={}b", self.memory_bytes)));
        }
        let nano_cpus = self.nano_cpus.min(processors.saturating_mul(WHOLE));
        if nano_cpus > 0 {
            options.push(format!("--cpus={}.{:09}", nano_cpus / WHOLE, nano_cpus % WHOLE));
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::Size;

    #[test]
    fn docker_is_told_the_size_as_far_as_the_machine_has_it() {
        let size = Size { memory_bytes: 4 << 30, nano_cpus: 2_500_000_000 };
        let memory = ["--memory=4294967296b", "--memory-swap=4294967296b"];
        assert_eq!(size.on_a_machine_of(8), [&memory[..], &["--cpus=2.500000000"]].concat());
        assert_eq!(size.on_a_machine_of(2), [&memory[..], &["--cpus=2.000000000"]].concat());
        assert!(Size::default().on_a_machine_of(2).is_empty());
    }
}
