//! The report of a soak: JSON for programs, a table for people.

use super::processes::{Kills, Memory};
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write, time::Duration};

/// Times from submitting an upload to the end of its job, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_field_names, reason = "the report as JSON names the unit of each")]
pub(super) struct Latency {
    pub(super) p50_ms: u64,
    pub(super) p95_ms: u64,
    pub(super) p99_ms: u64,
    pub(super) slowest_ms: u64,
}

impl Latency {
    /// Percentiles by nearest rank. All are 0 without times.
    pub(super) fn of(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut ms: Vec<_> =
            times.into_iter().map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).collect();
        ms.sort_unstable();
        let percentile = |percent: usize| {
            let rank = (ms.len() * percent).div_ceil(100);
            ms.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        Self { p50_ms: percentile(50), p95_ms: percentile(95), p99_ms: percentile(99), slowest_ms: percentile(100) }
    }
}

/// One run of a soak.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Run {
    pub(super) jobs: usize,
    pub(super) completed: usize,
    /// Jobs that failed because of their file.
    pub(super) refused: usize,
    /// From the first upload to the last end.
    pub(super) seconds: u64,
    pub(super) jobs_per_minute: u64,
    pub(super) latency: Latency,
    /// By sort of file.
    pub(super) latency_of: BTreeMap<String, Latency>,
    /// Calls that clients repeated.
    pub(super) client_retries: u64,
    /// Killed processes by function, or `worker`.
    pub(super) kills: Kills,
    /// Invocations that the death of their process ended.
    pub(super) interrupted_invocations: usize,
    /// Injected faults by service and sort.
    pub(super) faults: BTreeMap<String, u64>,
    /// Objects of attempts that did not commit.
    pub(super) leftovers: usize,
    pub(super) memory: Memory,
    /// The slowest uploads: sort of file, job, milliseconds.
    pub(super) slowest: Vec<(String, String, u64)>,
    pub(super) problems: Vec<String>,
}

/// A run under faults, beside one without.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    pub(super) seed: u64,
    /// The run without faults; a small soak has none.
    pub(super) calm: Option<Run>,
    pub(super) faulted: Run,
}

/// Bound of the slowest hundredth under faults, in medians without faults.
const LARGEST_SLOWDOWN: u64 = 10;
/// Bound of the emulator's growth per upload in kB: it keeps all objects, records, executions and logs in memory.
const EMULATOR_GROWTH_KB: u64 = 1024;
/// Bound of the growth of a function's process in kB, once its caches and connections are warm.
const FUNCTION_GROWTH_KB: u64 = 16 * 1024;

impl Run {
    /// Growth that a long life of the emulator or a function would turn into exhausted memory.
    fn growth(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let memory = &self.memory;
        // From a quarter of the uploads to the end.
        let uploads = (self.jobs as u64 * 3).div_ceil(4).max(1);
        let each_kb = memory.emulator_end_kb.saturating_sub(memory.emulator_quarter_kb) / uploads;
        if each_kb > EMULATOR_GROWTH_KB {
            problems.push(format!("the emulator grows by {each_kb} kB per upload; the limit is {EMULATOR_GROWTH_KB}"));
        }
        if memory.function_growth_kb > FUNCTION_GROWTH_KB {
            let Memory { function, function_growth_kb: grown_kb, .. } = memory;
            problems.push(format!("a process of {function} grew by {grown_kb} kB; the limit is {FUNCTION_GROWTH_KB}"));
        }
        problems
    }
}

impl Report {
    /// Everything that is not as it should be.
    pub(super) fn problems(&self) -> Vec<String> {
        let runs = self.calm.iter().chain([&self.faulted]);
        let mut problems: Vec<_> = runs.clone().flat_map(|run| run.problems.iter().cloned()).collect();
        // A small soak ends before the emulator is warm, and its few times are those of a busy machine.
        if let Some(calm) = &self.calm {
            problems.extend(runs.flat_map(Run::growth));
            let (p99_ms, p50_ms) = (self.faulted.latency.p99_ms, calm.latency.p50_ms);
            if p99_ms > LARGEST_SLOWDOWN * p50_ms {
                problems.push(format!(
                    "p99 with faults is {p99_ms} ms, more than {LARGEST_SLOWDOWN} x p50 without, {p50_ms} ms"
                ));
            }
        }
        problems
    }

    /// How many times longer the slowest hundredth takes under faults than the median without.
    pub(super) fn slowdown(&self) -> Option<u64> {
        let median = self.calm.as_ref()?.latency.p50_ms;
        self.faulted.latency.p99_ms.checked_div(median)
    }

    pub(super) fn table(&self) -> String {
        let runs: Vec<_> = self.calm.iter().chain([&self.faulted]).collect();
        let mut table = String::new();
        let mut row = |name: &str, value: &dyn Fn(&Run) -> String| {
            let cells: Vec<_> = runs.iter().map(|run| format!("{:>16}", value(run))).collect();
            writeln!(table, "  {name:<32}{}", cells.concat()).expect("a string takes everything");
        };
        let heads = if self.calm.is_some() { &["without faults", "with faults"][..] } else { &["with faults"][..] };
        let heads: Vec<_> = heads.iter().map(|head| format!("{head:>16}")).collect();
        let seed = format!("seed {}", self.seed);
        let total = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>().to_string();
        let seconds = |ms: u64| format!("{}.{:03} s", ms / 1000, ms % 1000);
        row("jobs", &|run| run.jobs.to_string());
        row("completed", &|run| run.completed.to_string());
        row("refused files", &|run| run.refused.to_string());
        row("seconds", &|run| run.seconds.to_string());
        row("jobs per minute", &|run| run.jobs_per_minute.to_string());
        row("submit to end, p50", &|run| seconds(run.latency.p50_ms));
        row("submit to end, p95", &|run| seconds(run.latency.p95_ms));
        row("submit to end, p99", &|run| seconds(run.latency.p99_ms));
        row("submit to end, slowest", &|run| seconds(run.latency.slowest_ms));
        row("processes killed", &|run| total(&run.kills));
        row("invocations interrupted", &|run| run.interrupted_invocations.to_string());
        row("faults injected", &|run| total(&run.faults));
        row("calls repeated by clients", &|run| run.client_retries.to_string());
        row("files of killed attempts", &|run| run.leftovers.to_string());
        row("emulator, MB at a quarter", &|run| (run.memory.emulator_quarter_kb / 1024).to_string());
        row("emulator, MB at the end", &|run| (run.memory.emulator_end_kb / 1024).to_string());
        row("growth of a function, MB", &|run| (run.memory.function_growth_kb / 1024).to_string());
        row("problems", &|run| run.problems.len().to_string());
        let mut text = format!("  {seed:<32}{}\n{table}", heads.concat());
        for run in &runs {
            for (what, counts) in [("killed", &run.kills), ("faults", &run.faults)] {
                let counts: Vec<_> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
                if !counts.is_empty() {
                    writeln!(text, "  {what}: {}", counts.join(", ")).expect("a string takes everything");
                }
            }
            for (what, job, ms) in &run.slowest {
                writeln!(text, "  slow: {} {what} {job}", seconds(*ms)).expect("a string takes everything");
            }
            for problem in &run.problems {
                writeln!(text, "  PROBLEM: {problem}").expect("a string takes everything");
            }
        }
        if let Some(slowdown) = self.slowdown() {
            writeln!(text, "  p99 with faults is {slowdown} x p50 without").expect("a string takes everything");
        }
        text
    }
}

#[test]
fn percentiles_are_those_of_the_nearest_rank() {
    let latency = Latency::of((1..=200).rev().map(Duration::from_millis));
    assert_eq!(latency, Latency { p50_ms: 100, p95_ms: 190, p99_ms: 198, slowest_ms: 200 });
    assert_eq!(Latency::of([Duration::from_millis(7)]).p50_ms, 7);
    assert_eq!(Latency::of([]), Latency::default());
}

#[test]
fn the_slowdown_compares_the_slow_end_under_faults_with_the_median_without() {
    let run = |p50_ms, p99_ms| Run { latency: Latency { p50_ms, p99_ms, ..Latency::default() }, ..Run::default() };
    let report = Report { seed: 1, calm: Some(run(1000, 3000)), faulted: run(2000, 11_000) };
    assert_eq!(report.slowdown(), Some(11));
    assert!(report.table().contains("p99 with faults is 11 x p50 without"), "{}", report.table());
    assert_eq!(Report { calm: None, ..report }.slowdown(), None);
}

#[test]
fn a_slow_end_beyond_ten_medians_is_a_problem_only_beside_a_run_without_faults() {
    let run = |p50_ms, p99_ms| Run { latency: Latency { p50_ms, p99_ms, ..Latency::default() }, ..Run::default() };
    let report = Report { seed: 1, calm: Some(run(1000, 3000)), faulted: run(2000, 10_000) };
    assert_eq!(report.problems(), [""; 0]);
    let slower = Report { faulted: run(2000, 10_001), ..report.clone() };
    assert_eq!(slower.problems(), ["p99 with faults is 10001 ms, more than 10 x p50 without, 1000 ms"]);
    assert_eq!(Report { calm: None, ..slower }.problems(), [""; 0]);
}

#[test]
fn growing_memory_is_a_problem() {
    let memory = Memory {
        emulator_quarter_kb: 100_000,
        emulator_end_kb: 100_000 + 75 * EMULATOR_GROWTH_KB,
        function_growth_kb: FUNCTION_GROWTH_KB,
        function: "api".to_owned(),
        ..Memory::default()
    };
    let faulted = Run { jobs: 100, memory, ..Run::default() };
    let mut report = Report { seed: 1, calm: Some(Run::default()), faulted };
    assert_eq!(report.problems(), [""; 0]);
    report.faulted.memory.emulator_end_kb += 75;
    report.faulted.memory.function_growth_kb += 1;
    let problems = report.problems();
    assert!(matches!(&problems[..], [emulator, api] if emulator.contains("1025 kB") && api.contains("of api")));
    assert_eq!(Report { calm: None, ..report }.problems(), [""; 0], "a small soak is not warm");
}
