//! Usage: machine time, requests and storage.

use std::ops::Add;

/// Usage, in the units of the price table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Memory of functions times run time, in MB times milliseconds.
    pub lambda_mb_ms: u64,
    /// CPU of containers times run time, in CPU units (1024 are one vCPU) times milliseconds.
    pub fargate_cpu_unit_ms: u64,
    /// Memory of containers times run time, in MiB times milliseconds.
    pub fargate_mib_ms: u64,
    /// Disk of containers beyond the free amount times run time, in GiB times milliseconds.
    pub fargate_disk_gib_ms: u64,
    /// Memory of light runs times run time, in MB times milliseconds.
    pub light_mb_ms: u64,
    /// Requests to services.
    pub requests: Requests,
    /// Bytes stored for a month.
    pub stored_bytes: u64,
}

/// Number of requests by price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// Invocations of functions.
    pub lambda: u64,
    /// State transitions of an execution.
    pub state_transitions: u64,
    /// Runs of the light state machine.
    pub light_runs: u64,
    /// Objects or parts written.
    pub object_writes: u64,
    /// Objects or byte ranges read.
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

/// The state machine that ended a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The light one, in a run of this length.
    Light {
        /// Milliseconds from the run's begin to the job's end.
        ran_ms: u64,
    },
    /// The Standard one, after a light run that handed the job over.
    Standard,
}

/// Machine that a worker runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// A function.
    Lambda {
        /// Memory in MB.
        memory_mb: u32,
    },
    /// A container.
    Fargate {
        /// CPU units; 1024 are one vCPU.
        cpu_units: u32,
        /// Memory in MiB.
        memory_mib: u32,
        /// Disk in GiB.
        disk_gib: u32,
    },
}

/// How many threads work runs in, on a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// One, as for an image.
    One,
    /// As many as there are processors.
    Many,
}

impl Machine {
    /// Minimum billed run time in milliseconds ("AWS Fargate pricing").
    pub const FARGATE_LEAST_MS: u64 = 60_000;
    /// Free disk in GiB ("AWS Fargate pricing").
    pub const FARGATE_FREE_DISK_GIB: u32 = 20;

    /// Returns whether each attempt starts a new one.
    #[must_use]
    pub const fn is_container(self) -> bool {
        match self {
            Self::Lambda { .. } => false,
            Self::Fargate { .. } => true,
        }
    }

    /// Time for `core_ms` milliseconds of work on one core, in milliseconds.
    #[must_use]
    pub fn ms_of(self, core_ms: u64, threads: Threads) -> u64 {
        // "Configure Lambda function memory": 1769 MB are one vCPU.
        const LAMBDA_CORE_MB: u64 = 1769;
        let (units, a_core) = match (self, threads) {
            (Self::Lambda { memory_mb }, Threads::One) => (u64::from(memory_mb).min(LAMBDA_CORE_MB), LAMBDA_CORE_MB),
            (Self::Lambda { memory_mb }, Threads::Many) => (u64::from(memory_mb), LAMBDA_CORE_MB),
            (Self::Fargate { cpu_units, .. }, Threads::One | Threads::Many) => (u64::from(cpu_units), 1024),
        };
        core_ms.saturating_mul(a_core) / units.max(1)
    }

    /// Usage of a run that lasts `ms` milliseconds.
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
    /// Assumed for an invocation that is not metered: 100 ms at 256 MB.
    const ASSUMED_MB_MS: u64 = 256 * 100;

    /// Memory of a light run in MB: the smallest that is billed ("AWS Step Functions pricing": chunks of 64 MB).
    const LIGHT_MB: u64 = 64;
    /// Assumed for a light run that hands its job over.
    const HANDED_OVER_MS: u64 = 1000;

    /// Usage of a light run of this length; AWS bills 100 ms at a time.
    fn of_light_run(ran_ms: u64) -> Self {
        Self {
            light_mb_ms: ran_ms.div_ceil(100).saturating_mul(100).saturating_mul(Self::LIGHT_MB),
            requests: Requests { light_runs: 1, ..Requests::default() },
            ..Self::default()
        }
    }

    /// Usage of every job apart from its workers. See [`Self::of_states`], without the states if a light run ended it.
    #[must_use]
    pub fn of_journey(way: Way, workers: usize, source_bytes: u64) -> Self {
        let journey = Self::of_states(workers, source_bytes);
        match way {
            Way::Light { ran_ms } => {
                let requests = Requests { state_transitions: 0, ..journey.requests };
                Self { requests, ..journey } + Self::of_light_run(ran_ms)
            }
            Way::Standard => {
                // The light run validated and detected too, and wrote the job.
                let requests =
                    Requests { lambda: 2, object_reads: 2, record_writes: 6, record_reads: 3, ..Requests::default() };
                let begun = Self { lambda_mb_ms: 2 * Self::ASSUMED_MB_MS, requests, ..Self::default() };
                journey + begun + Self::of_light_run(Self::HANDED_OVER_MS)
            }
        }
    }

    /// Usage of a job in the Standard state machine: two requests to the API; two invocations of `dispatch`, one each of
    /// `validate-input`, `detect-type`, `update-status`, and of `reconcile`, which starts the user's next job; a message
    /// that is sent, received twice, kept once and deleted; the states of its branch; the records of media and job with
    /// their indexes, of the job's turn and of the user's daily quota. The functions run some tens of milliseconds at
    /// 256 MB; that is not metered, and 100 ms each are assumed.
    fn of_states(workers: usize, source_bytes: u64) -> Self {
        const INVOCATIONS: u64 = 8;
        // The Parallel state is counted with the others, and inside it each worker has a choice of its place and a state.
        let inside = if workers > 1 { 2 * workers as u64 } else { 0 };
        Self {
            lambda_mb_ms: INVOCATIONS * Self::ASSUMED_MB_MS,
            requests: Requests {
                lambda: INVOCATIONS,
                state_transitions: 7 + inside,
                object_writes: 1,
                object_reads: 4,
                record_writes: 29,
                record_reads: 15,
                queue: 5,
                api: 2,
                light_runs: 0,
            },
            stored_bytes: source_bytes,
            ..Self::default()
        }
    }

    /// Least usage of a job that ends without being completed, apart from its workers: the request that creates it. If
    /// its content was `examined`, also a message, `dispatch`, `validate-input` and `detect-type`, with a light run and a
    /// read of the object. The rest depends on how it ends and is left out.
    #[must_use]
    pub fn of_stopped_journey(examined: bool) -> Self {
        let creation = Requests { lambda: 1, api: 1, object_writes: 1, ..Requests::default() };
        let requests = if examined {
            Requests { lambda: 4, light_runs: 1, object_reads: 1, queue: 3, ..creation }
        } else {
            creation
        };
        Self { lambda_mb_ms: requests.lambda * Self::ASSUMED_MB_MS, requests, ..Self::default() }
    }

    /// Usage of an attempt apart from its machine: it reads the source in parts of `part_bytes`, writes each artifact
    /// and the manifest, and reports progress at most every two seconds and once per percent. A write of a job also
    /// moves its entry in the index, which costs two more.
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
            light_mb_ms: self.light_mb_ms.saturating_add(other.light_mb_ms),
            requests: Requests {
                lambda: a.lambda.saturating_add(b.lambda),
                state_transitions: a.state_transitions.saturating_add(b.state_transitions),
                light_runs: a.light_runs.saturating_add(b.light_runs),
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
