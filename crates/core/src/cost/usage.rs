//! What is used: time of machines, requests, storage.

use std::ops::Add;

/// What was used, in the units that are multiplied with prices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Memory of a function times its time, in MB times milliseconds.
    pub lambda_mb_ms: u64,
    /// CPU units (1024 are one vCPU) times milliseconds.
    pub fargate_cpu_unit_ms: u64,
    /// Memory of a container times its time, in MiB times milliseconds.
    pub fargate_mib_ms: u64,
    /// Disk of a container beyond what is free times its time, in GiB times milliseconds.
    pub fargate_disk_gib_ms: u64,
    /// Requests to services.
    pub requests: Requests,
    /// What is stored for a month, in bytes.
    pub stored_bytes: u64,
}

/// Requests by what one of them costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// Invocations of functions.
    pub lambda: u64,
    /// States entered by an execution.
    pub state_transitions: u64,
    /// Objects, or parts of them, written.
    pub object_writes: u64,
    /// Objects, or ranges of them, read.
    pub object_reads: u64,
    /// Write request units of tables and their indexes.
    pub record_writes: u64,
    /// Read request units.
    pub record_reads: u64,
    /// Messages sent, received or deleted.
    pub queue: u64,
    /// Requests to the API.
    pub api: u64,
}

/// What a worker runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// A function.
    Lambda {
        /// Memory in MB.
        memory_mb: u32,
    },
    /// A container.
    Fargate {
        /// 1024 are one vCPU.
        cpu_units: u32,
        /// Memory in MiB.
        memory_mib: u32,
        /// Disk in GiB.
        disk_gib: u32,
    },
}

impl Machine {
    /// "AWS Fargate pricing": a container is billed for a minute at least.
    pub const FARGATE_LEAST_MS: u64 = 60_000;
    /// "AWS Fargate pricing": this much disk costs nothing.
    pub const FARGATE_FREE_DISK_GIB: u32 = 20;

    /// What it uses in so many milliseconds.
    #[must_use]
    pub fn running(self, ms: u64) -> Usage {
        let times = |ms: u64, size: u32| ms.saturating_mul(u64::from(size));
        match self {
            Self::Lambda { memory_mb } => Usage {
                lambda_mb_ms: times(ms, memory_mb),
                requests: Requests { lambda: 1, ..Requests::default() },
                ..Usage::default()
            },
            Self::Fargate { cpu_units, memory_mib, disk_gib } => {
                let ms = ms.max(Self::FARGATE_LEAST_MS);
                Usage {
                    fargate_cpu_unit_ms: times(ms, cpu_units),
                    fargate_mib_ms: times(ms, memory_mib),
                    fargate_disk_gib_ms: times(ms, disk_gib.saturating_sub(Self::FARGATE_FREE_DISK_GIB)),
                    ..Usage::default()
                }
            }
        }
    }
}

impl Usage {
    /// What every job uses apart from its workers, as its journey is built: two requests to the API; one invocation each
    /// of `dispatch`, `validate-input`, `detect-type`, `update-status`, and of `reconcile`, which passes its turn on; a
    /// message that is sent, received and deleted; the states of its branch; the records of media and job with their
    /// indexes, of its turn and of the user's day. The functions run some tens of milliseconds at 256 MB, which nobody
    /// meters; 100 ms each are assumed.
    #[must_use]
    pub fn of_journey(workers: usize, source_bytes: u64) -> Self {
        const INVOCATIONS: u64 = 7;
        const ASSUMED_MB_MS: u64 = 256 * 100;
        // A Parallel state and the states in it count beside each other.
        let inside = if workers > 1 { workers as u64 } else { 0 };
        Self {
            lambda_mb_ms: INVOCATIONS * ASSUMED_MB_MS,
            requests: Requests {
                lambda: INVOCATIONS,
                state_transitions: 7 + inside,
                object_writes: 1,
                object_reads: 4,
                record_writes: 29,
                record_reads: 13,
                queue: 3,
                api: 2,
            },
            stored_bytes: source_bytes,
            ..Self::default()
        }
    }

    /// What an attempt uses besides its machine: it reads the source in parts of `part_bytes`, writes each artifact and
    /// the manifest, and its progress every two seconds and every percent at the most. A write of a job also moves its
    /// entry in the index, which costs two more.
    #[must_use]
    pub fn of_attempt(source_bytes: u64, part_bytes: u64, artifacts: &[u64], ran_ms: u64) -> Self {
        let news = (ran_ms / 2000).min(85) + artifacts.len() as u64 + 3;
        Self {
            requests: Requests {
                object_writes: artifacts.len() as u64 + 1,
                object_reads: source_bytes.div_ceil(part_bytes.max(1)),
                record_writes: 3 * news,
                record_reads: news,
                ..Requests::default()
            },
            stored_bytes: artifacts.iter().sum(),
            ..Self::default()
        }
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (a, b) = (self.requests, other.requests);
        Self {
            lambda_mb_ms: self.lambda_mb_ms.saturating_add(other.lambda_mb_ms),
            fargate_cpu_unit_ms: self.fargate_cpu_unit_ms.saturating_add(other.fargate_cpu_unit_ms),
            fargate_mib_ms: self.fargate_mib_ms.saturating_add(other.fargate_mib_ms),
            fargate_disk_gib_ms: self.fargate_disk_gib_ms.saturating_add(other.fargate_disk_gib_ms),
            requests: Requests {
                lambda: a.lambda.saturating_add(b.lambda),
                state_transitions: a.state_transitions.saturating_add(b.state_transitions),
                object_writes: a.object_writes.saturating_add(b.object_writes),
                object_reads: a.object_reads.saturating_add(b.object_reads),
                record_writes: a.record_writes.saturating_add(b.record_writes),
                record_reads: a.record_reads.saturating_add(b.record_reads),
                queue: a.queue.saturating_add(b.queue),
                api: a.api.saturating_add(b.api),
            },
            stored_bytes: self.stored_bytes.saturating_add(other.stored_bytes),
        }
    }
}
