//! What travels through the state machine, and which branch a media takes.

use crate::{
    av::{Outline, Presence},
    checksum::Checksum,
    ids::{JobId, MediaId, UserId},
    kind::MediaKind,
    pipeline::Pipeline,
    profile::Choice,
    trail::Trail,
};
use serde::{Deserialize, Serialize};

/// The queue message, which is also the execution's input: everything that `ValidateInput` must prove.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionInput {
    /// Names the execution.
    pub job_id: JobId,
    /// The upload.
    pub media_id: MediaId,
    /// Whose it is.
    pub user_id: UserId,
    /// The bytes to process.
    pub source: Source,
    /// Where the job came from, for logs; messages that were sent before this was recorded have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<Trail>,
    /// What is wanted of it, where that is not what is wanted of every upload. It travels, so that a change of the stack's
    /// profiles changes no job that was asked for.
    #[serde(default, skip_serializing_if = "Choice::is_usual")]
    pub choice: Choice,
    /// The only pipeline to run, where the others' outputs are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Pipeline>,
}

/// The uploaded bytes, named so exactly that every reader reads the same ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Key in the raw bucket.
    pub key: String,
    /// S3 version of the object.
    pub version_id: String,
    /// Size in bytes.
    pub bytes: u64,
    /// What the content is known by.
    #[serde(flatten)]
    pub checksum: Checksum,
}

/// What the operator has decided about the ways that media take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routing {
    /// Images up to this many bytes are rendered by a Lambda; 0 sends every image to the worker.
    pub render_image_max_bytes: u64,
    /// Whether speech is turned into text.
    pub transcription: bool,
}

/// The branch of the state machine that a media takes; `statemachine.asl.json` lists the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Branch {
    /// The Lambda, for an image that is small enough.
    RenderImage,
    /// The transcode worker, for any other image.
    TranscodeImage,
    /// The transcode worker, for video or audio that has no sound to transcribe.
    Transcode,
    /// Both workers at once.
    TranscodeAndTranscribe,
    /// The transcribe worker alone, for a media whose renditions are there.
    Transcribe,
}

impl Branch {
    /// The branch of a media of a kind and size, in which there is, is no, or may be sound.
    #[must_use]
    pub const fn of(kind: MediaKind, bytes: u64, sound: Presence, routing: Routing) -> Self {
        match kind {
            MediaKind::Image if bytes <= routing.render_image_max_bytes => Self::RenderImage,
            MediaKind::Image => Self::TranscodeImage,
            MediaKind::Video | MediaKind::Audio => match sound {
                Presence::Present | Presence::Unknown if routing.transcription => Self::TranscodeAndTranscribe,
                Presence::Present | Presence::Unknown | Presence::Absent => Self::Transcode,
            },
        }
    }

    /// The branch that runs one pipeline alone, where there is one.
    #[must_use]
    pub const fn only(pipeline: Pipeline) -> Option<Self> {
        match pipeline {
            Pipeline::Transcribe => Some(Self::Transcribe),
            Pipeline::Transcode => None,
        }
    }

    /// The pipelines that it runs; the job is complete with the manifest of each.
    #[must_use]
    pub const fn pipelines(self) -> &'static [Pipeline] {
        match self {
            Self::RenderImage | Self::TranscodeImage | Self::Transcode => &[Pipeline::Transcode],
            Self::TranscodeAndTranscribe => &[Pipeline::Transcode, Pipeline::Transcribe],
            Self::Transcribe => &[Pipeline::Transcribe],
        }
    }
}

/// How large the ECS task of the transcode worker is. The operator says what that means in CPU and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkerSize {
    /// For most media.
    Standard,
    /// For what would take the standard one too long, or more memory than it has.
    Large,
}

impl WorkerSize {
    /// Work over which a video is for a large worker, in pixels times seconds: ten minutes at 1920 × 1080.
    pub const STANDARD_WORK: u64 = 1920 * 1080 * 600;
    /// Picture over which a video is for a large worker however short it is, in pixels: frames over
    /// 2560 × 1440 fill a decoder's and the scalers' buffers with gigabytes.
    pub const STANDARD_PIXELS: u64 = 2560 * 1440;
    /// Bytes over which a video whose headers do not tell its work is for a large worker.
    pub const STANDARD_BYTES: u64 = 512 * 1024 * 1024;

    /// The size for a media. Images (bounded by their own limits) and sound are always for the standard one.
    #[must_use]
    pub fn of(kind: MediaKind, outline: &Outline, bytes: u64) -> Self {
        let large = match (kind, outline.size, outline.duration_ms) {
            (MediaKind::Image | MediaKind::Audio, _, _) => false,
            (MediaKind::Video, Some(size), _) if size.pixels() > Self::STANDARD_PIXELS => true,
            (MediaKind::Video, Some(size), Some(duration_ms)) => {
                size.pixels().saturating_mul(duration_ms) > Self::STANDARD_WORK * 1000
            }
            (MediaKind::Video, _, _) => bytes > Self::STANDARD_BYTES,
        };
        if large { Self::Large } else { Self::Standard }
    }
}

/// What `detect-type` hands on to the workers: the proven input, what it is, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Detected {
    /// What was validated.
    #[serde(flatten)]
    pub input: ExecutionInput,
    /// The kind that the content shows.
    pub kind: MediaKind,
    /// The media type that the content shows.
    pub content_type: String,
    /// The branch that it takes.
    pub branch: Branch,
}

/// What `detect-type` answers, and a worker is started with: the work, and how large its ECS task is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The work.
    #[serde(flatten)]
    pub detected: Detected,
    /// The size that the state machine asks for; an execution may have begun before there were sizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<TaskSize>,
}

/// The size of an ECS task, as `ecs:RunTask` wants to be told: both numbers as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSize {
    /// CPU units, of which 1024 are one vCPU.
    pub cpu: String,
    /// MiB.
    pub memory: String,
}

#[cfg(test)]
mod tests {
    use super::{Branch, Routing, WorkerSize};
    use crate::{
        av::{AvLimits, Outline, Presence},
        image::Size,
        kind::MediaKind,
    };
    use serde_json::Value;

    #[test]
    fn speech_is_transcribed_where_there_may_be_some_and_the_operator_wants_it() {
        let of = |kind, sound, transcription| {
            Branch::of(kind, 1000, sound, Routing { render_image_max_bytes: 999, transcription })
        };
        for kind in [MediaKind::Video, MediaKind::Audio] {
            assert_eq!(of(kind, Presence::Present, true), Branch::TranscodeAndTranscribe);
            assert_eq!(of(kind, Presence::Unknown, true), Branch::TranscodeAndTranscribe);
            assert_eq!(of(kind, Presence::Absent, true), Branch::Transcode);
            assert_eq!(of(kind, Presence::Present, false), Branch::Transcode);
        }
        assert_eq!(of(MediaKind::Image, Presence::Absent, true), Branch::TranscodeImage);
    }

    #[test]
    fn an_image_is_rendered_by_the_lambda_up_to_a_size_that_may_be_zero() {
        let of = |bytes, render_image_max_bytes| {
            let routing = Routing { render_image_max_bytes, transcription: false };
            Branch::of(MediaKind::Image, bytes, Presence::Absent, routing)
        };
        assert_eq!((of(999, 999), of(1000, 999)), (Branch::RenderImage, Branch::TranscodeImage));
        assert_eq!(of(1, 0), Branch::TranscodeImage);
    }

    fn state_machine() -> Value {
        serde_json::from_str(include_str!("../../../statemachine.asl.json")).expect("JSON")
    }

    #[test]
    fn a_state_outlasts_the_longest_run_of_its_worker_and_the_execution_two_attempts() {
        /// To start a container, fetch 5 GiB, and store what was made.
        const AROUND_S: u64 = 1800;
        let definition = state_machine();
        let seconds = |state: &Value| state["TimeoutSeconds"].as_u64().expect("a number");
        let longest = AvLimits::default().max_wall_time.as_secs() + AROUND_S;
        for state in ["Transcode", "TranscodeOnDemand", "Transcribe", "TranscribeOnDemand"] {
            assert!(seconds(&definition["States"][state]) >= longest, "{state}");
        }
        assert!(seconds(&definition) >= 2 * longest);
    }

    #[test]
    fn the_state_machine_has_every_branch_and_no_other() {
        let definition = state_machine();
        let choices = definition["States"]["Branch"]["Choices"].as_array().expect("a list");
        let listed: Vec<_> = choices.iter().map(|choice| choice["StringEquals"].clone()).collect();
        let branches = [
            Branch::RenderImage,
            Branch::TranscodeImage,
            Branch::Transcode,
            Branch::TranscodeAndTranscribe,
            Branch::Transcribe,
        ];
        assert_eq!(listed, branches.map(|branch| serde_json::to_value(branch).expect("a name")));
    }

    #[test]
    fn a_video_is_for_a_large_worker_by_its_work_its_picture_or_when_untold_its_bytes() {
        const MINUTE_MS: u64 = 60_000;
        let of = |size: Option<(u32, u32)>, duration_ms, bytes| {
            let size = size.map(|(width, height)| Size { width, height });
            WorkerSize::of(MediaKind::Video, &Outline { duration_ms, size, ..Outline::default() }, bytes)
        };
        let (standard, large) = (WorkerSize::Standard, WorkerSize::Large);
        let hd = Some((1920, 1080));
        assert_eq!(of(hd, Some(10 * MINUTE_MS), 5 << 30), standard);
        assert_eq!(of(hd, Some(10 * MINUTE_MS + 1), 1), large);
        assert_eq!(of(Some((640, 360)), Some(80 * MINUTE_MS), 1), standard);
        assert_eq!(of(Some((3840, 2160)), Some(1000), 1), large);
        assert_eq!(of(hd, Some(u64::MAX), 1), large);
        assert_eq!((of(hd, None, 512 << 20), of(hd, None, (512 << 20) + 1)), (standard, large));
        assert_eq!((of(None, None, 512 << 20), of(None, Some(1), (512 << 20) + 1)), (standard, large));
        let audio = Outline { duration_ms: Some(u64::MAX), ..Outline::default() };
        assert_eq!(WorkerSize::of(MediaKind::Audio, &audio, u64::MAX), standard);
    }
}
