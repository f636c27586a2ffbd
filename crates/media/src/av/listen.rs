//! A sound as samples, for whoever listens; and the way out for what was heard.

use super::{
    child::Runner,
    content_type,
    frames::Frames,
    line::{Line, NOTHING_TWICE, counted, until},
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

/// Samples a second that are heard, whatever the source has.
pub const LISTENING_HZ: u32 = 16_000;

/// A source that was probed and let pass, to be heard once. What is made of it goes through here as well,
/// so that the output folder never holds half a file.
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
    /// Probes a file, without decoding any of it. `out_dir` has to be there.
    ///
    /// # Errors
    ///
    /// [`MediaError::Refused`] if it is no video or sound, damaged or over a limit; [`MediaError::Transient`] otherwise.
    pub fn open(
        input: &Path,
        limits: &AvLimits,
        out_dir: &'a Path,
        cancelled: &'a AtomicBool,
    ) -> Result<Self, MediaError> {
        let mut file = File::open(input).map_err(Transient::Read)?;
        limits.check_bytes(file.metadata().map_err(Transient::Read)?.len())?;
        let content_type = content_type(&mut file)?;
        let space = Workspace::open(input, out_dir, limits.max_output_bytes)?;
        let probe = probe(
            &space,
            &Runner { room: space.room(), bounds: Bounds::of(limits, limits.max_wall_time), cancelled },
            limits,
        )?;
        let limits = limits.within(&probe);
        Ok(Self { space, out_dir, limits, cancelled, content_type, file, probe })
    }

    /// What the container says.
    #[must_use]
    pub fn probe(&self) -> &Probe {
        &self.probe
    }

    /// What the content is.
    #[must_use]
    pub fn kind(&self) -> MediaKind {
        if self.probe.video.is_some() { MediaKind::Video } else { MediaKind::Audio }
    }

    /// Decodes one of its sounds. `heard` gets whole frames of one sample a channel, at [`LISTENING_HZ`], as many
    /// channels as the sound has or one; gaps and a late start are silence, so that the count of frames is the time
    /// in the media. The decoder waits while `heard` works: memory does not grow, and `wall_time` is for both.
    /// The calling thread has to live until it returns.
    ///
    /// Gives back how much was heard, in milliseconds.
    ///
    /// # Errors
    ///
    /// Those of `heard`, which end it; a refusal if the sound is damaged or ends long before its time; a fault otherwise.
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
        let line = line(sound, channels, &self.probe.container, &self.limits);
        match channels {
            Channels::Mixed if sound.channels > 1 => {
                // Where two channels cancel each other out, whoever speaks would be silenced by a plain sum.
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
        // In a video the sound may well end before the picture does.
        if self.kind() == MediaKind::Audio {
            is_cut_off(&self.probe, &[sound.index], heard_ms)?;
        }
        Ok(heard_ms)
    }

    /// Size, digest and media type of the source: reads all of it.
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

    /// Stores one file in the output folder; it is complete the moment it is there.
    ///
    /// # Errors
    ///
    /// [`Transient::Write`] or [`Transient::Read`]; a refusal if it is larger than may be written.
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

    /// Stores the manifest, which says that everything else is there, and ends.
    ///
    /// # Errors
    ///
    /// [`Transient::Write`].
    pub fn finish(self, manifest: &Manifest) -> Result<(), MediaError> {
        Ok(manifest::write(manifest, self.out_dir)?)
    }
}

/// Channels that ffmpeg hands on: of a mix two, which become one here.
fn decoded_channels(sound: &AudioStream, channels: Channels) -> u32 {
    match channels {
        Channels::Mixed => sound.channels.min(2),
        Channels::Apart => sound.channels,
    }
}

fn line(sound: &AudioStream, channels: Channels, container: &str, limits: &AvLimits) -> Line {
    // Where packets are missing, or the sound starts late, silence keeps the time.
    const ON_TIME: &str = "async=1:first_pts=0";
    let AudioStream { index, layout, .. } = sound;
    let filter = match channels {
        // Not the resampler's own option: it would hand on as many channels as come in.
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
        .with(NOTHING_TWICE)
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

    /// What is heard of a file that ffmpeg makes.
    fn heard(arguments: &str, channels: Channels) -> (Vec<i16>, u64) {
        let dir = tempfile::tempdir().expect("a folder");
        let input = dir.path().join("input.mkv");
        let made = Command::new("ffmpeg")
            .args("-nostdin -loglevel error -y".split(' '))
            .args(arguments.split(' '))
            .arg(&input)
            .status()
            .expect("ffmpeg is there");
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

    /// The first moment at which there is more than silence, in milliseconds.
    fn onset_ms(samples: impl Iterator<Item = i16>) -> usize {
        samples.take_while(|sample| sample.abs() < 500).count() * 1000 / LISTENING_HZ as usize
    }

    #[test]
    fn a_sound_that_starts_late_is_heard_at_its_time() {
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
    fn channels_are_mixed_or_stay_apart_and_time_is_the_same() {
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
    fn channels_that_cancel_each_other_out_are_heard_and_so_is_the_last_of_many() {
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
    fn whoever_has_heard_enough_ends_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let input = dir.path().join("input.wav");
        let made = Command::new("ffmpeg")
            .args("-nostdin -loglevel error -f lavfi -i sine=duration=600".split(' '))
            .arg(&input)
            .status();
        assert!(made.expect("ffmpeg is there").success());
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
