//! Memory limit of a child process: the memory of the container or machine, minus what we need ourselves.

use std::{env, fs, path::Path, sync::OnceLock};

const MIB: u64 = 1024 * 1024;

/// Memory for the worker itself: code, connections, buffers, waveform peaks.
const OWN_BYTES: u64 = 256 * MIB;

/// Assumed memory of a machine that does not report it.
const UNKNOWN_BYTES: u64 = 2048 * MIB;

/// Bytes of memory that a child can use on this machine. Determined once, because it does not change while a worker
/// runs.
pub(crate) fn child_memory_bytes() -> u64 {
    static BYTES: OnceLock<u64> = OnceLock::new();
    *BYTES.get_or_init(|| {
        let function_mib = env::var("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").ok();
        let bytes = childs_share(memory_bytes(Path::new("/"), function_mib.as_deref()));
        tracing::info!(mib = bytes / MIB, "memory limit of child processes");
        bytes
    })
}

/// The machine's memory minus [`OWN_BYTES`], but at least half.
fn childs_share(bytes: u64) -> u64 {
    bytes.saturating_sub(OWN_BYTES).max(bytes / 2)
}

/// The lowest of the limits of the Lambda function, the control groups and the machine.
fn memory_bytes(root: &Path, function_mib: Option<&str>) -> u64 {
    let function = function_mib.and_then(|mib| mib.trim().parse::<u64>().ok()).map(|mib| mib.saturating_mul(MIB));
    let bounds = [function, machine_bytes(root)].into_iter().flatten().chain(group_bytes(root));
    bounds.filter(|&bytes| bytes > 0).min().unwrap_or(UNKNOWN_BYTES)
}

/// The limits of our control groups and their ancestors. A container sees its own group as the root; other processes
/// find theirs by the path in `/proc/self/cgroup`.
fn group_bytes(root: &Path) -> Vec<u64> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mut paths = vec!["/"];
    let own = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        // In version 2 the list of controllers is empty.
        (controllers.is_empty() || controllers.split(',').any(|name| name == "memory")).then_some(path)
    });
    paths.extend(own.flat_map(|path| Path::new(path).ancestors().filter_map(Path::to_str)));
    let hierarchies = [("sys/fs/cgroup", "memory.max"), ("sys/fs/cgroup/memory", "memory.limit_in_bytes")];
    let files = paths.iter().flat_map(|path| {
        let inside = path.trim_start_matches('/');
        hierarchies.map(|(mount, file)| root.join(mount).join(inside).join(file))
    });
    // "max" means no limit, and so does a number near the maximum in version 1.
    files.filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok()).collect()
}

/// `MemTotal` of `/proc/meminfo`, converted from kibibytes.
fn machine_bytes(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    total.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file tree of a machine with 8 GiB, with these additional files.
    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (path, content) in [("proc/meminfo", "MemTotal:        8388608 kB\nMemFree: 1 kB\n")].iter().chain(files) {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, content).expect("written");
        }
        root
    }

    fn mib(files: &[(&str, &str)], function_mib: Option<&str>) -> u64 {
        memory_bytes(machine(files).path(), function_mib) / MIB
    }

    #[test]
    fn the_lowest_limit_of_machine_group_and_function_applies() {
        assert_eq!(mib(&[], None), 8192);
        let v2 = [("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/memory.max", "4294967296\n")];
        assert_eq!(mib(&v2, None), 4096);
        assert_eq!(mib(&v2, Some("1769")), 1769);
        assert_eq!(mib(&v2, Some("much")), 4096);
        assert_eq!(mib(&[("sys/fs/cgroup/memory.max", "max\n")], None), 8192);
        let v1 = [
            ("proc/self/cgroup", "5:cpu,cpuacct:/docker/a\n4:memory:/docker/a\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n"),
        ];
        assert_eq!(mib(&v1, None), 2048);
        let unlimited = [("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")];
        assert_eq!(mib(&unlimited, None), 8192);
    }

    #[test]
    fn a_group_is_limited_by_its_ancestors() {
        let nested = [
            ("proc/self/cgroup", "0::/task/worker\n"),
            ("sys/fs/cgroup/task/worker/memory.max", "max\n"),
            ("sys/fs/cgroup/task/memory.max", "1073741824\n"),
        ];
        assert_eq!(mib(&nested, None), 1024);
        let old = [
            ("proc/self/cgroup", "7:memory:/ecs/task/container\n"),
            ("sys/fs/cgroup/memory/ecs/task/memory.limit_in_bytes", "3221225472\n"),
            ("sys/fs/cgroup/memory/ecs/task/container/memory.limit_in_bytes", "9223372036854771712\n"),
        ];
        assert_eq!(mib(&old, None), 3072);
    }

    #[test]
    fn a_child_gets_all_but_our_share_and_at_least_half() {
        assert_eq!(childs_share(4096 * MIB), 3840 * MIB);
        assert_eq!(childs_share(256 * MIB), 128 * MIB);
        assert_eq!(memory_bytes(Path::new("/nowhere"), None), UNKNOWN_BYTES);
        assert!(child_memory_bytes() > 0);
    }
}
