//! Runs ffmpeg or ffprobe once: starts it, reads its output, and stops it at the deadline.

use super::{
    failure::{Ended, verdict},
    line::SOURCE,
    sandbox::{self, Bounds, Program, Room},
    tail::Tail,
};
use crate::error::{MediaError, Transient};
use std::{
    borrow::Cow,
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

/// Poll interval while a child is silent.
const TICK: Duration = Duration::from_millis(100);
/// Poll interval after a child has closed its output and should exit soon.
const END_TICK: Duration = Duration::from_millis(5);
/// Bytes read from its output at a time.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks that are queued before the child blocks.
const CHUNKS: usize = 4;

/// Environment and limits of child processes.
#[derive(Clone, Copy)]
pub(crate) struct Runner<'a> {
    /// Files that they can see; every name on a command line is in its folder.
    pub(crate) room: Room<'a>,
    /// Resource limits of each child.
    pub(crate) bounds: Bounds,
    /// Set by the caller to stop everything.
    pub(crate) cancelled: &'a AtomicBool,
}

impl Runner<'_> {
    /// Runs a program until it exits, passes its standard output to `read` as it arrives, and returns the tail of its
    /// standard error. An error from `read` kills it.
    ///
    /// # Errors
    ///
    /// [`MediaError::Refused`] if the program rejected the file or crashed on it; [`MediaError::Transient`] if it could
    /// not be started, exceeded its time, was cancelled or was killed from outside.
    pub(crate) fn run(
        &self,
        program: Program,
        arguments: &[String],
        read: &mut dyn FnMut(&[u8]) -> Result<(), MediaError>,
    ) -> Result<Tail, MediaError> {
        let found = sandbox::find(program.name(), "ffmpeg")?;
        let started = Instant::now();
        let (ended, tail) = self.run_file(&found, &with_demuxer(arguments, self.room.demuxer), read)?;
        tracing::debug!(
            program = program.name(),
            seconds = started.elapsed().as_secs_f64(),
            ?ended,
            "a child process ended"
        );
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
        let mut child = KillOnDrop(command.spawn().map_err(Transient::Start)?);
        let mut stdout = child.0.stdout.take().expect("stdout is piped");
        let stderr = child.0.stderr.take().expect("stderr is piped");
        let deadline = Instant::now() + self.bounds.wall_time;
        thread::scope(|scope| {
            let tail = scope.spawn(move || Tail::of(stderr));
            let (sender, chunks) = mpsc::sync_channel(CHUNKS);
            scope.spawn(move || {
                let mut buffer = vec![0; CHUNK_BYTES];
                // A read error ends the pipe too; the exit status tells why.
                while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                    if sender.send(buffer[..count].to_vec()).is_err() {
                        return;
                    }
                }
            });
            let ended = self.wait(&mut child.0, &chunks, deadline, read);
            // Kill the child in any case, so that both threads reach the end of their pipes.
            drop(child);
            drop(chunks);
            let tail = tail.join().expect("reading does not panic");
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

/// The words of a command line, with the source's demuxer, if any, before its `-i`.
fn with_demuxer<'w>(words: &'w [String], demuxer: Option<&str>) -> Cow<'w, [String]> {
    let source = words.windows(2).position(|pair| pair[0] == "-i" && pair[1].strip_prefix("file:") == Some(SOURCE));
    let (Some(demuxer), Some(at)) = (demuxer, source) else { return Cow::Borrowed(words) };
    Cow::Owned([&words[..at], &["-f".to_owned(), demuxer.to_owned()], &words[at..]].concat())
}

/// A child that is killed when dropped, so that it never outlives its run.
struct KillOnDrop(process::Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // Both fail only if the child has already exited and was waited for.
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
    use crate::av::line::Line;
    use smmu_core::av::AvLimits;
    use std::{fs, path::PathBuf};

    const BOUNDS: Bounds = Bounds { memory_bytes: 1 << 30, file_bytes: 1 << 20, wall_time: Duration::from_secs(20) };

    fn empty(dir: &Path) -> Room<'_> {
        Room { dir, source: Path::new("/dev/null"), demuxer: None }
    }

    /// Runs a script that uses only shell builtins, because the fence lets no other program start.
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
    fn a_child_does_not_inherit_our_environment() {
        let (ended, output, _) = in_a_folder(BOUNDS, "export -p; pwd");
        assert_eq!(ended, Ended::Well);
        let text = String::from_utf8(output).expect("text");
        let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("export ")?.split('=').next()).collect();
        let allowed = ["LC_ALL", "MALLOC_ARENA_MAX", "SVT_LOG", "PWD", "OLDPWD", "_", "SHLVL"];
        assert!(names.iter().all(|name| allowed.contains(name)), "{names:?}");
    }

    #[test]
    fn a_child_reads_only_its_source() {
        let dir = tempfile::tempdir().expect("a folder");
        let source = tempfile::NamedTempFile::new().expect("a file");
        fs::write(source.path(), "its source\n").expect("written");
        let outside = tempfile::NamedTempFile::new().expect("a file");
        let runner = Runner {
            room: Room { dir: dir.path(), source: source.path(), demuxer: None },
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
    fn a_demuxer_is_chosen_for_the_source_only() {
        let line = Line::ffprobe().input("ours.mp4").source(&AvLimits::default(), "-vn");
        let with = |demuxer| with_demuxer(line.words(), demuxer).join(" ");
        assert!(with(Some("flac")).ends_with("-vn -f flac -i file:source"));
        assert_eq!(with(Some("flac")).replace("-f flac ", ""), with(None));
    }

    #[test]
    fn a_file_over_the_limit_kills_the_child() {
        let (ended, ..) = in_a_folder(BOUNDS, "while echo 0123456789abcdef; do :; done > big");
        assert_eq!(ended, Ended::Killed(25), "SIGXFSZ");
    }

    #[test]
    fn a_child_gets_the_requested_limits() {
        let bounds = Bounds { memory_bytes: 64 << 20, ..BOUNDS };
        // Memory in KiB, file size in blocks of 512 bytes, core dumps, open files.
        let (ended, output, _) = in_a_folder(bounds, "ulimit -v; ulimit -f; ulimit -c; ulimit -n");
        assert_eq!(ended, Ended::Well);
        assert_eq!(String::from_utf8(output).expect("text"), "65536\n2048\n0\n256\n");
    }

    #[test]
    fn a_child_that_hangs_is_killed_at_the_deadline() {
        let bounds = Bounds { wall_time: Duration::from_millis(300), ..BOUNDS };
        let started = Instant::now();
        let (ended, ..) = in_a_folder(bounds, "while :; do :; done");
        assert_eq!(ended, Ended::TimedOut);
        assert!(started.elapsed() < Duration::from_secs(3));
    }

    #[test]
    fn a_cancelled_child_is_dead_within_a_second() {
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
    fn a_child_that_closes_its_output_is_still_killed_at_the_deadline() {
        let bounds = Bounds { wall_time: Duration::from_millis(300), ..BOUNDS };
        let (ended, ..) = in_a_folder(bounds, "exec >&- 2>&-; while :; do :; done");
        assert_eq!(ended, Ended::TimedOut);
    }

    #[test]
    fn memory_for_a_childs_standard_error_is_bounded() {
        let (ended, _, tail) = in_a_folder(
            BOUNDS,
            "i=0; while [ $i -lt 100000 ]; do echo 'a line of complaint' >&2; i=$((i+1)); done; exit 3",
        );
        assert_eq!(ended, Ended::Failed(3));
        assert!(tail.text().len() < 100_000);
    }

    #[test]
    fn an_error_from_the_reader_kills_the_child() {
        let dir = tempfile::tempdir().expect("a folder");
        let cancelled = AtomicBool::new(false);
        let runner = Runner { room: empty(dir.path()), bounds: BOUNDS, cancelled: &cancelled };
        let arguments = ["-c".to_owned(), "while echo y; do :; done".to_owned()];
        let result = runner.run_file(Path::new("/bin/sh"), &arguments, &mut |_| Err(Transient::Cancelled.into()));
        assert!(matches!(result, Err(MediaError::Transient(Transient::Cancelled))));
    }
}
