//! One run of ffmpeg or ffprobe: started, read, and ended in time.

use super::{
    failure::{Ended, verdict},
    sandbox::{self, Bounds, Program, Room},
    tail::Tail,
};
use crate::error::{MediaError, Transient};
use std::{
    io::Read,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{self, ExitStatus, Stdio},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

/// How often a child that says nothing is looked at.
const TICK: Duration = Duration::from_millis(100);
/// How often a child is looked at that has closed its output and should be gone any moment.
const END_TICK: Duration = Duration::from_millis(5);
/// Bytes of its output that are taken at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that may wait before the child has to.
const CHUNKS: usize = 4;

/// Where and how children run.
#[derive(Clone, Copy)]
pub(crate) struct Runner<'a> {
    /// What they see; every name on a command line lies in its folder.
    pub(crate) room: Room<'a>,
    /// What a child may use up.
    pub(crate) bounds: Bounds,
    /// Set from outside when everything has to stop.
    pub(crate) cancelled: &'a AtomicBool,
}

impl Runner<'_> {
    /// Runs a program to its end, with its standard output handed to `read` as it comes, and gives back
    /// the end of what it said on standard error. An error of `read` ends it too.
    ///
    /// # Errors
    ///
    /// A refusal if the program refused the file or died of it; a fault if it could not be
    /// started, was too slow, was cancelled or was killed by someone else.
    pub(crate) fn run(
        &self,
        program: Program,
        arguments: &[String],
        read: &mut dyn FnMut(&[u8]) -> Result<(), MediaError>,
    ) -> Result<Tail, MediaError> {
        let found = sandbox::find(program.name(), "ffmpeg")?;
        let started = Instant::now();
        let (ended, tail) = self.run_file(&found, arguments, read)?;
        tracing::debug!(program = program.name(), seconds = started.elapsed().as_secs_f64(), ?ended, "a child ended");
        match verdict(program, ended, &tail) {
            None => Ok(tail),
            Some(error) => {
                tracing::warn!(program = program.name(), ?ended, tail = %tail.complaints(), "a child failed");
                Err(error)
            }
        }
    }

    fn run_file(
        &self,
        program: &Path,
        arguments: &[String],
        read: &mut dyn FnMut(&[u8]) -> Result<(), MediaError>,
    ) -> Result<(Ended, Tail), MediaError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Transient::Cancelled.into());
        }
        let mut command = sandbox::command(program, self.room, &self.bounds)?;
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Guarded(command.spawn().map_err(Transient::Start)?);
        let mut stdout = child.0.stdout.take().expect("it was asked for");
        let stderr = child.0.stderr.take().expect("it was asked for");
        let deadline = Instant::now() + self.bounds.wall_time;
        thread::scope(|scope| {
            let tail = scope.spawn(move || Tail::of(stderr));
            let (sender, chunks) = mpsc::sync_channel(CHUNKS);
            scope.spawn(move || {
                let mut buffer = vec![0; CHUNK_BYTES];
                // A read error is the end of a pipe too; how the child ended says the rest.
                while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                    if sender.send(buffer[..count].to_vec()).is_err() {
                        return;
                    }
                }
            });
            let ended = self.wait(&mut child.0, &chunks, deadline, read);
            // Whatever happened: dead, so that both threads come to the end of their pipes.
            drop(child);
            drop(chunks);
            let tail = tail.join().expect("it only reads");
            ended.map(|ended| (ended, tail))
        })
    }

    fn wait(
        &self,
        child: &mut process::Child,
        chunks: &mpsc::Receiver<Vec<u8>>,
        deadline: Instant,
        read: &mut dyn FnMut(&[u8]) -> Result<(), MediaError>,
    ) -> Result<Ended, MediaError> {
        loop {
            match chunks.recv_timeout(TICK) {
                Ok(chunk) => read(&chunk)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => match child.try_wait().map_err(Transient::Start)? {
                    Some(status) => return Ok(ended(status)),
                    None => thread::sleep(END_TICK),
                },
            }
            if self.cancelled.load(Ordering::Relaxed) {
                return Ok(Ended::Cancelled);
            }
            if Instant::now() >= deadline {
                return Ok(Ended::TimedOut);
            }
        }
    }
}

/// A child that does not outlive its run.
struct Guarded(process::Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // Both fail only for a child that has ended and was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ended(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ended::Well,
        (Some(code), _) => Ended::Failed(code),
        (None, signal) => Ended::Killed(signal.unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::PathBuf};

    const BOUNDS: Bounds = Bounds { memory_bytes: 1 << 30, file_bytes: 1 << 20, wall_time: Duration::from_secs(20) };

    fn empty(dir: &Path) -> Room<'_> {
        Room { dir, source: Path::new("/dev/null") }
    }

    /// What it does is the shell's own: other programs cannot be started.
    fn shell(dir: &Path, bounds: Bounds, cancelled: &AtomicBool, script: &str) -> (Ended, Vec<u8>, Tail) {
        let mut output = Vec::new();
        let runner = Runner { room: empty(dir), bounds, cancelled };
        let arguments = ["-c".to_owned(), script.to_owned()];
        let (ended, tail) = runner
            .run_file(Path::new("/bin/sh"), &arguments, &mut |chunk| {
                output.extend_from_slice(chunk);
                Ok(())
            })
            .expect("it starts");
        (ended, output, tail)
    }

    fn in_a_folder(bounds: Bounds, script: &str) -> (Ended, Vec<u8>, Tail) {
        let dir = tempfile::tempdir().expect("a folder");
        shell(dir.path(), bounds, &AtomicBool::new(false), script)
    }

    #[test]
    fn a_child_knows_nothing_of_our_environment() {
        let (ended, output, _) = in_a_folder(BOUNDS, "export -p; pwd");
        assert_eq!(ended, Ended::Well);
        let text = String::from_utf8(output).expect("text");
        let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("export ")?.split('=').next()).collect();
        let allowed = ["LC_ALL", "MALLOC_ARENA_MAX", "SVT_LOG", "PWD", "OLDPWD", "_", "SHLVL"];
        assert!(names.iter().all(|name| allowed.contains(name)), "{names:?}");
    }

    #[test]
    fn a_child_reads_its_source_and_nothing_of_ours() {
        let dir = tempfile::tempdir().expect("a folder");
        let source = tempfile::NamedTempFile::new().expect("a file");
        fs::write(source.path(), "its source\n").expect("written");
        let outside = tempfile::NamedTempFile::new().expect("a file");
        let runner = Runner {
            room: Room { dir: dir.path(), source: source.path() },
            bounds: BOUNDS,
            cancelled: &AtomicBool::new(false),
        };
        let read = |file: &Path| {
            let mut output = Vec::new();
            let script = format!("read line < {} && echo $line", file.display());
            let (ended, _) = runner
                .run_file(Path::new("/bin/sh"), &["-c".to_owned(), script], &mut |chunk| {
                    output.extend_from_slice(chunk);
                    Ok(())
                })
                .expect("it starts");
            (ended, String::from_utf8(output).expect("text"))
        };
        assert_eq!(read(source.path()), (Ended::Well, "its source\n".to_owned()));
        fs::write(outside.path(), "a secret\n").expect("written");
        let ours = PathBuf::from(format!("/proc/{}/environ", process::id()));
        for file in [outside.path(), &ours] {
            let (ended, output) = read(file);
            assert_eq!((ended, output.as_str()), (Ended::Failed(2), ""), "{}", file.display());
        }
    }

    #[test]
    fn a_file_over_the_limit_ends_the_child() {
        let (ended, ..) = in_a_folder(BOUNDS, "while echo 0123456789abcdef; do :; done > big");
        assert_eq!(ended, Ended::Killed(25), "SIGXFSZ");
    }

    #[test]
    fn a_child_has_the_limits_that_were_asked_for() {
        let bounds = Bounds { memory_bytes: 64 << 20, ..BOUNDS };
        // Memory in KiB, a file in blocks of 512 bytes, dumps, open files.
        let (ended, output, _) = in_a_folder(bounds, "ulimit -v; ulimit -f; ulimit -c; ulimit -n");
        assert_eq!(ended, Ended::Well);
        assert_eq!(String::from_utf8(output).expect("text"), "65536\n2048\n0\n256\n");
    }

    #[test]
    fn a_child_that_hangs_is_ended_at_the_deadline() {
        let bounds = Bounds { wall_time: Duration::from_millis(300), ..BOUNDS };
        let started = Instant::now();
        let (ended, ..) = in_a_folder(bounds, "while :; do :; done");
        assert_eq!(ended, Ended::TimedOut);
        assert!(started.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn a_child_is_dead_within_a_second_of_being_cancelled() {
        let dir = tempfile::tempdir().expect("a folder");
        let cancelled = AtomicBool::new(false);
        let (ended, after) = thread::scope(|scope| {
            let child = scope.spawn(|| {
                let (ended, ..) = shell(dir.path(), BOUNDS, &cancelled, "echo $$ > pid; while :; do :; done");
                (ended, Instant::now())
            });
            let pid = dir.path().join("pid");
            while fs::read_to_string(&pid).unwrap_or_default().is_empty() {
                thread::sleep(Duration::from_millis(10));
            }
            let asked = Instant::now();
            cancelled.store(true, Ordering::Relaxed);
            let (ended, at) = child.join().expect("no panic");
            (ended, at - asked)
        });
        assert_eq!(ended, Ended::Cancelled);
        assert!(after < Duration::from_secs(1), "{after:?}");
        let pid = fs::read_to_string(dir.path().join("pid")).expect("a pid");
        assert!(!PathBuf::from(format!("/proc/{}", pid.trim())).exists());
    }

    #[test]
    fn a_child_that_closes_its_output_and_stays_is_still_watched() {
        let bounds = Bounds { wall_time: Duration::from_millis(300), ..BOUNDS };
        let (ended, ..) = in_a_folder(bounds, "exec >&- 2>&-; while :; do :; done");
        assert_eq!(ended, Ended::TimedOut);
    }

    #[test]
    fn a_child_that_talks_without_end_costs_no_memory() {
        let (ended, _, tail) = in_a_folder(
            BOUNDS,
            "i=0; while [ $i -lt 100000 ]; do echo 'a line of complaint' >&2; i=$((i+1)); done; exit 3",
        );
        assert_eq!(ended, Ended::Failed(3));
        assert!(tail.text().len() < 100_000);
    }

    #[test]
    fn an_error_of_the_reader_ends_the_child() {
        let dir = tempfile::tempdir().expect("a folder");
        let cancelled = AtomicBool::new(false);
        let runner = Runner { room: empty(dir.path()), bounds: BOUNDS, cancelled: &cancelled };
        let arguments = ["-c".to_owned(), "while echo y; do :; done".to_owned()];
        let result = runner.run_file(Path::new("/bin/sh"), &arguments, &mut |_| Err(Transient::Cancelled.into()));
        assert!(matches!(result, Err(MediaError::Transient(Transient::Cancelled))));
    }
}
