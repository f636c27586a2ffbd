//! Chooses where the workers of a job run: in a function, which starts in a moment, or in a container, which costs less
//! for long work.

use super::{Deployment, MIB, Share, Subject, TIME_PERCENT, share, speed, typical};
use crate::{
    av::{Outline, Probe},
    cost::Machine,
    execution::{Branch, Place, Places, WorkerFunctions, WorkerSize},
    kind::MediaKind,
    pipeline::Pipeline,
    profile::Profile,
};

impl WorkerFunctions {
    /// Longest run of a function, in milliseconds ("Lambda quotas": 15 minutes), less the time to move on from it.
    const LONGEST_MS: u64 = 840_000;
    /// Longest run of a function in a run of the light state machine, in milliseconds, less the time of the other steps
    /// and to hand the job over: of [`Run::LONGEST_SECONDS`](crate::run::Run::LONGEST_SECONDS).
    const LONGEST_LIGHT_MS: u64 = 200_000;
    /// Least memory in MB for frames above [`WorkerSize::STANDARD_PIXELS`].
    const LARGE_PICTURE_MB: u32 = 8192;
    /// Disk that the worker needs besides source and outputs, in MB.
    const OWN_DISK_MB: u64 = 128;

    /// Returns whether a function that has `left_ms` milliseconds can end the work of a recording with this probe. The
    /// limit of work is doubled: work that has begun is not worth a move for a little more.
    #[must_use]
    pub fn ends(self, probe: &Probe, pipeline: Pipeline, profile: &Profile, bytes: u64, left_ms: u64) -> bool {
        let subject = Subject::Av(Box::new(probe.clone()));
        let work = share(&subject, pipeline, profile, 100);
        let begun = Self { most_vcpu_seconds: self.most_vcpu_seconds.saturating_mul(2), ..self };
        begun.holds(&subject, &work, bytes) && self.machine().ms_of(work.core_ms, subject.threads()) <= left_ms
    }

    /// Returns whether a function has the time, the memory and the disk for this work.
    fn holds(self, subject: &Subject, work: &Share, bytes: u64) -> bool {
        let core_ms = work.core_ms.saturating_add(speed::ATTEMPT_MS);
        let slow_ms = self.slow_ms(subject, work);
        let disk = bytes.saturating_add(work.artifacts.iter().sum()).saturating_add(Self::OWN_DISK_MB * MIB);
        core_ms <= u64::from(self.most_vcpu_seconds) * 1000
            && slow_ms <= Self::LONGEST_MS
            && disk <= u64::from(self.disk_mb) * MIB
            && (subject.pixels() <= WorkerSize::STANDARD_PIXELS || self.memory_mb >= Self::LARGE_PICTURE_MB)
    }

    /// Time of this work on a bad day, in milliseconds.
    fn slow_ms(self, subject: &Subject, work: &Share) -> u64 {
        let core_ms = work.core_ms.saturating_add(speed::ATTEMPT_MS);
        self.machine().ms_of(core_ms, subject.threads()).saturating_mul(TIME_PERCENT.high) / 100
    }
}

impl Deployment {
    /// Where the workers of a branch run, by what the headers of the file state.
    ///
    /// A recording whose headers state no duration counts as the longest that is typical of its size. If that is wrong
    /// the function notices, and the work moves to a container.
    #[must_use]
    pub fn places(
        &self,
        branch: Branch,
        kind: MediaKind,
        content_type: &str,
        outline: &Outline,
        bytes: u64,
        profile: &Profile,
    ) -> Places {
        let Some(subject) = typical::described(kind, content_type, outline, bytes) else { return Places::default() };
        let mut places = Places::default();
        for &pipeline in branch.pipelines() {
            let place = self.place(branch, &subject, pipeline, bytes, profile);
            match pipeline {
                Pipeline::Transcode => places.transcode = place,
                Pipeline::Transcribe => places.transcribe = place,
            }
        }
        places
    }

    /// Returns whether a run of the light state machine ends in time with the workers of a branch in these places, by
    /// what the headers of the file state.
    #[must_use]
    pub fn is_light(
        &self,
        (branch, places): (Branch, Places),
        kind: MediaKind,
        content_type: &str,
        outline: &Outline,
        bytes: u64,
        profile: &Profile,
    ) -> bool {
        if branch == Branch::RenderImage {
            return true;
        }
        let (Some(functions), Some(subject)) =
            (self.routing.functions, typical::described(kind, content_type, outline, bytes))
        else {
            return false;
        };
        branch.pipelines().iter().all(|&pipeline| {
            let work = share(&subject, pipeline, profile, 100);
            places.of(pipeline) == Place::Function
                && functions.slow_ms(&subject, &work) <= WorkerFunctions::LONGEST_LIGHT_MS
        })
    }

    /// Where a worker of a branch runs.
    pub(super) fn place(
        &self,
        branch: Branch,
        subject: &Subject,
        pipeline: Pipeline,
        bytes: u64,
        profile: &Profile,
    ) -> Place {
        let Some(functions) = self.routing.functions else { return Place::Container };
        let work = share(subject, pipeline, profile, 100);
        let fits = functions.holds(subject, &work, bytes);
        let takes = match (branch, pipeline) {
            // It has its own function.
            (Branch::RenderImage, _) => false,
            (_, Pipeline::Transcribe) => fits && functions.knows_model,
            (Branch::TranscodeImage, Pipeline::Transcode) => {
                fits && self.price(functions.machine(), subject, &work) <= self.price(self.transcode, subject, &work)
            }
            (_, Pipeline::Transcode) => fits,
        };
        if takes { Place::Function } else { Place::Container }
    }

    /// Price of the run time of this work, in micro-dollars. A container is billed from the pull of its image on, which
    /// is most of its start.
    fn price(&self, machine: Machine, subject: &Subject, work: &Share) -> u64 {
        let ms = machine.ms_of(work.core_ms.saturating_add(speed::ATTEMPT_MS), subject.threads());
        self.prices.cost(&machine.running(ms)).compute_micro_dollars.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        av::Presence,
        estimate::{Range, Request, tests::deployment},
        image::Size,
    };
    use proptest::prelude::*;

    fn with(functions: WorkerFunctions) -> Deployment {
        let deployment = deployment();
        let routing = crate::execution::Routing { functions: Some(functions), ..deployment.routing };
        Deployment { routing, ..deployment }
    }

    /// The defaults of template.yaml.
    const USUAL: WorkerFunctions =
        WorkerFunctions { memory_mb: 3008, disk_mb: 2048, most_vcpu_seconds: 60, knows_model: true };

    fn clip(seconds: u64, size: (u32, u32)) -> Outline {
        let (width, height) = size;
        Outline {
            picture: Presence::Present,
            sound: Presence::Present,
            duration_ms: Some(seconds * 1000),
            size: Some(Size { width, height }),
        }
    }

    const HD: (u32, u32) = (1920, 1080);

    fn of_clip(functions: WorkerFunctions, seconds: u64, size: (u32, u32)) -> Places {
        let bytes = seconds * 17_000_000 / 8;
        let branch = Branch::TranscodeAndTranscribe;
        with(functions).places(branch, MediaKind::Video, "video/mp4", &clip(seconds, size), bytes, &Profile::default())
    }

    const BOTH: Places = Places { transcode: Place::Function, transcribe: Place::Function };

    #[test]
    fn a_clip_runs_in_functions_and_a_film_in_containers() {
        assert_eq!(of_clip(USUAL, 15, HD), BOTH);
        assert_eq!(of_clip(USUAL, 3600, HD), Places::default());
        let text_only = Places { transcode: Place::Container, transcribe: Place::Function };
        assert_eq!(of_clip(USUAL, 120, HD), text_only, "its text is little work");
    }

    #[test]
    fn a_clip_is_light_and_what_needs_a_container_or_minutes_is_not() {
        let is_light = |functions, seconds, size| {
            let (bytes, outline) = (seconds * 17_000_000 / 8, clip(seconds, size));
            let places = of_clip(functions, seconds, size);
            let work = (Branch::TranscodeAndTranscribe, places);
            with(functions).is_light(work, MediaKind::Video, "video/mp4", &outline, bytes, &Profile::default())
        };
        assert!(is_light(USUAL, 15, HD));
        assert!(!is_light(USUAL, 120, HD), "its renditions are made in a container");
        let patient = WorkerFunctions { most_vcpu_seconds: 600, ..USUAL };
        assert_eq!(of_clip(patient, 240, HD), BOTH);
        assert!(!is_light(patient, 240, HD), "it can take longer than a run");
        assert!(is_light(patient, 60, HD));
        let photo = (Branch::RenderImage, Places::default());
        let outline = Outline::default();
        assert!(deployment().is_light(photo, MediaKind::Image, "image/jpeg", &outline, 1, &Profile::default()));
    }

    #[test]
    fn without_functions_everything_runs_in_containers() {
        let off = deployment();
        let outline = clip(15, HD);
        let branch = Branch::TranscodeAndTranscribe;
        let places = off.places(branch, MediaKind::Video, "video/mp4", &outline, 1, &Profile::default());
        assert_eq!(places, Places::default());
    }

    #[test]
    fn large_pictures_need_much_memory_and_large_files_much_disk() {
        let uhd = (3840, 2160);
        assert_eq!(of_clip(USUAL, 5, uhd).transcode, Place::Container);
        let large = WorkerFunctions { memory_mb: 10_240, most_vcpu_seconds: 600, ..USUAL };
        assert_eq!(of_clip(large, 5, uhd).transcode, Place::Function);
        assert_eq!(of_clip(WorkerFunctions { disk_mb: 256, ..large }, 60, uhd).transcode, Place::Container);
    }

    #[test]
    fn an_unknown_speech_model_runs_in_a_container() {
        let own = WorkerFunctions { knows_model: false, ..USUAL };
        assert_eq!(of_clip(own, 15, HD), Places { transcribe: Place::Container, ..BOTH });
    }

    #[test]
    fn a_recording_without_a_duration_counts_as_the_longest_of_its_size() {
        let of = |bytes| {
            let outline = Outline { picture: Presence::Absent, sound: Presence::Present, ..Outline::default() };
            let branch = Branch::TranscodeAndTranscribe;
            with(USUAL).places(branch, MediaKind::Audio, "audio/webm", &outline, bytes, &Profile::default())
        };
        assert_eq!(of(80_000), BOTH, "a voice note");
        assert_eq!(of(80_000_000), Places::default());
    }

    #[test]
    fn a_large_image_runs_where_it_costs_less() {
        let of = |bytes| {
            let branch = Branch::TranscodeImage;
            with(USUAL)
                .places(branch, MediaKind::Image, "image/jpeg", &Outline::default(), bytes, &Profile::default())
                .transcode
        };
        assert_eq!(of(40 << 20), Place::Function);
        let containers_for_nothing = Deployment {
            prices: crate::cost::PriceTable {
                fargate_vcpu_hour: crate::cost::MicroDollars(0),
                fargate_gb_hour: crate::cost::MicroDollars(0),
                fargate_disk_gb_hour: crate::cost::MicroDollars(0),
                ..crate::cost::PriceTable::default()
            },
            ..with(USUAL)
        };
        let branch = Branch::TranscodeImage;
        let (outline, profile) = (Outline::default(), Profile::default());
        let places =
            containers_for_nothing.places(branch, MediaKind::Image, "image/jpeg", &outline, 40 << 20, &profile);
        assert_eq!(places.transcode, Place::Container);
    }

    /// Price of a thousand runs in dollars, and seconds from the request to the end of the work, of one machine.
    fn run(deployment: &Deployment, machine: Machine, core_ms: u64, moved_bytes: u64) -> (f64, u64) {
        let ms = machine.ms_of(core_ms + speed::ATTEMPT_MS, crate::cost::Threads::Many)
            + moved_bytes / MIB * crate::estimate::MIB_MS;
        let cost = deployment.prices.cost(&machine.running(ms));
        let start_ms = if machine.is_container() { deployment.container_start_ms } else { 0 };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let dollars = (cost.compute_micro_dollars + cost.requests_micro_dollars).0 as f64 / 1000.0;
        (dollars, (ms + start_ms).div_ceil(1000))
    }

    /// docs/COST.md must contain the price and time of both ways in this model, a row for each length.
    #[test]
    fn the_cost_page_lists_both_ways_by_length() {
        let page = include_str!("../../../../docs/COST.md");
        let functions = with(USUAL);
        let large = Machine::Lambda { memory_mb: 10_240 };
        let row = |name: String, core_ms: u64, bytes: u64, container: Machine| {
            let ways = [USUAL.machine(), large, container].map(|machine| run(&functions, machine, core_ms, bytes));
            let ways = ways.map(|(dollars, seconds)| format!("${dollars:.2}, {seconds} s")).join(" | ");
            format!("| {name} | {} | {ways} |", core_ms.div_ceil(1000))
        };
        let mut rows = Vec::new();
        for seconds in [5, 15, 25, 40, 60, 120] {
            let bytes = seconds * 17_000_000 / 8;
            let subject = typical::described(MediaKind::Video, "video/mp4", &clip(seconds, HD), bytes).unwrap();
            let work = share(&subject, Pipeline::Transcode, &Profile::default(), 50);
            let moved = bytes + work.artifacts.iter().sum::<u64>();
            rows.push(row(format!("renditions of {seconds} s"), work.core_ms, moved, functions.transcode));
        }
        for seconds in [20, 60, 300] {
            let work = speed::speech_core_ms(seconds * 1000, Profile::default().speech.beam_size.get());
            rows.push(row(format!("text of {seconds} s"), work, seconds * 4000, functions.transcribe));
        }
        for (name, kind, seconds, bit_rate) in [
            ("a clip of 15 s", MediaKind::Video, 15, 17_000_000),
            ("a voice note of 20 s", MediaKind::Audio, 20, 32_000),
        ] {
            let bytes = seconds * bit_rate / 8;
            let subject = typical::described(kind, "audio/m4a", &clip(seconds, HD), bytes).unwrap();
            let subjects = Range { low: subject.clone(), expected: subject.clone(), high: subject };
            let profile = Profile::default();
            let request = Request { bytes, profile: &profile, only: None, first: true };
            let job = |deployment: &Deployment| {
                let estimate = deployment.estimate(&subjects, request);
                #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
                let dollars = estimate.micro_dollars.expected.0 as f64 / 1000.0;
                format!("${dollars:.2}, {} s", estimate.seconds.expected)
            };
            rows.push(format!("| {name} | {} | {} |", job(&deployment()), job(&functions)));
        }
        for row in &rows {
            assert!(page.contains(row), "docs/COST.md lacks a row of these:\n{}", rows.join("\n"));
        }
    }

    #[test]
    fn the_usual_limit_is_where_the_function_still_costs_no_more_than_the_container() {
        let functions = with(USUAL);
        let price = |machine, seconds: u64| run(&functions, machine, seconds * 1000, 0).0;
        let most = u64::from(USUAL.most_vcpu_seconds);
        assert!(price(USUAL.machine(), most) <= price(functions.transcode, most) * 1.05);
        assert!(price(USUAL.machine(), most * 3 / 2) > price(functions.transcode, most * 3 / 2));
    }

    proptest! {
        #[test]
        fn a_longer_or_larger_clip_never_returns_to_a_function(
            seconds in 1..7200_u64, longer in 1..7200_u64,
            width in 16..4096_u32, height in 16..4096_u32, memory_mb in 1769..=10_240_u32, most in 1..1000_u32,
        ) {
            let functions = WorkerFunctions { memory_mb, most_vcpu_seconds: most, disk_mb: 10_240, ..USUAL };
            let short = of_clip(functions, seconds, (width, height));
            let long = of_clip(functions, seconds + longer, (width, height));
            prop_assert!(long.transcode == Place::Container || short.transcode == Place::Function);
            prop_assert!(long.transcribe == Place::Container || short.transcribe == Place::Function);
        }

        #[test]
        fn a_higher_limit_never_takes_work_from_a_function(seconds in 1..600_u64, one in 1..600_u32, more in 0..600_u32) {
            let of = |most| of_clip(WorkerFunctions { most_vcpu_seconds: most, ..USUAL }, seconds, HD).transcode;
            prop_assert!(of(one) == Place::Container || of(one + more) == Place::Function);
        }
    }
}
