//! System calls of a program: those for computing and for files. Enforced by seccomp, which needs no privileges and is
//! available in every kernel that runs containers.
//!
//! All other calls fail with ENOSYS, as in an old kernel without sockets or processes; libraries then do without them.
//! The same applies to newer calls that a later libc prefers.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};
use std::{collections::BTreeMap, env::consts::ARCH, process};

/// Calls allowed with any arguments.
const UNCONDITIONAL: &[i64] = &[
    // Files; Landlock restricts which. No links, so that no name in the room leads out of it. No folders, since the
    // size of the room is measured in a single folder.
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_readlinkat,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_ftruncate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    // Up to the system's own limit; libgcrypt complains without it.
    libc::SYS_mlock,
    libc::SYS_munlock,
    // Threads.
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_sched_yield,
    libc::SYS_exit,
    // Its own signals.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    // Time and facts about itself.
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    libc::SYS_times,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_sysinfo,
    libc::SYS_umask,
    libc::SYS_uname,
    // To execute the program, which keeps the filter.
    libc::SYS_execve,
    libc::SYS_exit_group,
];

/// Older variants of the calls above, which only x86-64 has.
#[cfg(target_arch = "x86_64")]
const LEGACY: &[i64] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_dup2,
    libc::SYS_getdents,
    libc::SYS_getrlimit,
    libc::SYS_lstat,
    libc::SYS_open,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_select,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const LEGACY: &[i64] = &[];

/// Allowed commands of `fcntl`.
const DESCRIPTORS: [i32; 12] = [
    libc::F_DUPFD,
    libc::F_DUPFD_CLOEXEC,
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,
    libc::F_GETLK,
    libc::F_SETLK,
    libc::F_SETLKW,
    libc::F_OFD_GETLK,
    libc::F_OFD_SETLK,
    libc::F_OFD_SETLKW,
];

/// Calls allowed only if one argument has one of these values: call, index of the argument, values.
fn conditional() -> [(i64, u8, Vec<u64>); 6] {
    let own = u64::from(process::id());
    let named = |values: &[i32]| values.iter().map(|&value| value.unsigned_abs().into()).collect();
    [
        // Only itself: `abort` and `raise` use these calls.
        (libc::SYS_kill, 0, vec![own]),
        (libc::SYS_tgkill, 0, vec![own]),
        (libc::SYS_prlimit64, 0, vec![0, own]),
        // Without F_SETOWN, which could direct a descriptor's signals to any process.
        (libc::SYS_fcntl, 1, named(&DESCRIPTORS)),
        // Queries whether a stream is a terminal; nothing can be inserted into its input.
        (libc::SYS_ioctl, 1, vec![libc::TCGETS, libc::TIOCGWINSZ]),
        // Without PR_SET_PDEATHSIG, which could disable the signal that kills it with the worker.
        (libc::SYS_prctl, 0, named(&[libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_CAPBSET_READ])),
    ]
}

pub(crate) fn restrict() -> Result<(), String> {
    let program = filter().map_err(|error| format!("failed to build the system call filter: {error}"))?;
    apply_filter(&program).map_err(|error| format!("failed to filter system calls: {error}"))
}

fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        UNCONDITIONAL.iter().chain(LEGACY).map(|&call| (call, Vec::new())).collect();
    for (call, argument, values) in conditional() {
        let one_of = values.into_iter().map(|value| rule(argument, SeccompCmpOp::Eq, value));
        rules.insert(call, one_of.collect::<Result<_, _>>()?);
    }
    // Threads, but no processes. The filter cannot read the arguments of clone3, so it is not allowed, and libc falls
    // back to clone.
    let thread = libc::CLONE_THREAD.unsigned_abs().into();
    rules.insert(libc::SYS_clone, vec![rule(0, SeccompCmpOp::MaskedEq(thread), thread)?]);

    let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    SeccompFilter::new(rules, missing, SeccompAction::Allow, ARCH.try_into()?)?.try_into()
}

fn rule(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?])
}
