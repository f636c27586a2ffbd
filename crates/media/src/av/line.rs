//! Command lines of ffmpeg and ffprobe.

use smmu_core::av::AvLimits;

/// Name of the input in the private folder. Nothing that a program says can name the user's file.
pub(crate) const SOURCE: &str = "source";

/// The containers that are opened: those that hold media themselves. Every demuxer that opens what a file
/// names (concat, hls, dash, sdp, image2, imf) or that draws by itself (lavfi) is absent.
const CONTAINERS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,avi,flv,asf,ogg,wav,w64,mp3,aac,flac,aiff,caf,amr,ac3,eac3,\
     dts,au,wv,tta,nistsphere,gsm,dv,mxf,ivf,mpegvideo";

/// For a sound whose gaps are filled from time 0 on. Where it changes its rate or its channels ffmpeg begins its filters
/// anew, which fill all the time before with silence again: what is earlier than what came out before is dropped.
pub(crate) const NOTHING_TWICE: &str = r"-bsf:a noise=drop=if(gt(n\,0)*lt(pts\,ld(0))\,1\,0*st(0\,pts))";

/// Words in the making. No word of ours has a space in it, so that lines can be written as they are read.
#[derive(Debug, Default)]
pub(crate) struct Line(Vec<String>);

impl Line {
    /// A run of ffmpeg that tells its progress on standard output.
    pub(crate) fn ffmpeg() -> Self {
        Self::quiet_ffmpeg().with("-stats_period 0.5 -progress pipe:1")
    }

    /// A run of ffmpeg that keeps standard output free.
    pub(crate) fn quiet_ffmpeg() -> Self {
        Self::default().with("-nostdin -hide_banner -loglevel level+error -nostats -y")
    }

    /// A run of ffprobe.
    pub(crate) fn ffprobe() -> Self {
        Self::default().with("-hide_banner -loglevel level+error")
    }

    /// A run of ffprobe that tells its doubts too.
    pub(crate) fn doubting_ffprobe() -> Self {
        Self::default().with("-hide_banner -loglevel level+warning")
    }

    /// More words.
    pub(crate) fn with(mut self, words: impl AsRef<str>) -> Self {
        self.0.extend(words.as_ref().split_whitespace().map(str::to_owned));
        self
    }

    /// The user's file as an input, with `options` of that input. Larger pictures than are accepted are never decoded, not
    /// even the covers that are looked at while a file is opened.
    pub(crate) fn source(self, limits: &AvLimits, options: &str) -> Self {
        // One more than is accepted: then a probe can say so.
        let (streams, pixels) = (limits.max_streams.saturating_add(1), limits.max_pixels);
        self.with(format!("-protocol_whitelist file -format_whitelist {CONTAINERS}"))
            .with(format!("-max_streams {streams} -max_pixels {pixels}"))
            .with(options)
            .with(format!("-i file:{SOURCE}"))
    }

    /// One of our own files as an input.
    pub(crate) fn input(self, name: &str) -> Self {
        self.with(format!("-protocol_whitelist file -i file:{name}"))
    }

    /// An output without anything that the source says of itself. What plays is made of what was decoded,
    /// so that this is all there is to strip.
    pub(crate) fn output(self, name: &str) -> Self {
        self.with("-map_metadata -1 -map_chapters -1 -fflags +bitexact -dn -sn").with(format!("file:{name}"))
    }

    /// The words.
    pub(crate) fn words(&self) -> &[String] {
        &self.0
    }
}

/// Milliseconds as seconds, as ffmpeg reads them.
pub(crate) fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

/// Containers whose times are a parser's, and can be nonsense: what an old encoder wrote in blocks of varying size seems
/// to last for days. Their samples are counted instead.
fn is_counted(container: &str) -> bool {
    container == "flac"
}

/// Options of an input that is read for no longer than sound may last.
pub(crate) fn until(container: &str, limits: &AvLimits) -> String {
    // A time of which nothing is known ends nothing; see `counted`.
    if is_counted(container) { String::new() } else { format!("-t {}", seconds(limits.max_audio_ms)) }
}

/// The first filters of a sound whose samples are counted, with a comma behind; nothing for others.
pub(crate) fn counted(container: &str, limits: &AvLimits) -> String {
    if is_counted(container) {
        format!("asetpts=N/SR/TB,atrim=end={},", seconds(limits.max_audio_ms))
    } else {
        String::new()
    }
}
