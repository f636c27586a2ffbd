//! Why a job failed, in words that say who acts.

use crate::stage::Stage;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident => $text:literal, retryable: $retryable:literal, $remedy:literal;)*) => {
        /// A stable reason for a failed job. Codes are added, never renamed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum ErrorCode { $($(#[$doc])* $variant,)* }

        impl ErrorCode {
            /// Every code, for documentation and tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as clients see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Whether another run of the very same upload can succeed.
            #[must_use]
            pub const fn retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)* }
            }

            /// What its reader can do about it: one sentence.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

error_codes! {
    /// The content is of no kind, or of a format or codec, that is processed here.
    UnsupportedMedia => "unsupported_media", retryable: false,
        "Convert the file to a supported format, such as JPEG, MP4 or MP3, and upload that.";
    /// The content is of a known format but cannot be decoded.
    CorruptMedia => "corrupt_media", retryable: false,
        "Check that the file opens on your device, then export it again and upload the new copy.";
    /// More bytes than its kind may have.
    TooManyBytes => "too_many_bytes", retryable: false,
        "Upload a smaller file, or ask the operator to raise the limit.";
    /// More pixels than may be decoded.
    TooManyPixels => "too_many_pixels", retryable: false,
        "Reduce the width and height of the picture and upload that.";
    /// More animation frames than may be decoded.
    TooManyFrames => "too_many_frames", retryable: false,
        "Shorten the animation, or upload it as a video.";
    /// Decoding would need more memory than allowed.
    TooMuchMemory => "too_much_memory", retryable: false,
        "Save the picture smaller, or in a plainer form such as JPEG or PNG, and upload that.";
    /// Longer than its kind may be.
    TooLong => "too_long", retryable: false,
        "Shorten the recording, or split it into parts.";
    /// More streams in a container than are looked at.
    TooManyStreams => "too_many_streams", retryable: false,
        "Remove the tracks that you do not need from the file and upload that.";
    /// More frames a second than are decoded.
    FrameRateTooHigh => "frame_rate_too_high", retryable: false,
        "Export the video at a lower frame rate, such as 60 frames a second, and upload that.";
    /// More bits a second than are decoded.
    BitRateTooHigh => "bit_rate_too_high", retryable: false,
        "Export the file at a lower bit rate and upload that.";
    /// What would be made of it is larger than may be written.
    OutputTooLarge => "output_too_large", retryable: false,
        "Shorten the recording, or reduce its width and height.";
    /// The uploaded object is not there.
    SourceMissing => "source_missing", retryable: false,
        "Upload the file in a new upload; the one before was removed.";
    /// The uploaded object is not the one that was granted: size, checksum or version differ.
    SourceChanged => "source_changed", retryable: false,
        "Upload the file in a new upload.";
    /// Processing ran out of its time.
    TimedOut => "timed_out", retryable: true,
        "Run the media again; if it fails again, shorten the file or tell the operator.";
    /// The worker died or could not be started, more often than is retried.
    WorkerFailed => "worker_failed", retryable: true,
        "Run the media again later; if it fails again, tell the operator the job's id.";
    /// The workflow was stopped from outside.
    Aborted => "aborted", retryable: true,
        "Run the media again; somebody who runs this service stopped the job.";
    /// The job could not be handed to the workflow.
    DispatchFailed => "dispatch_failed", retryable: true,
        "Run the media again later; if it fails again, tell the operator the job's id.";
    /// The worker lacks something that only the operator can give it: a program, a model, a setting. Each job would
    /// fail alike.
    Misconfigured => "misconfigured", retryable: false,
        "Tell the operator the job's id; run the media again once they have set the worker up.";
    /// A fault on our side.
    Internal => "internal", retryable: true,
        "Run the media again later; if it fails again, tell the operator the job's id.";
}

impl ErrorCode {
    /// Whether the fault is on our side, and not the file's.
    #[must_use]
    pub const fn ours(self) -> bool {
        self.retryable() || matches!(self, Self::Misconfigured)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The verdict that an input cannot be processed, by whoever looked at it: `{code, message, retryable}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(into = "RefusalRecord", from = "RefusalRecord")]
#[error("{code}: {message}")]
pub struct Refusal {
    /// What kind of refusal.
    pub code: ErrorCode,
    /// What was found and what would be accepted, for the user who sent the file.
    pub message: String,
}

/// `Refusal` on the wire, where the policy that follows from the code is spelled out.
#[derive(Serialize, Deserialize)]
struct RefusalRecord {
    code: ErrorCode,
    message: String,
    #[serde(default)]
    retryable: bool,
}

impl From<Refusal> for RefusalRecord {
    fn from(Refusal { code, message }: Refusal) -> Self {
        Self { code, message, retryable: code.retryable() }
    }
}

impl From<RefusalRecord> for Refusal {
    fn from(RefusalRecord { code, message, .. }: RefusalRecord) -> Self {
        Self { code, message }
    }
}

impl Refusal {
    /// A refusal with its explanation.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The error that a job shows when this refusal ends it.
    #[must_use]
    pub fn at(self, stage: Stage) -> JobError {
        JobError { code: self.code, message: self.message, stage, retryable: self.code.retryable() }
    }
}

/// What a failed job shows its user. Written with the remedy that follows from its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(into = "JobErrorRecord", from = "JobErrorRecord")]
pub struct JobError {
    /// Stable, for programs.
    pub code: ErrorCode,
    /// For people; free of keys, names and addresses.
    pub message: String,
    /// Where in the journey it happened.
    pub stage: Stage,
    /// Whether another run of the same upload can succeed.
    pub retryable: bool,
}

/// [`JobError`] on the wire and in the jobs table.
#[derive(Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "JobError", description = "Why a job failed.")
)]
struct JobErrorRecord {
    code: ErrorCode,
    /// For people; free of keys, names and addresses.
    message: String,
    /// Where in the journey it happened.
    stage: Stage,
    /// Whether another run of the same upload can succeed.
    retryable: bool,
    /// What can be done about it: one sentence.
    // Read from the code again, which may have a better one since it was written.
    #[serde(default, skip_deserializing)]
    remedy: &'static str,
}

impl From<JobError> for JobErrorRecord {
    fn from(JobError { code, message, stage, retryable }: JobError) -> Self {
        Self { code, message, stage, retryable, remedy: code.remedy() }
    }
}

impl From<JobErrorRecord> for JobError {
    fn from(JobErrorRecord { code, message, stage, retryable, .. }: JobErrorRecord) -> Self {
        Self { code, message, stage, retryable }
    }
}
