//! The messages passed through the state machine, and the choice of a branch.

use crate::{
    av::{Outline, Presence},
    checksum::Checksum,
    cost::Machine,
    ids::{JobId, MediaId, UserId},
    kind::MediaKind,
    pipeline::Pipeline,
    profile::Choice,
    run::Run,
    trail::Trail,
};
use serde::{Deserialize, Serialize};

/// The queue message, which is also the execution's input. `ValidateInput` checks all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionInput {
    /// The job; also the name of the execution.
    pub job_id: JobId,
    /// The upload.
    pub media_id: MediaId,
    /// The owner of the upload.
    pub user_id: UserId,
    /// The bytes to process.
    pub source: Source,
    /// Origin of the job, for logs; messages sent before this field existed have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<Trail>,
    /// The client's choices, if any. They travel with the message, so that a change of the stack's profiles does not
    /// affect existing jobs.
    #[serde(default, skip_serializing_if = "Choice::is_usual")]
    pub choice: Choice,
    /// The only pipeline to run, if the outputs of the others already exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Pipeline>,
}

/// The uploaded bytes, identified exactly, so that every reader reads the same ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Key in the raw bucket.
    pub key: String,
    /// S3 version of the object.
    pub version_id: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Digest of the content.
    #[serde(flatten)]
    pub checksum: Checksum,
}

/// The operator's settings for choosing branches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Routing {
    /// Largest image in bytes that a Lambda renders; 0 sends every image to the worker.
    pub render_image_max_bytes: u64,
    /// Set if speech is transcribed.
    pub transcription: bool,
    /// The functions that run short work of the workers; `None` runs all of it in containers.
    pub functions: Option<WorkerFunctions>,
}

/// The operator's settings of the functions that run the workers' images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerFunctions {
    /// Memory of each function in MB, which also sets its share of the processors.
    pub memory_mb: u32,
    /// Disk of each function in MB.
    pub disk_mb: u32,
    /// Most estimated work for a function, in vCPU-seconds.
    pub most_vcpu_seconds: u32,
    /// Set if speech is recognised with the model in the image. The speed and size of another are unknown.
    pub knows_model: bool,
}

impl WorkerFunctions {
    /// The machine of a function.
    #[must_use]
    pub const fn machine(self) -> Machine {
        Machine::Lambda { memory_mb: self.memory_mb }
    }
}

/// The branch of the state machine for a media; `statemachine.asl.json` lists the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Branch {
    /// The Lambda, for a small image.
    RenderImage,
    /// The transcode worker, for any other image.
    TranscodeImage,
    /// The transcode worker, for video or audio without sound to transcribe.
    Transcode,
    /// Both workers in parallel.
    TranscodeAndTranscribe,
    /// Only the transcribe worker, for a media that already has renditions.
    Transcribe,
}

impl Branch {
    /// The branch for a media of this kind and size, given whether it has sound.
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

    /// The branch that runs only one pipeline, if it exists.
    #[must_use]
    pub const fn only(pipeline: Pipeline) -> Option<Self> {
        match pipeline {
            Pipeline::Transcribe => Some(Self::Transcribe),
            Pipeline::Transcode => None,
        }
    }

    /// The pipelines that the branch runs; the job is complete once each has its manifest.
    #[must_use]
    pub const fn pipelines(self) -> &'static [Pipeline] {
        match self {
            Self::RenderImage | Self::TranscodeImage | Self::Transcode => &[Pipeline::Transcode],
            Self::TranscodeAndTranscribe => &[Pipeline::Transcode, Pipeline::Transcribe],
            Self::Transcribe => &[Pipeline::Transcribe],
        }
    }
}

/// Size of the transcode worker's ECS task. The operator sets the CPU and memory of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkerSize {
    /// For most media.
    Standard,
    /// For media that would take the standard size too long or exceed its memory.
    Large,
}

impl WorkerSize {
    /// Most work for a standard worker, in pixels times seconds: ten minutes at 1920 × 1080.
    pub const STANDARD_WORK: u64 = 1920 * 1080 * 600;
    /// Largest picture for a standard worker at any duration, in pixels: frames above 2560 × 1440 fill the buffers of
    /// the decoder and the scalers with gigabytes.
    pub const STANDARD_PIXELS: u64 = 2560 * 1440;
    /// Largest video in bytes for a standard worker, if its headers don't state its size and duration.
    pub const STANDARD_BYTES: u64 = 512 * 1024 * 1024;

    /// The worker size for a media. Images, which have their own limits, and audio always use the standard size.
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

/// Where a worker runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A Lambda function with the worker's image.
    Function,
    /// An ECS task.
    #[default]
    Container,
}

/// Where each worker of a job runs; `statemachine.asl.json` compares with the same names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Places {
    /// The transcode worker.
    pub transcode: Place,
    /// The transcribe worker.
    pub transcribe: Place,
}

impl Places {
    /// These places, where `allowed` has functions too, else containers.
    #[must_use]
    pub const fn within(self, allowed: Self) -> Self {
        const fn both(one: Place, other: Place) -> Place {
            match (one, other) {
                (Place::Function, Place::Function) => Place::Function,
                (Place::Container, _) | (_, Place::Container) => Place::Container,
            }
        }
        Self {
            transcode: both(self.transcode, allowed.transcode),
            transcribe: both(self.transcribe, allowed.transcribe),
        }
    }

    /// Where the worker of a pipeline begins.
    #[must_use]
    pub const fn of(self, pipeline: Pipeline) -> Place {
        match pipeline {
            Pipeline::Transcode => self.transcode,
            Pipeline::Transcribe => self.transcribe,
        }
    }
}

/// The result of `detect-type`, passed to the workers: the validated input, its kind, and its branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Detected {
    /// The validated input.
    #[serde(flatten)]
    pub input: ExecutionInput,
    /// Kind of media, from the content.
    pub kind: MediaKind,
    /// Media type, from the content.
    pub content_type: String,
    /// The branch to run.
    pub branch: Branch,
}

/// The input of an execution, as `validate-input` and `detect-type` get it: the message, or what a light run hands over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The message.
    #[serde(flatten)]
    pub input: ExecutionInput,
    /// Where workers may begin, if a light run hands the job over: one that left its function or failed there does not
    /// begin there again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<Places>,
}

/// What a state passes to a function: only the work in the Standard state machine, the work and its run in the light one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StepPayload<W>", into = "StepPayload<W>", bound(serialize = "W: Clone + Serialize"))]
pub struct Step<W> {
    /// What the function works on.
    pub work: W,
    /// The run of the light state machine; `None` in the Standard one.
    pub run: Option<Run>,
}

/// A [`Step`] in JSON.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum StepPayload<W> {
    Light { work: W, run: Run },
    Standard(W),
}

impl<W> From<StepPayload<W>> for Step<W> {
    fn from(payload: StepPayload<W>) -> Self {
        match payload {
            StepPayload::Light { work, run } => Self { work, run: Some(run) },
            StepPayload::Standard(work) => Self { work, run: None },
        }
    }
}

impl<W> From<Step<W>> for StepPayload<W> {
    fn from(step: Step<W>) -> Self {
        match step {
            Step { work, run: Some(run) } => Self::Light { work, run },
            Step { work, run: None } => Self::Standard(work),
        }
    }
}

/// The answer of `detect-type`, which starts the workers: the work, the size of the transcode worker's ECS task, and
/// where each worker begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The work.
    #[serde(flatten)]
    pub detected: Detected,
    /// The size that the state machine requests; `None` in executions that began before sizes existed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<TaskSize>,
    /// Where each worker begins; work that a function cannot end moves to a container.
    #[serde(default)]
    pub places: Places,
    /// Set if the light state machine can run the whole branch: every worker in a function, and soon.
    #[serde(default)]
    pub light: bool,
}

/// The size of an ECS task, as `ecs:RunTask` expects it: both numbers as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSize {
    /// CPU units; 1024 are one vCPU.
    pub cpu: String,
    /// Memory in MiB.
    pub memory: String,
}

#[cfg(test)]
mod tests {
    use super::{Branch, Entry, ExecutionInput, Place, Places, Routing, Step, WorkerSize};
    use crate::{
        av::{AvLimits, Outline, Presence},
        image::Size,
        kind::MediaKind,
    };
    use serde_json::Value;

    #[test]
    fn media_with_possible_sound_is_transcribed_if_the_operator_enabled_it() {
        let of = |kind, sound, transcription| {
            Branch::of(kind, 1000, sound, Routing { render_image_max_bytes: 999, transcription, functions: None })
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
    fn a_lambda_renders_images_up_to_a_size_that_may_be_zero() {
        let of = |bytes, render_image_max_bytes| {
            let routing = Routing { render_image_max_bytes, transcription: false, functions: None };
            Branch::of(MediaKind::Image, bytes, Presence::Absent, routing)
        };
        assert_eq!((of(999, 999), of(1000, 999)), (Branch::RenderImage, Branch::TranscodeImage));
        assert_eq!(of(1, 0), Branch::TranscodeImage);
    }

    fn state_machine() -> Value {
        serde_json::from_str(include_str!("../../../statemachine.asl.json")).expect("JSON")
    }

    #[test]
    fn a_state_outlasts_its_longest_worker_run_and_an_execution_two_attempts() {
        /// Time to start a container, to fetch 5 GiB, and to store the outputs.
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
    fn the_state_machines_have_exactly_these_branches() {
        let branches = [
            Branch::RenderImage,
            Branch::TranscodeImage,
            Branch::Transcode,
            Branch::TranscodeAndTranscribe,
            Branch::Transcribe,
        ];
        let branches = branches.map(|branch| serde_json::to_value(branch).expect("a name"));
        let choices =
            |definition: &Value| definition["States"]["Branch"]["Choices"].as_array().expect("a list").clone();
        // Those of one condition; the others begin in a function.
        let listed: Vec<_> = choices(&state_machine())
            .iter()
            .map(|choice| choice["StringEquals"].clone())
            .filter(|name| !name.is_null())
            .collect();
        assert_eq!(listed, branches);
        let light: Value = serde_json::from_str(include_str!("../../../light.asl.json")).expect("JSON");
        let condition = |choice: &Value| {
            assert_eq!(choice["And"][0], serde_json::json!({"Variable": "$.work.light", "BooleanEquals": true}));
            choice["And"][1]["StringEquals"].clone()
        };
        assert_eq!(choices(&light).iter().map(condition).collect::<Vec<_>>(), branches);
    }

    #[test]
    fn a_step_names_its_run_only_in_the_light_state_machine() {
        let work = serde_json::json!({
            "jobId": "job_01jd0w00000000000000000001", "mediaId": "med_01jd0w00000000000000000001", "userId": "user-1",
            "source": {"key": "k", "versionId": "v", "bytes": 3, "sha256": "0".repeat(64)},
        });
        let run = serde_json::json!({"id": "8f6b", "startedAt": "2026-01-01T00:00:00.000Z"});
        let light = serde_json::json!({"work": work, "run": run});
        for (payload, in_light) in [(&light, true), (&work, false)] {
            let step: Step<ExecutionInput> = serde_json::from_value(payload.clone()).expect("a step");
            assert_eq!(step.run.is_some(), in_light);
            assert_eq!(serde_json::to_value(step).expect("JSON"), *payload);
        }
    }

    #[test]
    fn a_worker_does_not_begin_again_where_it_left() {
        let both = Places { transcode: Place::Function, transcribe: Place::Function };
        let left = Places { transcribe: Place::Container, ..both };
        assert_eq!((both.within(left), left.within(both), both.within(both)), (left, left, both));
        // A light run hands over what `detect-type` answered; only the places of it count.
        let handed_over = serde_json::json!({
            "jobId": "job_01jd0w00000000000000000001", "mediaId": "med_01jd0w00000000000000000001", "userId": "user-1",
            "source": {"key": "k", "versionId": "v", "bytes": 3, "sha256": "0".repeat(64)},
            "kind": "audio", "contentType": "audio/mp4", "branch": "transcode_and_transcribe", "light": true,
            "places": left,
        });
        let entry: Entry = serde_json::from_value(handed_over).expect("an entry");
        assert_eq!(entry.places, Some(left));
        assert_eq!(serde_json::to_value(entry).expect("JSON")["places"]["transcribe"], "container");
    }

    #[test]
    fn the_state_machine_compares_with_the_places_that_exist() {
        let places = serde_json::to_value(Places { transcode: Place::Function, transcribe: Place::Container });
        assert_eq!(places.expect("names"), serde_json::json!({"transcode": "function", "transcribe": "container"}));
        let definition = state_machine();
        let conditions: Vec<_> = definition["States"]["Branch"]["Choices"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|choice| choice["And"].as_array())
            .flatten()
            .filter(|condition| condition["Variable"].as_str().is_some_and(|name| name.starts_with("$.places.")))
            .filter_map(|condition| condition["StringEquals"].as_str())
            .collect();
        assert_eq!(conditions, ["function"; 3]);
    }

    #[test]
    fn a_video_needs_a_large_worker_by_work_by_picture_or_if_unknown_by_bytes() {
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
