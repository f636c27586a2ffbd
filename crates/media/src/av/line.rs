//! Command lines of ffmpeg and ffprobe.

use smmu_core::av::AvLimits;

/// Name of the input in the private folder. With a fixed name, no message of a program contains the user's file name.
pub(crate) const SOURCE: &str = "source";

/// Allowed containers: those that contain the media themselves. Excludes every demuxer that opens files named in the
/// input (concat, hls, dash, sdp, image2, imf) or that generates pictures (lavfi).
const CONTAINERS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,flv,asf,ogg,wav,w64,mp3,aac,flac,aiff,caf,amr,ac3,eac3,\
     dts,au,wv,tta,nistsphere,gsm,dv,mxf,ivf,mpegvideo";

/// For audio whose gaps are filled from time 0. If its sample rate or channels change, ffmpeg restarts the filters,
/// which fill all the time before with silence again. Drops packets that are earlier than the previous one.
pub(crate) const DROP_REPEATS: &str = r"-bsf:a noise=drop=if(gt(n\,0)*lt(pts\,ld(0))\,1\,0*st(0\,pts))";

/// Builds a command line. None of our words contains a space, so that lines can be written as plain text.
#[derive(Debug, Default)]
pub(crate) struct Line(Vec<String>);

impl Line {
    /// A run of ffmpeg that reports its progress on standard output.
    pub(crate) fn ffmpeg() -> Self {
        Self::quiet_ffmpeg().with("-stats_period 0.5 -progress pipe:1")
    }

    /// A run of ffmpeg that leaves standard output to its outputs.
    pub(crate) fn quiet_ffmpeg() -> Self {
        Self::default().with("-nostdin -hide_banner -loglevel level+error -nostats -y")
    }

    /// A run of ffprobe.
    pub(crate) fn ffprobe() -> Self {
        Self::default().with("-hide_banner -loglevel level+error")
    }

    /// A run of ffprobe that logs warnings too.
    pub(crate) fn doubting_ffprobe() -> Self {
        Self::default().with("-hide_banner -loglevel level+warning")
    }

    /// Appends words.
    pub(crate) fn with(mut self, words: impl AsRef<str>) -> Self {
        self.0.extend(words.as_ref().split_whitespace().map(str::to_owned));
        self
    }

    /// Adds the user's file as an input, with `options` for that input. Pictures over the limit are never decoded, not
    /// even covers, which ffmpeg inspects while it opens a file.
    pub(crate) fn source(self, limits: &AvLimits, options: &str) -> Self {
        // One more than the limit, so that a probe can report the excess.
        let (streams, pixels) = (limits.max_streams.saturating_add(1), limits.max_pixels);
        self.with(format!("-protocol_whitelist file -format_whitelist {CONTAINERS}"))
            .with(format!("-max_streams {streams} -max_pixels {pixels}"))
            .with(options)
            .with(format!("-i file:{SOURCE}"))
    }

    /// Adds one of our own files as an input.
    pub(crate) fn input(self, name: &str) -> Self {
        self.with(format!("-protocol_whitelist file -i file:{name}"))
    }

    /// Adds an output, without the source's metadata. Nothing else needs stripping, because all streams are
    /// re-encoded.
    pub(crate) fn output(self, name: &str) -> Self {
        self.with("-map_metadata -1 -map_chapters -1 -fflags +bitexact -dn -sn").with(format!("file:{name}"))
    }

    /// The words of the command line, without the program.
    pub(crate) fn words(&self) -> &[String] {
        &self.0
    }
}

/// Formats milliseconds as seconds for ffmpeg.
pub(crate) fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Returns whether to count samples instead of using a container's times. ffmpeg's parser computes FLAC's times, and
/// they can be wrong: a file with varying block sizes from an old encoder seems to last for days.
fn is_counted(container: &str) -> bool {
    container == "flac"
}

/// Input options that stop reading at the audio duration limit.
pub(crate) fn until(container: &str, limits: &AvLimits) -> String {
    // Unreliable times cannot limit the input; see `counted`.
    if is_counted(container) { String::new() } else { format!("-t {}", seconds(limits.max_audio_ms)) }
}

/// The first filters of audio whose samples are counted, with a trailing comma; empty for other audio.
pub(crate) fn counted(container: &str, limits: &AvLimits) -> String {
    if is_counted(container) {
        format!("asetpts=N/SR/TB,atrim=end={},", seconds(limits.max_audio_ms))
    } else {
        String::new()
    }
}
