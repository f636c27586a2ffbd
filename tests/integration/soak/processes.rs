//! The processes of a stack: kills them at random, and watches their memory.

use super::plan::Dice;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use smmu_tests::Stack;
use std::{
    collections::BTreeMap,
    fs,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// A process of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FunctionProcess {
    pub(crate) pid: u32,
    /// Its name without stage, such as `dispatch`.
    pub(crate) name: String,
}

/// The functions' processes of a stack: the children of its emulator.
pub(crate) fn functions(stack: &Stack) -> Vec<FunctionProcess> {
    let emulator = stack.cloud.emulator_pid();
    let prefix = format!("smmu-{}-", stack.stage);
    let pids = fs::read_dir("/proc").expect("Linux has it").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let named = pids.filter(|pid| parent(*pid) == Some(emulator)).filter_map(|pid| {
        let name = variable(pid, "AWS_LAMBDA_FUNCTION_NAME")?;
        Some(FunctionProcess { pid, name: name.strip_prefix(&prefix)?.to_owned() })
    });
    named.collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // proc_pid_stat(5): the name is in parentheses and can contain any character; state and parent follow it.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn variable(pid: u32, name: &str) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let environment = String::from_utf8_lossy(&environment).into_owned();
    environment.split('\0').find_map(|pair| Some(pair.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
}

/// A number from `/proc/PID/status`.
fn status(pid: u32, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Resident memory in kB.
pub(super) fn memory_kb(pid: u32) -> Option<u64> {
    status(pid, "VmRSS")
}

/// Killed processes, by function, or `worker`.
pub(super) type Kills = BTreeMap<String, u64>;

/// How often processes are killed.
#[derive(Debug, Clone, Copy)]
pub(super) struct KillRate {
    /// One process for about this many uploads.
    pub(super) uploads_per_kill: u64,
    pub(super) seed: u64,
}

/// Kills processes by SIGKILL until `done`: one whenever about so many more uploads have been `begun`.
pub(super) async fn kill(stack: &Stack, rate: KillRate, begun: &AtomicUsize, done: &AtomicBool) -> Kills {
    let mut dice = Dice::new(rate.seed);
    let mut kills = Kills::new();
    let mut next = 0;
    while !done.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(20 + dice.below(200))).await;
        if (begun.load(Ordering::Relaxed) as u64) < next {
            continue;
        }
        let Some((pid, name)) = victim(stack, &mut dice).await else { continue };
        let Some(process) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { continue };
        // It can have ended by itself.
        if kill_process(process, Signal::KILL).is_ok() {
            *kills.entry(name).or_default() += 1;
            next = begun.load(Ordering::Relaxed) as u64 + 1 + dice.below(2 * rate.uploads_per_kill - 1);
        }
    }
    kills
}

/// A process that works: a worker, or a function that has run within a few milliseconds. Functions wait between their
/// invocations; to kill one then disturbs nobody.
async fn victim(stack: &Stack, dice: &mut Dice) -> Option<(u32, String)> {
    let runs = |one: &FunctionProcess| status(one.pid, "voluntary_ctxt_switches");
    let before: Vec<_> = functions(stack).into_iter().map(|one| (runs(&one), one)).collect();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let busy = before.into_iter().filter(|(switches, one)| *switches != runs(one)).map(|(_, one)| (one.pid, one.name));
    let workers = stack.cloud.workers().into_iter().map(|worker| (worker.pid, "worker".to_owned()));
    let candidates: Vec<_> = busy.chain(workers).collect();
    dice.pick(&candidates).cloned()
}

/// Memory over a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Memory {
    /// Of the emulator, when a quarter of the uploads had begun.
    pub(super) emulator_quarter_kb: u64,
    /// Of the emulator, at the end.
    pub(super) emulator_end_kb: u64,
    /// The largest growth of a function's process after its first half minute.
    pub(super) function_growth_kb: u64,
    /// The function of that process.
    pub(super) function: String,
    /// The longest life of a function's process, in seconds.
    pub(super) longest_life_s: u64,
}

/// Age at which a function's process has its caches and connections.
const SETTLED: Duration = Duration::from_secs(30);

/// Samples memory until `done`.
pub(super) async fn watch(stack: &Stack, uploads: usize, begun: &AtomicUsize, done: &AtomicBool) -> Memory {
    let mut memory = Memory::default();
    let mut lives: BTreeMap<u32, (Instant, Option<u64>)> = BTreeMap::new();
    while !done.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let emulator = memory_kb(stack.cloud.emulator_pid()).unwrap_or_default();
        if memory.emulator_quarter_kb == 0 && begun.load(Ordering::Relaxed) * 4 >= uploads {
            memory.emulator_quarter_kb = emulator;
        }
        memory.emulator_end_kb = emulator;
        for one in functions(stack) {
            let Some(now_kb) = memory_kb(one.pid) else { continue };
            let (first, settled) = lives.entry(one.pid).or_insert((Instant::now(), None));
            memory.longest_life_s = memory.longest_life_s.max(first.elapsed().as_secs());
            if first.elapsed() < SETTLED {
                continue;
            }
            let growth = now_kb.saturating_sub(*settled.get_or_insert(now_kb));
            if growth > memory.function_growth_kb {
                (memory.function_growth_kb, memory.function) = (growth, one.name);
            }
        }
    }
    memory
}
