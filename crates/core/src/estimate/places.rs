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
        let slow_ms = self.machine().ms_of(core_ms, subject.threads()).saturating_mul(TIME_PERCENT.high) / 100;
        let disk = bytes.saturating_add(work.artifacts.iter().sum()).saturating_add(Self::OWN_DISK_MB * MIB);
        core_ms <= u64::from(self.most_vcpu_seconds) * 1000
            && slow_ms <= Self::LONGEST_MS
            && disk <= u64::from(self.disk_mb) * MIB
            && (subject.pixels() <= WorkerSize::STANDARD_PIXELS || self.memory_mb >= Self::LARGE_PICTURE_MB)
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
    use crate::{av::Presence, estimate::tests::deployment, image::Size};
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
