//! A hostile program: each attempt tries something that a fenced program must not be able to do.
//!
//! Exit codes: 0 if the attempt succeeded, with its result on standard output; 1 if it was stopped, with the system's
//! reason; 2 for invalid usage.

#![expect(clippy::print_stdout, reason = "the result is printed")]
#![expect(unsafe_code, reason = "no crate offers the calls of a hostile program")]

use nix::{
    sched::{CloneFlags, unshare},
    sys::{
        memfd::{MFdFlags, memfd_create},
        ptrace, signal,
        uio::{RemoteIoVec, process_vm_readv},
        wait::waitpid,
    },
    unistd::{Pid, getppid, symlinkat},
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use std::{
    env::{self, consts::ARCH},
    fs,
    io::{self, IoSliceMut, Read, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    os::{
        fd::AsFd,
        unix::{
            net::{UnixListener, UnixStream},
            process::CommandExt,
        },
    },
    process::{self, Command, ExitCode, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match attempt(&words) {
        Ok(got) => {
            println!("got out: {got}");
            ExitCode::SUCCESS
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidInput && error.raw_os_error().is_none() => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
        Err(error) => {
            println!("stopped: {error}");
            ExitCode::from(1)
        }
    }
}

/// Attempts to reach the network, or any other attempt.
fn attempt(words: &[&str]) -> io::Result<String> {
    match *words {
        // Any answer counts, including a refusal by the peer or by routing.
        ["connect", address] => {
            let address = address.parse().map_err(io::Error::other)?;
            match TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
                Err(error)
                    if error.kind() == io::ErrorKind::Unsupported || error.raw_os_error() == Some(libc::EPERM) =>
                {
                    Err(error)
                }
                Err(error) => Ok(format!("no connection, but for another reason: {error}")),
                Ok(_) => Ok("a connection".to_owned()),
            }
        }
        ["listen"] => TcpListener::bind("127.0.0.1:0").map(|_| "a port".to_owned()),
        ["datagram"] => UdpSocket::bind("127.0.0.1:0").map(|_| "a port".to_owned()),
        ["unix"] => UnixStream::pair().map(|_| "a pair of sockets".to_owned()),
        ["unix", path] => UnixListener::bind(path).map(|_| "a socket in a folder".to_owned()),
        _ => files(words),
    }
}

/// Attempts to read and write files.
fn files(words: &[&str]) -> io::Result<String> {
    match *words {
        ["read", path] => fs::read(path).map(|content| String::from_utf8_lossy(&content).replace('\0', "\n")),
        ["list", path] => fs::read_dir(path).map(|entries| format!("{} entries", entries.count())),
        ["write", path] => fs::write(path, "written").map(|()| "a file".to_owned()),
        ["remove", path] => fs::remove_file(path).map(|()| "a file gone".to_owned()),
        ["rename", from, to] => fs::rename(from, to).map(|()| "a file elsewhere".to_owned()),
        ["link", target, link] => {
            symlinkat(target, nix::fcntl::AT_FDCWD, link)?;
            Ok("a link".to_owned())
        }
        _ => processes(words),
    }
}

/// Attempts to access other processes, or to create them.
fn processes(words: &[&str]) -> io::Result<String> {
    match *words {
        ["attach", pid] => {
            let pid = parsed(pid)?;
            ptrace::attach(pid)?;
            waitpid(pid, None)?;
            ptrace::detach(pid, None)?;
            Ok("a process stopped and let go".to_owned())
        }
        ["peek", pid, address] => {
            let mut buffer = [0; 8];
            let base = usize::from_str_radix(address, 16).map_err(io::Error::other)?;
            let remote = [RemoteIoVec { base, len: buffer.len() }];
            process_vm_readv(parsed(pid)?, &mut [IoSliceMut::new(&mut buffer)], &remote)?;
            Ok(format!("{buffer:?}"))
        }
        ["signal", pid] => {
            signal::kill(parsed(pid)?, signal::Signal::SIGCONT)?;
            Ok("a signal".to_owned())
        }
        ["signal-parent"] => {
            signal::kill(getppid(), signal::Signal::SIGCONT)?;
            Ok("a signal".to_owned())
        }
        // A descriptor's owner, which can be any process, receives its signals.
        ["own", pid] => {
            // SAFETY: takes and returns only numbers.
            match unsafe { libc::fcntl(0, libc::F_SETOWN, parsed(pid)?.as_raw()) } {
                -1 => Err(io::Error::last_os_error()),
                _ => Ok("a descriptor that signals another process".to_owned()),
            }
        }
        ["inherited", descriptor] => {
            let descriptor = descriptor.parse().map_err(io::Error::other)?;
            // SAFETY: takes and returns only numbers.
            match unsafe { libc::fcntl(descriptor, libc::F_GETFD) } {
                -1 => Err(io::Error::last_os_error()),
                _ => Ok("a descriptor of the parent process".to_owned()),
            }
        }
        ["threads", count] => {
            let over = Arc::new(AtomicBool::new(false));
            let threads = (0..count.parse::<usize>().map_err(io::Error::other)?).map(|_| {
                let over = Arc::clone(&over);
                let wait = move || {
                    while !over.load(Ordering::Relaxed) {
                        thread::park_timeout(Duration::from_millis(100));
                    }
                };
                thread::Builder::new().stack_size(16 * 1024).spawn(wait)
            });
            let made = threads.collect::<io::Result<Vec<_>>>().map(|threads| format!("{} threads", threads.len()));
            over.store(true, Ordering::Relaxed);
            made
        }
        // Not an attempt: runs the given program as on a kernel without Landlock.
        ["without-landlock", program, ..] => {
            let missing = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
            let calls = [(libc::SYS_landlock_create_ruleset, Vec::new())].into();
            let filter =
                SeccompFilter::new(calls, SeccompAction::Allow, missing, ARCH.try_into().map_err(io::Error::other)?);
            let filter: BpfProgram = filter.and_then(TryInto::try_into).map_err(io::Error::other)?;
            seccompiler::apply_filter(&filter).map_err(io::Error::other)?;
            Err(Command::new(program).args(&words[2..]).exec())
        }
        ["fork"] => {
            let mut child = Command::new(env::current_exe()?).arg("nothing").stdout(Stdio::null()).spawn()?;
            child.wait().map(|_| "a process".to_owned())
        }
        ["nothing"] => Ok("nothing".to_owned()),
        ["exec", program] => Err(Command::new(program).exec()),
        ["namespace"] => {
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
            Ok("a network of its own".to_owned())
        }
        _ => resources(words),
    }
}

/// Attempts to exceed limits, and commands that are not attempts.
fn resources(words: &[&str]) -> io::Result<String> {
    match *words {
        ["memory-file"] => {
            let file = memfd_create(c"code", MFdFlags::empty())?;
            io::Write::write_all(&mut fs::File::from(file.as_fd().try_clone_to_owned()?), b"#!/bin/sh\n")?;
            Ok("a file in no folder".to_owned())
        }
        ["outlive"] => {
            rustix::process::set_parent_process_death_signal(None)?;
            Ok("no longer ended with its parent".to_owned())
        }
        ["allocate", mib] => {
            let bytes = mib.parse::<usize>().map_err(io::Error::other)? << 20;
            let mut memory: Vec<u8> = Vec::new();
            memory.try_reserve_exact(bytes).map_err(|_| io::Error::from_raw_os_error(nix::libc::ENOMEM))?;
            memory.push(1);
            Ok(format!("{mib} MiB"))
        }
        ["dump"] => process::abort(),
        // Not an attempt, but the target of attempts: runs until its input ends.
        ["victim"] | ["victim", "closed"] => {
            if words.len() == 2 {
                rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
            } else {
                // Lets any process attach under Yama; without Yama, the call does not exist.
                let _ = rustix::process::set_ptracer(rustix::process::PTracer::Any);
            }
            let secret = Box::new(*b"a secret");
            println!("{} {:x}", process::id(), secret.as_ptr().addr());
            io::stdout().flush()?;
            io::stdin().read_to_end(&mut Vec::new())?;
            Ok(format!("{} bytes kept", secret.len()))
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "no such attempt")),
    }
}

fn parsed(pid: &str) -> io::Result<Pid> {
    pid.parse().map(Pid::from_raw).map_err(io::Error::other)
}
