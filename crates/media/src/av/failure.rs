//! How a child ended, and whose fault that is.

use super::{sandbox::Program, tail::Tail};
use crate::error::{MediaError, Transient, unsupported};
use smmu_core::{ErrorCode, Refusal};
use std::io;

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With 0.
    Well,
    /// With another code of its own.
    Failed(i32),
    /// By a signal that was not ours.
    Killed(i32),
    /// By us, out of time.
    TimedOut,
    /// By us, because everything has to stop.
    Cancelled,
}

/// ffmpeg's code when a signal asked it to stop; SIGXCPU, SIGTERM and SIGINT do.
const ASKED_TO_STOP: i32 = 255;

// signal(7), on every architecture of Linux that is built for.
const SIGILL: i32 = 4;
const SIGABRT: i32 = 6;
const SIGBUS: i32 = 7;
const SIGFPE: i32 = 8;
const SIGSEGV: i32 = 11;
const SIGXCPU: i32 = 24;
const SIGXFSZ: i32 = 25;

/// What an end means; nothing if it was a good one.
pub(crate) fn verdict(program: Program, ended: Ended, tail: &Tail) -> Option<MediaError> {
    let program = program.name();
    Some(match ended {
        Ended::Well => return None,
        Ended::Cancelled => Transient::Cancelled.into(),
        Ended::TimedOut | Ended::Killed(SIGXCPU) => Transient::TimedOut { program }.into(),
        Ended::Killed(SIGXFSZ) => too_large(),
        // What a decoder does to itself over a file, it does again.
        Ended::Killed(SIGSEGV | SIGABRT | SIGBUS | SIGFPE | SIGILL) => corrupt("its decoder gave up"),
        Ended::Killed(signal) => Transient::Killed { program, signal }.into(),
        Ended::Failed(ASKED_TO_STOP) => Transient::Stopped { program }.into(),
        Ended::Failed(_) => refused(program, tail),
    })
}

/// What is said where there is no more memory. Decoders and encoders are opened by us with what was probed and
/// planned, and threads without number: nothing else keeps them from it.
const MEMORY: &[&str] = &[
    "Cannot allocate memory",
    "malloc of size",
    "Failed to allocate",
    "Out of memory",
    "get_buffer() failed",
    "Error while opening encoder",
    "Resource temporarily unavailable",
];

/// What is said of a picture, a cover too, that has more pixels than are decoded.
pub(crate) fn too_many_pixels(tail: &Tail) -> Option<Refusal> {
    let message = "a picture in the file has more pixels than are accepted";
    tail.says(&["exceeds specified max pixel count"]).then(|| Refusal::new(ErrorCode::TooManyPixels, message))
}

/// A program's own complaint, from the most telling to none.
fn refused(program: &'static str, tail: &Tail) -> MediaError {
    // The fence speaks under its own name, and the loader under its own; the program speaks of itself only in brackets.
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
        let message = "decoding the file needs more memory than is given to one";
        return Refusal::new(ErrorCode::TooMuchMemory, message).into();
    }
    if tail.says(&["not in whitelist", "not on whitelist"]) {
        return unsupported("the file is a list of other files, or of no container that is opened here");
    }
    if tail.says(&["[SWR @"]) && tail.says(&["channel layout", "Rematrix is needed"]) {
        return unsupported("a sound has channels that cannot be mixed");
    }
    if tail.says(&["Unknown decoder", "Decoder not found", "(codec none)", "no decoder found", "not implemented"]) {
        return unsupported("a stream is of a codec that is not decoded here");
    }
    corrupt("it cannot be decoded")
}

/// More came out than may be written.
pub(crate) fn too_large() -> MediaError {
    Refusal::new(ErrorCode::OutputTooLarge, "the outputs would exceed the size limit").into()
}

/// The file is of a known container, and broken.
pub(crate) fn corrupt(reason: &str) -> MediaError {
    Refusal::new(ErrorCode::CorruptMedia, format!("the file is damaged: {reason}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(ended: Ended, complaint: &str) -> Result<ErrorCode, Transient> {
        match verdict(Program::Ffmpeg, ended, &Tail::of(complaint.as_bytes())).expect("no good end") {
            MediaError::Refused(refusal) => Ok(refusal.code),
            MediaError::Transient(fault) => Err(fault),
        }
    }

    #[test]
    fn each_end_is_someones_fault() {
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
