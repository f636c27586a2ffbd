//! Decodes audio to samples for speech recognition, and publishes the results.

use super::{
    child::Runner,
    content::Content,
    frames::Frames,
    line::{DROP_REPEATS, Line, counted, until},
    making::is_cut_off,
    mix::to_stereo,
    probe::probe,
    sandbox::{Bounds, Program},
    workspace::{Workspace, digest},
};
use crate::{
    error::{MediaError, Transient},
    manifest,
};
use smmu_core::{
    Artifact, Manifest, MediaKind, Role,
    av::{AudioStream, AvLimits, Mono, Probe},
    manifest::SourceFacts,
    speech::Channels,
};
use std::{
    fmt::Write as _,
    fs::File,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Sample rate of the decoded audio, whatever the source's.
pub const LISTENING_HZ: u32 = 16_000;

/// A source that was probed and accepted. Results are published through it as well, so that the output folder never
/// contains a partial file.
pub struct Listener<'a> {
    space: Workspace<'a>,
    out_dir: &'a Path,
    limits: AvLimits,
    cancelled: &'a AtomicBool,
    content_type: &'static str,
    file: File,
    probe: Probe,
}

impl<'a> Listener<'a> {
    /// Probes a file without decoding it. `out_dir` must exist.
    ///
    /// # Errors
    ///
    /// [`MediaError::Refused`] if it is neither video nor audio, is damaged or is over a limit;
    /// [`MediaError::Transient`] otherwise.
    pub fn open(
        input: &Path,
        limits: &AvLimits,
        out_dir: &'a Path,
        cancelled: &'a AtomicBool,
    ) -> Result<Self, MediaError> {
        let file = File::open(input).map_err(Transient::Read)?;
        limits.check_bytes(file.metadata().map_err(Transient::Read)?.len())?;
        let Content { media_type, demuxer } = Content::detect(&file)?;
        let space = Workspace::open(input, out_dir, limits.max_output_bytes)?.opened_with(demuxer);
        let probe = probe(
            &space,
            &Runner { room: space.room(), bounds: Bounds::of(limits, limits.max_wall_time), cancelled },
            limits,
        )?;
        let limits = limits.within(&probe);
        Ok(Self { space, out_dir, limits, cancelled, content_type: media_type, file, probe })
    }

    /// Description of the file's streams and duration.
    #[must_use]
    pub fn probe(&self) -> &Probe {
        &self.probe
    }

    /// Video if the file has a picture, else audio.
    #[must_use]
    pub fn kind(&self) -> MediaKind {
        if self.probe.video.is_some() { MediaKind::Video } else { MediaKind::Audio }
    }

    /// Decodes one audio stream at [`LISTENING_HZ`]. `heard` receives whole frames of one sample per channel: one
    /// channel if mixed, else as many as the stream has. Gaps and a late start become silence, so the number of frames
    /// gives the time in the media. The decoder waits while `heard` runs, so memory does not grow; `wall_time` covers
    /// both. The calling thread must live until it returns.
    ///
    /// Returns the duration of the decoded audio, in milliseconds.
    ///
    /// # Errors
    ///
    /// An error from `heard`, which stops decoding; [`MediaError::Refused`] if the audio is damaged or ends long before
    /// its stated duration; [`MediaError::Transient`] otherwise.
    pub fn listen(
        &self,
        sound: &AudioStream,
        channels: Channels,
        wall_time: Duration,
        heard: &mut dyn FnMut(&[i16]) -> Result<(), MediaError>,
    ) -> Result<u64, MediaError> {
        let bounds = Bounds::of(&self.limits, wall_time);
        let runner = Runner { room: self.space.room(), bounds, cancelled: self.cancelled };
        let mut frames = Frames::of(decoded_channels(sound, channels));
        let limits = self.limits.within_sound(&self.probe, sound.index);
        let line = line(sound, channels, &self.probe.container, &limits);
        match channels {
            Channels::Mixed if sound.channels > 1 => {
                // A plain sum would silence a speaker whose two channels cancel each other out.
                let mut mono = Mono::new(LISTENING_HZ);
                let mut mixed = |samples: &[i16]| heard(&mono.push(samples.as_chunks().0.iter().copied()));
                runner.run(Program::Ffmpeg, line.words(), &mut |chunk| frames.take(chunk, &mut mixed))?;
                heard(&mono.finish())?;
            }
            Channels::Mixed | Channels::Apart => {
                runner.run(Program::Ffmpeg, line.words(), &mut |chunk| frames.take(chunk, heard))?;
            }
        }
        let heard_ms = frames.count * 1000 / u64::from(LISTENING_HZ);
        // In a video the audio can legitimately end before the picture.
        if self.kind() == MediaKind::Audio {
            is_cut_off(&self.probe, &[sound.index], heard_ms)?;
        }
        Ok(heard_ms)
    }

    /// Reads the whole source to find its size, digest and media type.
    ///
    /// # Errors
    ///
    /// [`Transient::Read`], or [`Transient::Cancelled`].
    pub fn source(&mut self) -> Result<SourceFacts, MediaError> {
        let (bytes, sha256) =
            digest(&mut self.file, || self.cancelled.load(Ordering::Relaxed)).map_err(Transient::Read)?;
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Transient::Cancelled.into());
        }
        Ok(SourceFacts { content_type: self.content_type.to_owned(), bytes, sha256 })
    }

    /// Stores one file in the output folder, where it appears atomically.
    ///
    /// # Errors
    ///
    /// [`Transient::Write`] or [`Transient::Read`]; a refusal if it exceeds the size limit.
    pub fn publish(
        &mut self,
        name: &str,
        role: Role,
        content_type: &str,
        content: &[u8],
    ) -> Result<Artifact, MediaError> {
        self.space.write(name, content)?;
        self.space.publish(name, role, content_type)
    }

    /// Stores the manifest, which marks the outputs as complete.
    ///
    /// # Errors
    ///
    /// [`Transient::Write`].
    pub fn finish(self, manifest: &Manifest) -> Result<(), MediaError> {
        Ok(manifest::write(manifest, self.out_dir)?)
    }
}

/// Number of channels that ffmpeg writes: at most two for a mix, which are then mixed to one here.
fn decoded_channels(sound: &AudioStream, channels: Channels) -> u32 {
    match channels {
        Channels::Mixed => sound.channels.min(2),
        Channels::Apart => sound.channels,
    }
}

fn line(sound: &AudioStream, channels: Channels, container: &str, limits: &AvLimits) -> Line {
    // Missing packets and a late start become silence to keep the timing.
    const ON_TIME: &str = "async=1:first_pts=0";
    let AudioStream { index, layout, .. } = sound;
    let filter = match channels {
        // A filter, because the resampler's own layout option would pass on all input channels.
        Channels::Mixed => {
            let mix = to_stereo(sound.channels, layout);
            let layout = if sound.channels > 1 { "stereo" } else { "mono" };
            format!("{mix}aformat=channel_layouts={layout},aresample={LISTENING_HZ}:osf=s16:{ON_TIME}")
        }
        Channels::Apart => {
            let apart = (0..sound.channels).fold(format!("pan={}c", sound.channels), |mut text, channel| {
                let _infallible = write!(text, "|c{channel}=c{channel}");
                text
            });
            format!("{apart},aresample={LISTENING_HZ}:osf=s16:{ON_TIME}")
        }
    };
    Line::quiet_ffmpeg()
        .source(limits, &format!("-vn -sn -dn {}", until(container, limits)))
        .with(format!("-filter_complex [0:{index}]{}{filter}[heard] -map [heard]", counted(container, limits)))
        .with(DROP_REPEATS)
        .with("-c:a pcm_s16le -f s16le pipe:1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn sound(channels: u32) -> AudioStream {
        let (codec, language) = ("pcm_s16le".to_owned(), None);
        let (layout, sample_rate_hz) = (String::new(), 44_100);
        AudioStream { index: 1, codec, channels, layout, sample_rate_hz, language, default: true, duration_ms: None }
    }

    #[test]
    fn the_command_lines_decode_one_sound_and_no_picture() {
        let words = |channels| line(&sound(2), channels, "mov", &AvLimits::default()).words().join(" ");
        insta::assert_snapshot!([Channels::Mixed, Channels::Apart].map(words).join("\n\n"));
    }

    /// Makes a file with ffmpeg and listens to it.
    fn heard(arguments: &str, channels: Channels) -> (Vec<i16>, u64) {
        let dir = tempfile::tempdir().expect("a folder");
        let input = dir.path().join("input.mkv");
        let made = Command::new("ffmpeg")
            .args("-nostdin -loglevel error -y".split(' '))
            .args(arguments.split(' '))
            .arg(&input)
            .status()
            .expect("ffmpeg is installed");
        assert!(made.success());
        let (limits, cancelled) = (AvLimits::default(), AtomicBool::new(false));
        let listener = Listener::open(&input, &limits, dir.path(), &cancelled).expect("a sound");
        let sound = listener.probe().audio[0].clone();
        let mut samples = Vec::new();
        let ms = listener.listen(&sound, channels, Duration::from_mins(1), &mut |chunk| {
            samples.extend_from_slice(chunk);
            Ok(())
        });
        (samples, ms.expect("it is whole"))
    }

    /// Time of the first sample that is not silence, in milliseconds.
    fn onset_ms(samples: impl Iterator<Item = i16>) -> usize {
        samples.take_while(|sample| sample.abs() < 500).count() * 1000 / LISTENING_HZ as usize
    }

    #[test]
    fn audio_that_starts_late_keeps_its_timing() {
        let (samples, ms) = heard(
            "-f lavfi -i testsrc=size=64x64:rate=10:duration=3 -itsoffset 1 -f lavfi -i sine=duration=2:sample_rate=44100 \
             -c:v mpeg4 -c:a aac",
            Channels::Mixed,
        );
        let onset = onset_ms(samples.iter().copied());
        assert!((950..=1100).contains(&onset), "{onset}");
        assert!((2950..=3100).contains(&ms), "{ms}");
    }

    #[test]
    fn mixed_and_separate_channels_have_the_same_timing() {
        for codec in ["flac", "aac"] {
            let stereo = format!(
                "-f lavfi -i sine=duration=1:sample_rate=8000,adelay=0|500:all=0,pan=stereo|c0=0*c0|c1=c0 -c:a {codec}"
            );
            let (mixed, ms) = heard(&stereo, Channels::Mixed);
            assert!((950..=1300).contains(&ms), "{codec}: {ms}");
            assert_eq!(mixed.len() as u64 * 1000 / u64::from(LISTENING_HZ), ms, "{codec}");
            assert!(mixed.iter().any(|sample| sample.abs() > 500), "{codec}");
            let (apart, _) = heard(&stereo, Channels::Apart);
            assert_eq!(apart.len(), 2 * mixed.len(), "{codec}");
            assert!(apart.iter().step_by(2).all(|&sample| sample == 0), "{codec}: the left is silent");
            assert!(apart.iter().skip(1).step_by(2).any(|sample| sample.abs() > 500), "{codec}: the right is not");
        }
    }

    #[test]
    fn a_mix_keeps_channels_that_cancel_each_other_out_and_the_last_of_many() {
        let loudest = |words: &str| {
            let (samples, ms) = heard(words, Channels::Mixed);
            assert!(ms.abs_diff(2000) < 100 && samples.len() as u64 / 16 == ms, "{words}: {ms}");
            samples.iter().map(|sample| sample.unsigned_abs()).max()
        };
        let wave = "0.5*sin(2*PI*440*t)";
        let opposite = format!("-f lavfi -i aevalsrc=exprs={wave}|-{wave}:duration=2:sample_rate=48000 -c:a flac");
        assert!(loudest(&opposite) > Some(14_000));
        for channels in [3, 6, 10, 16] {
            let silent = "0|".repeat(channels - 1);
            let last = format!("-f lavfi -i aevalsrc=exprs={silent}{wave}:duration=2:sample_rate=48000 -c:a pcm_s16le");
            assert!(loudest(&last) > Some(500), "{channels}");
        }
    }

    #[test]
    fn an_error_from_the_callback_stops_decoding() {
        let dir = tempfile::tempdir().expect("a folder");
        let input = dir.path().join("input.wav");
        let made = Command::new("ffmpeg")
            .args("-nostdin -loglevel error -f lavfi -i sine=duration=600".split(' '))
            .arg(&input)
            .status();
        assert!(made.expect("ffmpeg is installed").success());
        let cancelled = AtomicBool::new(false);
        let listener = Listener::open(&input, &AvLimits::default(), dir.path(), &cancelled).expect("a sound");
        let sound = listener.probe().audio[0].clone();
        let mut chunks = 0;
        let ended = listener.listen(&sound, Channels::Mixed, Duration::from_mins(1), &mut |_| {
            chunks += 1;
            if chunks < 3 { Ok(()) } else { Err(Transient::Cancelled.into()) }
        });
        assert!(matches!(ended, Err(MediaError::Transient(Transient::Cancelled))));
        assert_eq!(chunks, 3);
    }
}
