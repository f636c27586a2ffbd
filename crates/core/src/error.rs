//! Reasons for failed jobs, each with a remedy for the reader.

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

            /// Returns whether another run of the same upload can succeed.
            #[must_use]
            pub const fn retryable(self) -> bool {
                match self { $(Self::$variant => $retryable,)* }
            }

            /// What the reader can do about it, in one sentence.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

error_codes! {
    /// The file is not an image, video or recording of a format that is processed.
    UnsupportedMedia => "unsupported_media", retryable: false,
        "Convert the file to a supported format, such as JPEG, MP4 or MP3, and upload that.";
    /// The format is known, but the content cannot be decoded.
    CorruptMedia => "corrupt_media", retryable: false,
        "Check that the file opens on your device, then export it again and upload the new copy.";
    /// The file has more bytes than its kind allows.
    TooManyBytes => "too_many_bytes", retryable: false,
        "Upload a smaller file, or ask the operator to raise the limit.";
    /// The picture has more pixels than are decoded.
    TooManyPixels => "too_many_pixels", retryable: false,
        "Reduce the width and height of the picture and upload that.";
    /// The animation has more frames than are decoded.
    TooManyFrames => "too_many_frames", retryable: false,
        "Shorten the animation, or upload it as a video.";
    /// Decoding would need more memory than is allowed.
    TooMuchMemory => "too_much_memory", retryable: false,
        "Save the picture smaller, or in a plainer form such as JPEG or PNG, and upload that.";
    /// The media lasts longer than its kind allows.
    TooLong => "too_long", retryable: false,
        "Shorten the recording, or split it into parts.";
    /// The container has more streams than are accepted.
    TooManyStreams => "too_many_streams", retryable: false,
        "Remove the tracks that you do not need from the file and upload that.";
    /// The frame rate is higher than is decoded.
    FrameRateTooHigh => "frame_rate_too_high", retryable: false,
        "Export the video at a lower frame rate, such as 60 frames a second, and upload that.";
    /// The bit rate is higher than is decoded.
    BitRateTooHigh => "bit_rate_too_high", retryable: false,
        "Export the file at a lower bit rate and upload that.";
    /// The outputs would be larger than is allowed.
    OutputTooLarge => "output_too_large", retryable: false,
        "Shorten the recording, or reduce its width and height.";
    /// The uploaded object no longer exists.
    SourceMissing => "source_missing", retryable: false,
        "Upload the file in a new upload; the one before was removed.";
    /// The uploaded object is not the granted one: its size, checksum or version differs.
    SourceChanged => "source_changed", retryable: false,
        "Upload the file in a new upload.";
    /// Processing exceeded its time limit.
    TimedOut => "timed_out", retryable: true,
        "Run the media again; if it fails again, shorten the file or tell the operator.";
    /// The worker died or could not be started, and the retries are used up.
    WorkerFailed => "worker_failed", retryable: true,
        "Run the media again later; if it fails again, tell the operator the job's id.";
    /// The workflow was stopped from outside.
    Aborted => "aborted", retryable: true,
        "Run the media again; an operator of this service stopped the job.";
    /// The job could not be handed to the workflow.
    DispatchFailed => "dispatch_failed", retryable: true,
        "Run the media again later; if it fails again, tell the operator the job's id.";
    /// The worker lacks something that only the operator can provide: a program, a model or a setting. Every job would
    /// fail the same way.
    Misconfigured => "misconfigured", retryable: false,
        "Tell the operator the job's id; run the media again once they have set the worker up.";
    /// A fault on our side.
    Internal => "internal", retryable: true,
        "Run the media again later; if it fails again, tell the operator the job's id.";
}

impl ErrorCode {
    /// Returns whether the fault is ours and not in the file.
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

/// The decision that an input cannot be processed, on the wire: `{code, message, retryable}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(into = "RefusalRecord", from = "RefusalRecord")]
#[error("{code}: {message}")]
pub struct Refusal {
    /// Kind of refusal.
    pub code: ErrorCode,
    /// The finding and the limit, for the user who sent the file.
    pub message: String,
}

/// `Refusal` on the wire, with the retry policy that follows from its code.
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

    /// The uploaded object no longer exists.
    #[must_use]
    pub fn source_missing() -> Self {
        Self::new(ErrorCode::SourceMissing, "the uploaded file is no longer there")
    }

    /// Processing exceeded its time limit.
    #[must_use]
    pub fn timed_out() -> Self {
        Self::new(ErrorCode::TimedOut, "processing exceeded its time limit")
    }

    /// The workflow ended before its job did. `code` is the reason.
    #[must_use]
    pub fn workflow_ended(code: ErrorCode) -> Self {
        Self::new(code, "the workflow ended before its job did")
    }

    /// The error that a job shows if this refusal ends it.
    #[must_use]
    pub fn at(self, stage: Stage) -> JobError {
        JobError { code: self.code, message: self.message, stage, retryable: self.code.retryable() }
    }
}

/// Error of a failed job, as shown to its user. Serialised with the remedy that follows from its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(into = "JobErrorRecord", from = "JobErrorRecord")]
pub struct JobError {
    /// Stable code, for programs.
    pub code: ErrorCode,
    /// Message for people; free of keys, names and addresses.
    pub message: String,
    /// The stage that failed.
    pub stage: Stage,
    /// True if another run of the same upload can succeed.
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
    /// Message for people; free of keys, names and addresses.
    message: String,
    /// The stage that failed.
    stage: Stage,
    /// True if another run of the same upload can succeed.
    retryable: bool,
    /// What the reader can do about it, in one sentence.
    // Derived from the code when read, since the text may have improved.
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
