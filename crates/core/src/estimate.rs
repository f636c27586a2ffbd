//! Estimates the cost and duration of a job before it starts.
//!
//! The estimate uses the plan that a worker would make. For an upload only kind and size are known, so a typical file
//! of that size is assumed; for a processed media, its measurements are used. Each figure is a range, since neither the
//! duration nor the content of a file follows from its size.

use crate::{
    av::{self, AudioStream, Colours, DynamicRange, FrameRate, Plan, Probe, Rotation, Surveyed, Tags, VideoStream},
    cost::{Cost, Machine, MicroDollars, PriceTable, Threads, Usage, Way},
    execution::{Branch, Place, Routing, WorkerSize},
    facts::MediaFacts,
    image::Size,
    kind::MediaKind,
    pipeline::Pipeline,
    profile::Profile,
};
use serde::Serialize;

mod places;
mod speed;
#[cfg(test)]
mod tests;
mod typical;

/// An estimated figure, where `low ≤ expected ≤ high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Range<T> {
    /// Unlikely to be lower.
    pub low: T,
    /// Most likely.
    pub expected: T,
    /// Unlikely to be higher.
    pub high: T,
}

impl<T> Range<T> {
    fn map<U>(self, mut each: impl FnMut(T) -> U) -> Range<U> {
        Range { low: each(self.low), expected: each(self.expected), high: each(self.high) }
    }
}

/// Estimated time and cost of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// Seconds from its submission to its end, if it does not have to wait for its turn.
    pub seconds: Range<u64>,
    /// Cost in millionths of a US dollar, including a month of storage.
    pub micro_dollars: Range<MicroDollars>,
    /// AWS region of the prices.
    pub prices_region: String,
    /// Date of the prices, as `YYYY-MM-DD`.
    pub prices_date: String,
}

/// Machines and prices of a deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// List prices.
    pub prices: PriceTable,
    /// The choice of a branch for each media.
    pub routing: Routing,
    /// The Lambda function that renders images.
    pub function: Machine,
    /// The transcode worker.
    pub transcode: Machine,
    /// The transcode worker for long and large video.
    pub transcode_large: Machine,
    /// The transcribe worker.
    pub transcribe: Machine,
    /// Time from requesting a container until it starts to work, in milliseconds.
    pub container_start_ms: u64,
}

/// Known properties of the media.
#[derive(Debug, Clone, PartialEq)]
enum Subject {
    Image { pixels: u64 },
    Av(Box<Probe>),
}

impl Subject {
    /// Pixels of a frame or image; 0 without one.
    fn pixels(&self) -> u64 {
        match self {
            Self::Image { .. } => 0,
            Self::Av(probe) => probe.video.as_ref().map_or(0, |video| video.coded.pixels()),
        }
    }

    /// Images are processed in one thread, but are decoded in bands, whatever their size.
    const fn threads(&self) -> Threads {
        match self {
            Self::Image { .. } => Threads::One,
            Self::Av(_) => Threads::Many,
        }
    }
}

/// Time outside the workers, in milliseconds: from submission to the first worker, and from the last worker to the end.
const JOURNEY_MS: u64 = 1200;
/// Range of a worker's run time, in percent of the modelled time.
const TIME_PERCENT: Range<u64> = Range { low: 50, expected: 100, high: 250 };
/// Range of the average bit rate of video and audio tracks, in percent of their highest rate.
const RATE_PERCENT: Range<u64> = Range { low: 10, expected: 50, high: 100 };
/// Time to fetch and store, in milliseconds per MiB.
const MIB_MS: u64 = 10;
/// Size of the parts in which a worker fetches its source, in bytes.
const PART_BYTES: u64 = 8 << 20;
const MIB: u64 = 1 << 20;

/// Known properties of the media, and the requested outputs.
#[derive(Debug, Clone, Copy)]
struct Request<'a> {
    bytes: u64,
    profile: &'a Profile,
    /// The only pipeline to run; `None` runs all.
    only: Option<Pipeline>,
    /// Set if the source was stored for this job, not for an earlier one.
    first: bool,
}

impl Deployment {
    /// Estimates an upload from its media type and size. `None` if the type does not show the kind of media.
    #[must_use]
    pub fn estimate_upload(&self, media_type: &str, bytes: u64, profile: &Profile) -> Option<Estimate> {
        let subjects = typical::subjects(media_type, bytes)?;
        Some(self.estimate(&subjects, Request { bytes, profile, only: None, first: true }))
    }

    /// Estimates a rerun of a measured media, or of one of its steps. `None` without measurements.
    #[must_use]
    pub fn estimate_rerun(
        &self,
        facts: &MediaFacts,
        bytes: u64,
        profile: &Profile,
        only: Option<Pipeline>,
    ) -> Option<Estimate> {
        let subject = match (&facts.image, &facts.av) {
            (Some(image), _) => Subject::Image { pixels: image.probe.size().pixels() },
            (None, Some(av)) => Subject::Av(Box::new(av.probe.clone())),
            (None, None) => return None,
        };
        let subjects = Range { low: subject.clone(), expected: subject.clone(), high: subject };
        Some(self.estimate(&subjects, Request { bytes, profile, only, first: false }))
    }

    fn estimate(&self, subjects: &Range<Subject>, request: Request) -> Estimate {
        // Uses one route for the whole range: otherwise more work could seem to take less time, on a larger machine.
        let route = self.route(&subjects.expected, request);
        let of = |subject, time, rate| self.work(subject, &route, request, time, rate);
        let all = Range {
            low: of(&subjects.low, TIME_PERCENT.low, RATE_PERCENT.low),
            expected: of(&subjects.expected, TIME_PERCENT.expected, RATE_PERCENT.expected),
            high: of(&subjects.high, TIME_PERCENT.high, RATE_PERCENT.high),
        };
        Estimate {
            seconds: all.map(|(ms, _)| ms.div_ceil(1000).max(1)),
            micro_dollars: all.map(|(_, cost)| cost.total().max(MicroDollars(1))),
            prices_region: self.prices.region.clone(),
            prices_date: self.prices.date.clone(),
        }
    }

    /// The pipelines that a media goes through, each with its machine.
    fn route(&self, subject: &Subject, Request { bytes, only, profile, .. }: Request) -> Vec<(Pipeline, Machine)> {
        let (kind, sound, size) = match subject {
            Subject::Image { .. } => (MediaKind::Image, av::Presence::Absent, WorkerSize::Standard),
            Subject::Av(probe) => {
                let kind = if probe.video.is_some() { MediaKind::Video } else { MediaKind::Audio };
                let sound = if probe.audio.is_empty() { av::Presence::Absent } else { av::Presence::Present };
                (kind, sound, size_of(probe, kind, bytes))
            }
        };
        let branch = only.and_then(Branch::only).unwrap_or_else(|| Branch::of(kind, bytes, sound, self.routing));
        let transcode = match (branch, size) {
            (Branch::RenderImage, _) => self.function,
            (_, WorkerSize::Standard) => self.transcode,
            (_, WorkerSize::Large) => self.transcode_large,
        };
        let machine = |pipeline| {
            let place = self.place(branch, subject, pipeline, bytes, profile);
            match (pipeline, place, self.routing.functions) {
                (_, Place::Function, Some(functions)) => functions.machine(),
                (Pipeline::Transcode, _, _) => transcode,
                (Pipeline::Transcribe, _, _) => self.transcribe,
            }
        };
        branch.pipelines().iter().map(|&pipeline| (pipeline, machine(pipeline))).collect()
    }

    /// Run time of a job in milliseconds, and its cost.
    fn work(
        &self,
        subject: &Subject,
        route: &[(Pipeline, Machine)],
        Request { bytes, profile, first, .. }: Request,
        time_percent: u64,
        rate_percent: u64,
    ) -> (u64, Cost) {
        let mut longest_ms = 0;
        let mut used = Usage::default();
        for &(pipeline, machine) in route {
            let Share { core_ms, artifacts } = share(subject, pipeline, profile, rate_percent);
            let moved = bytes.saturating_add(artifacts.iter().sum());
            let ran_ms = machine
                .ms_of(core_ms.saturating_add(speed::ATTEMPT_MS), subject.threads())
                .saturating_add((moved / MIB).saturating_mul(MIB_MS));
            let ran_ms = ran_ms.saturating_mul(time_percent) / 100;
            let start_ms = if machine.is_container() { self.container_start_ms } else { 0 };
            longest_ms = longest_ms.max(ran_ms.saturating_add(start_ms));
            used = used + machine.running(ran_ms) + Usage::of_attempt(bytes, PART_BYTES, &artifacts, ran_ms);
        }
        // Work that fits into a function is short enough for a light run, except with very large limits.
        let in_functions = route.iter().all(|(_, machine)| !machine.is_container());
        let way = if in_functions { Way::Light { ran_ms: longest_ms } } else { Way::Standard };
        // A rerun does not store its source again.
        used = used + Usage::of_journey(way, route.len(), if first { bytes } else { 0 });
        (JOURNEY_MS.saturating_add(longest_ms), self.prices.cost(&used))
    }
}

/// Work of one worker.
struct Share {
    core_ms: u64,
    /// Sizes of its output files, in bytes.
    artifacts: Vec<u64>,
}

fn share(subject: &Subject, pipeline: Pipeline, profile: &Profile, rate_percent: u64) -> Share {
    match (subject, pipeline) {
        (Subject::Image { pixels }, _) => {
            let avif = profile.image.avif.is_some();
            let count = (2 + usize::from(avif)) * profile.image.ladder.long_edges().len();
            // At most as many bytes as the renditions of 12 megapixels have.
            let bytes = *pixels.min(&12_000_000) / 9;
            Share { core_ms: speed::image_core_ms(*pixels, avif), artifacts: files(count, bytes) }
        }
        (Subject::Av(probe), Pipeline::Transcode) => renditions(probe, profile, rate_percent),
        (Subject::Av(probe), Pipeline::Transcribe) => {
            let core_ms = speed::speech_core_ms(probe.duration_ms, profile.speech.beam_size.get());
            // Transcript, text and captions: some bytes per word.
            Share { core_ms, artifacts: files(5, probe.duration_ms / 10) }
        }
    }
}

fn renditions(probe: &Probe, profile: &Profile, rate_percent: u64) -> Share {
    let Ok(plan) = av::plan(probe, &profile.av()) else { return Share { core_ms: 0, artifacts: Vec::new() } };
    let (count, percent) = match &plan {
        // Segments and two playlists for each rung and for the audio, a download, stills, and the master playlist.
        Plan::Video(plan) => (3 * (plan.rungs.len() + plan.av1_rungs.len()) + 8, rate_percent),
        Plan::Audio(_) => (8, 100),
    };
    let bytes = (plan.track_bytes() / 100).saturating_mul(percent);
    Share { core_ms: av::speed::core_ms(&plan, av::speed::Content::Usual), artifacts: files(count, bytes) }
}

/// `count` files with `bytes` bytes in total.
fn files(count: usize, bytes: u64) -> Vec<u64> {
    vec![bytes / count.max(1) as u64; count]
}

/// The size of the transcode worker for a media whose headers say this.
fn size_of(probe: &Probe, kind: MediaKind, bytes: u64) -> WorkerSize {
    let size = probe.video.as_ref().map(|video| video.coded);
    WorkerSize::of(kind, &av::Outline { size, duration_ms: Some(probe.duration_ms), ..av::Outline::default() }, bytes)
}
