//! Shared by the pipelines for video and audio: running ffmpeg, reporting progress, and publishing outputs.

use super::{
    Event, child::Runner, failure::corrupt, line::Line, progress::ProgressReader, sandbox::Program, tail::Tail,
    workspace::Workspace,
};
use crate::error::MediaError;
use smmu_core::{
    Artifact, Role,
    av::{Probe, progress::Steps},
};
use std::time::{Duration, Instant};

/// Interval between checks of the total output size.
const SIZE_CHECK: Duration = Duration::from_secs(2);

/// Callback for a chunk of a child's output, with the value that runs the child.
type Reader<'r, M> = &'r mut dyn FnMut(&mut M, &[u8]) -> Result<(), MediaError>;

/// Runs ffmpeg, reports progress, and publishes the outputs of one transcode.
pub(crate) struct Making<'a> {
    pub(crate) space: Workspace<'a>,
    runner: Runner<'a>,
    watch: &'a mut dyn FnMut(Event),
    percent: u8,
    artifacts: Vec<Artifact>,
}

impl<'a> Making<'a> {
    pub(crate) fn new(space: Workspace<'a>, runner: Runner<'a>, watch: &'a mut dyn FnMut(Event)) -> Self {
        Self { space, runner, watch, percent: 0, artifacts: Vec::new() }
    }

    /// Reports progress if it has increased. At most 99%, because 100% follows after the manifest.
    pub(crate) fn report(&mut self, percent: u8) {
        let percent = percent.min(99);
        if percent > self.percent {
            self.percent = percent;
            (self.watch)(Event::Progress(percent));
        }
    }

    /// Runs ffmpeg as one step that writes `out_ms` milliseconds of output.
    pub(crate) fn run(&mut self, line: &Line, steps: &mut Steps, step: usize, out_ms: u64) -> Result<(), MediaError> {
        let mut reader = ProgressReader::default();
        self.run_reading(line, &mut |making, chunk| {
            reader.take(chunk);
            making.report(steps.reach(step, reader.out_ms, out_ms.max(1)));
            Ok(())
        })?;
        self.report(steps.complete(step));
        Ok(())
    }

    /// Runs ffmpeg, passes its standard output to `read`, and returns the tail of its log.
    pub(crate) fn run_reading(&mut self, line: &Line, read: Reader<'_, Self>) -> Result<Tail, MediaError> {
        let runner = self.runner;
        let mut checked = Instant::now();
        let tail = runner.run(Program::Ffmpeg, line.words(), &mut |chunk| {
            read(self, chunk)?;
            if checked.elapsed() >= SIZE_CHECK {
                checked = Instant::now();
                self.space.check_size()?;
            }
            Ok(())
        })?;
        self.space.check_size()?;
        Ok(tail)
    }

    /// Publishes a finished file with the properties that `describe` adds.
    pub(crate) fn publish(
        &mut self,
        name: &str,
        role: Role,
        content_type: &str,
        describe: impl FnOnce(Artifact) -> Artifact,
    ) -> Result<(), MediaError> {
        let artifact = describe(self.space.publish(name, role, content_type)?);
        self.announce(artifact);
        Ok(())
    }

    /// Like [`Self::publish`], but keeps the file in the workspace because other outputs are made from it.
    pub(crate) fn publish_kept(
        &mut self,
        name: &str,
        role: Role,
        content_type: &str,
        describe: impl FnOnce(Artifact) -> Artifact,
    ) -> Result<(), MediaError> {
        let artifact = describe(self.space.publish_kept(name, role, content_type)?);
        self.announce(artifact);
        Ok(())
    }

    fn announce(&mut self, artifact: Artifact) {
        (self.watch)(Event::Ready(artifact.clone()));
        self.artifacts.push(artifact);
    }

    /// All published artifacts, in order of publication.
    pub(crate) fn into_artifacts(self) -> Vec<Artifact> {
        self.artifacts
    }
}

/// Containers that state their exact duration, unless ffmpeg had to guess it; a shorter decode means a truncated file.
pub(crate) const EXACT: &[&str] =
    &["mov", "matroska", "flac", "aiff", "wav", "mp3", "avi", "flv", "caf", "au", "tta", "wv", "nistsphere", "mxf"];

/// Returns whether the file is truncated: whether these streams decoded to less than the file states. Half a video is
/// better than none, but less than a tenth is refused.
pub(crate) fn is_cut_off(probe: &Probe, streams: &[u32], made_ms: u64) -> Result<bool, MediaError> {
    if made_ms == 0 {
        return Err(corrupt("no part of it can be decoded"));
    }
    let promised_ms = probe.claimed_ms.unwrap_or_else(|| probe.promised_ms(streams));
    if EXACT.contains(&probe.container.as_str()) && made_ms < promised_ms / 10 {
        let seconds = |ms: u64| format!("{}.{}", ms / 1000, ms % 1000 / 100);
        let message = format!("only {} of {} seconds are present", seconds(made_ms), seconds(promised_ms));
        return Err(corrupt(&message));
    }
    let less = EXACT.contains(&probe.container.as_str()) && Probe::is_cut(made_ms, promised_ms);
    Ok(probe.cut_off || less)
}

/// Average bits per second; `None` if the duration is zero.
pub(crate) fn bit_rate(bytes: u64, duration_ms: u64) -> Option<u64> {
    bytes.saturating_mul(8000).checked_div(duration_ms)
}
