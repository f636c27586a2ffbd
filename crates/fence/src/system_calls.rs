//! Which system calls a program has: those of computing, and of files that are there. By seccomp, which needs no
//! privilege and which every kernel has that runs containers.
//!
//! The program sees an old kernel, one that knows nothing of sockets, processes, or anything not listed here: ENOSYS,
//! which libraries take for a reason to do without. A call that a later libc prefers is answered like that too.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};
use std::{collections::BTreeMap, env::consts::ARCH, process};

/// Let through whatever its arguments are.
const FREE: &[i64] = &[
    // Files. Landlock says which; no links, so that no name in the room leads out of it, and no folders, since what a room
    // holds is counted in one.
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
    // As much as the system's own limit lets it; libgcrypt complains without.
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
    // To become the program, with the same fence around it.
    libc::SYS_execve,
    libc::SYS_exit_group,
];

/// What x86-64 has beside, from before the calls above were there.
#[cfg(target_arch = "x86_64")]
const OLD: &[i64] = &[
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
const OLD: &[i64] = &[];

/// What may be done to a descriptor.
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

/// Let through where an argument has one of these values.
fn bound() -> [(i64, u8, Vec<u64>); 6] {
    let own = u64::from(process::id());
    let named = |values: &[i32]| values.iter().map(|&value| value.unsigned_abs().into()).collect();
    [
        // Itself alone: `abort` and `raise` use them.
        (libc::SYS_kill, 0, vec![own]),
        (libc::SYS_tgkill, 0, vec![own]),
        (libc::SYS_prlimit64, 0, vec![0, own]),
        // Not whom a descriptor's signals go to: that would be anybody.
        (libc::SYS_fcntl, 1, named(&DESCRIPTORS)),
        // Whether a stream is a terminal; nothing may be put into one.
        (libc::SYS_ioctl, 1, vec![libc::TCGETS, libc::TIOCGWINSZ]),
        // Not the signal that ends it with the worker.
        (libc::SYS_prctl, 0, named(&[libc::PR_SET_NAME, libc::PR_GET_NAME, libc::PR_CAPBSET_READ])),
    ]
}

pub(crate) fn restrict() -> Result<(), String> {
    let program = filter().map_err(|error| format!("failed to make the filter of system calls: {error}"))?;
    apply_filter(&program).map_err(|error| format!("failed to filter system calls: {error}"))
}

fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = FREE.iter().chain(OLD).map(|&call| (call, Vec::new())).collect();
    for (call, argument, values) in bound() {
        let one_of = values.into_iter().map(|value| rule(argument, SeccompCmpOp::Eq, value));
        rules.insert(call, one_of.collect::<Result<_, _>>()?);
    }
    // Threads, no processes. What clone3 is asked cannot be looked at, so it is not there, and libc takes clone.
    let thread = libc::CLONE_THREAD.unsigned_abs().into();
    rules.insert(libc::SYS_clone, vec![rule(0, SeccompCmpOp::MaskedEq(thread), thread)?]);

    let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    SeccompFilter::new(rules, missing, SeccompAction::Allow, ARCH.try_into()?)?.try_into()
}

fn rule(argument: u8, operator: SeccompCmpOp, value: u64) -> Result<SeccompRule, seccompiler::BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)?])
}
