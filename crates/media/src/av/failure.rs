//! Maps the way a child process ended to a refusal or a transient error.

use super::{sandbox::Program, tail::Tail};
use crate::error::{MediaError, Transient, unsupported};
use smmu_core::{ErrorCode, Refusal};
use std::io;

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With exit code 0.
    Well,
    /// With another exit code.
    Failed(i32),
    /// By a signal that we did not send.
    Killed(i32),
    /// Killed by us at the deadline.
    TimedOut,
    /// Killed by us because the caller cancelled.
    Cancelled,
}

/// ffmpeg's exit code after a signal that asks it to stop: SIGXCPU, SIGTERM or SIGINT.
const ASKED_TO_STOP: i32 = 255;

// signal(7); the same on every Linux architecture that we build for.
const SIGILL: i32 = 4;
const SIGABRT: i32 = 6;
const SIGBUS: i32 = 7;
const SIGFPE: i32 = 8;
const SIGSEGV: i32 = 11;
const SIGXCPU: i32 = 24;
const SIGXFSZ: i32 = 25;

/// The error that an ending means; `None` after success.
pub(crate) fn verdict(program: Program, ended: Ended, tail: &Tail) -> Option<MediaError> {
    let program = program.name();
    Some(match ended {
        Ended::Well => return None,
        Ended::Cancelled => Transient::Cancelled.into(),
        Ended::TimedOut | Ended::Killed(SIGXCPU) => Transient::TimedOut { program }.into(),
        Ended::Killed(SIGXFSZ) => too_large(),
        // A decoder that crashes on a file crashes again on every attempt.
        Ended::Killed(SIGSEGV | SIGABRT | SIGBUS | SIGFPE | SIGILL) => corrupt("its decoder crashed"),
        Ended::Killed(signal) => Transient::Killed { program, signal }.into(),
        Ended::Failed(ASKED_TO_STOP) => Transient::Stopped { program }.into(),
        Ended::Failed(_) => refused(program, tail),
    })
}

/// Messages that mean that memory ran out. A failure to open an encoder is one because we open codecs only with probed
/// and planned parameters, and a failure to start a thread is one because the number of threads is not limited.
const MEMORY: &[&str] = &[
    "Cannot allocate memory",
    "malloc of size",
    "Failed to allocate",
    "Out of memory",
    "get_buffer() failed",
    "Error while opening encoder",
    "Resource temporarily unavailable",
];

/// The refusal if ffmpeg reported a picture, possibly a cover, with more pixels than the limit.
pub(crate) fn too_many_pixels(tail: &Tail) -> Option<Refusal> {
    let message = "a picture in the file has more pixels than are accepted";
    tail.says(&["exceeds specified max pixel count"]).then(|| Refusal::new(ErrorCode::TooManyPixels, message))
}

/// Classifies a failure by the program's error messages, the most specific first.
fn refused(program: &'static str, tail: &Tail) -> MediaError {
    // The fence and the loader write under their own names; the program's own messages start with a name in brackets.
    if tail.starts(&["smmu-fence: "]) || tail.says(&["error while loading shared libraries"]) {
        return Transient::Start(io::Error::other(tail.complaints())).into();
    }
    if tail.says(&["exceeds max_streams"]) {
        return Refusal::new(ErrorCode::TooManyStreams, "the file has too many streams").into();
    }
    if let Some(refusal) = too_many_pixels(tail) {
        return refusal.into();
    }
    if tail.says(&["No space left on device"]) {
        return Transient::NoSpace { program }.into();
    }
    if tail.says(&["File too large"]) {
        return too_large();
    }
    if tail.says(MEMORY) {
        let message = "decoding the file needs more memory than a job has";
        return Refusal::new(ErrorCode::TooMuchMemory, message).into();
    }
    if tail.says(&["not in whitelist", "not on whitelist"]) {
        return unsupported("the file refers to other files, or its container is not supported");
    }
    if tail.says(&["[SWR @"]) && tail.says(&["channel layout", "Rematrix is needed"]) {
        return unsupported("a sound has channels that cannot be mixed");
    }
    if tail.says(&["Unknown decoder", "Decoder not found", "(codec none)", "no decoder found", "not implemented"]) {
        return unsupported("the codec of a stream is not supported");
    }
    corrupt("it cannot be decoded")
}

/// Refusal of a file whose outputs exceed the size limit.
pub(crate) fn too_large() -> MediaError {
    Refusal::new(ErrorCode::OutputTooLarge, "the outputs would exceed the size limit").into()
}

/// Refusal of a damaged file in a known container.
pub(crate) fn corrupt(reason: &str) -> MediaError {
    Refusal::new(ErrorCode::CorruptMedia, format!("the file is damaged: {reason}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(ended: Ended, complaint: &str) -> Result<ErrorCode, Transient> {
        match verdict(Program::Ffmpeg, ended, &Tail::of(complaint.as_bytes())).expect("no good end") {
            MediaError::Refused(refusal) => Ok(refusal.code),
            MediaError::Transient(transient) => Err(transient),
        }
    }

    #[test]
    fn each_ending_of_a_child_is_a_refusal_or_transient() {
        for (ended, complaint, expected) in [
            (Ended::Failed(1), "Invalid data found when processing input", ErrorCode::CorruptMedia),
            (Ended::Failed(1), "[error] Decoder not found", ErrorCode::UnsupportedMedia),
            (Ended::Failed(1), "Format not on whitelist 'mov'", ErrorCode::UnsupportedMedia),
            (Ended::Failed(1), "Number of streams exceeds max_streams parameter (65)", ErrorCode::TooManyStreams),
            (
                Ended::Failed(1),
                "[IMGUTILS @ 0x1] [error] Picture size 9x9 exceeds specified max pixel count 80\nget_buffer() failed",
                ErrorCode::TooManyPixels,
            ),
            (Ended::Failed(244), "Cannot allocate memory", ErrorCode::TooMuchMemory),
            (
                Ended::Failed(1),
                "[Parsed_aresample_0 @ 0x1] [SWR @ 0x2] [error] Input channel layout '10 channels' is not supported",
                ErrorCode::UnsupportedMedia,
            ),
            (Ended::Killed(11), "", ErrorCode::CorruptMedia),
            (Ended::Killed(25), "", ErrorCode::OutputTooLarge),
        ] {
            assert_eq!(code(ended, complaint).expect("a refusal"), expected, "{ended:?} {complaint}");
        }
        assert!(matches!(code(Ended::Killed(9), ""), Err(Transient::Killed { signal: 9, .. })));
        assert!(matches!(code(Ended::TimedOut, ""), Err(Transient::TimedOut { .. })));
        assert!(matches!(code(Ended::Killed(24), ""), Err(Transient::TimedOut { .. })));
        assert!(matches!(code(Ended::Cancelled, ""), Err(Transient::Cancelled)));
        assert!(matches!(code(Ended::Failed(1), "av_write: No space left on device"), Err(Transient::NoSpace { .. })));
        assert!(matches!(code(Ended::Failed(255), ""), Err(Transient::Stopped { .. })));
        for complaint in [
            "smmu-fence: failed to restrict files: Operation not permitted",
            "smmu-fence: failed to start /usr/bin/ffmpeg: Permission denied (os error 13)",
            "ffmpeg: error while loading shared libraries: libavdevice.so.59: failed to map segment",
        ] {
            assert!(matches!(code(Ended::Failed(127), complaint), Err(Transient::Start(_))), "{complaint}");
        }
    }
}
