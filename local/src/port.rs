//! Chooses the port, and finds the program that uses it.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use crate::error::LocalError;
use crate::options::Port;

/// Range for automatic ports. Below Linux's range for outgoing connections, so that none of these takes the port before
/// the emulator starts.
const AUTO: std::ops::RangeInclusive<u16> = 20_000..=29_999;

/// The port to listen on. With [`Port::Auto`], one that is free at this moment.
pub(crate) fn choose(port: Port) -> Result<u16, LocalError> {
    match port {
        Port::Fixed(port) => Ok(port),
        Port::Auto => {
            let span = u128::from(AUTO.end() - AUTO.start()) + 1;
            let offset = u16::try_from(ulid::Ulid::generate().random() % span).expect("span fits");
            let first = AUTO.start() + offset;
            (first..=*AUTO.end())
                .chain(*AUTO.start()..first)
                .find(|port| listen(*port).is_ok())
                .ok_or(LocalError::NoFreePort { first: *AUTO.start(), last: *AUTO.end() })
        }
    }
}

/// Fails if another program uses the port.
pub(crate) fn check(port: u16) -> Result<(), LocalError> {
    match listen(port) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            Err(LocalError::PortInUse { port, owner: listener_of(port) })
        }
        result => result.map_err(LocalError::io("listen on", format!("127.0.0.1:{port}"))),
    }
}

fn listen(port: u16) -> std::io::Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(drop)
}

/// The program that listens on `port`, as "name (process 123)". Without root, only the user's own processes are
/// visible.
fn listener_of(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
        let table = fs::read_to_string(table).ok()?;
        table.lines().skip(1).find_map(|line| listening_inode(line, port))
    })?;
    let socket = format!("socket:[{inode}]");
    let numbered = |name: &OsStr| name.as_encoded_bytes().iter().all(u8::is_ascii_digit);
    let mut processes = fs::read_dir("/proc").ok()?.flatten().filter(|entry| numbered(&entry.file_name()));
    let process = processes.find(|process| holds(&process.path(), &socket))?;
    let name = fs::read_to_string(process.path().join("comm")).ok()?;
    Some(format!("{} (process {})", name.trim(), process.file_name().display()))
}

/// The inode of the socket, if this line of `/proc/net/tcp` is a socket that listens on `port` (`proc_pid_net(5)`:
/// state 0A, port in hex).
fn listening_inode(line: &str, port: u16) -> Option<String> {
    let mut fields = line.split_whitespace().skip(1);
    let (_, local) = fields.next()?.rsplit_once(':')?;
    let listening = fields.nth(1)? == "0A";
    let inode = fields.nth(5)?;
    (listening && u16::from_str_radix(local, 16) == Ok(port)).then(|| inode.to_owned())
}

fn holds(process: &Path, socket: &str) -> bool {
    fs::read_dir(process.join("fd")).is_ok_and(|files| {
        files.flatten().any(|file| fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == socket))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_program_that_uses_the_port() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let Err(LocalError::PortInUse { owner: Some(owner), .. }) = check(port) else {
            panic!("the port is in use by this process");
        };
        assert!(owner.ends_with(&format!("(process {})", std::process::id())), "{owner}");
    }

    #[test]
    fn auto_chooses_a_port_outside_the_range_of_outgoing_connections() {
        assert!(AUTO.contains(&choose(Port::Auto).expect("a free port")));
    }

    #[test]
    fn the_inode_is_read_from_a_line_of_proc_net_tcp() {
        let line =
            "   0: 0100007F:11D6 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 421 1 0 100 0";
        assert_eq!(listening_inode(line, 4566).as_deref(), Some("421"));
        assert_eq!(listening_inode(line, 4567), None);
        assert_eq!(listening_inode(&line.replace(" 0A ", " 01 "), 4566), None);
    }
}
