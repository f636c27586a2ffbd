//! Command lines for a video: its stills, the main pass, and the download.

use super::picture::{self, TO_JPEG, TO_WEBP};
use crate::av::{
    line::{DROP_REPEATS, Line, seconds},
    mix::to_stereo,
};
use smmu_core::{
    av::{AvLimits, Rung, SEGMENT_SECONDS, SoundPlan, StoryboardPlan, VideoEncoding, VideoPlan, VideoStream, names},
    image::Size,
};
use std::fmt::Write as _;

/// A video that was probed and planned.
pub(crate) struct Video<'a> {
    pub(crate) plan: &'a VideoPlan,
    pub(crate) stream: &'a VideoStream,
    pub(crate) limits: &'a AvLimits,
    /// Time from its first packet to time 0, in microseconds.
    pub(crate) delay_us: u32,
}

/// A part of a video.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) start_ms: u64,
    pub(crate) lasting_ms: u64,
}

/// File name of a storyboard sheet before it is published. ffmpeg numbers the sheets from 1; number 0 is the empty
/// sheet of [`waiting`], which is never published.
pub(crate) fn sheet(number: u32) -> String {
    format!("sheet-{number}.jpg")
}

/// Muxer options for a CMAF track file: one fragment per keyframe; an edit list to correct negative times before the
/// first shown frame, as Table 9 of ISO/IEC 23000-19 requires; nothing after the last fragment. (ffmpeg's HLS muxer
/// instead delays the picture by two frames relative to the audio.)
const TRACK_FILE: &str = "-use_editlist 1 -f mp4";
const TRACK_FLAGS: &str = "+cmaf+delay_moov+skip_trailer";

/// Duration of an audio fragment, in microseconds. Short, so that fragments can be joined into segments that end where
/// the picture's do.
const SOUND_FRAGMENT_US: u64 = SEGMENT_SECONDS as u64 * 1_000_000 / 12;

/// Bit rate factor for the first segments, which have three keyframes instead of one. It keeps a minute of video within
/// 1.02 times its size with one keyframe, and makes PSNR of these 6 s 0.1 to 0.2 dB lower.
const OPENING_BITS: &str = "0.88";

/// Frames per second that are candidates for the poster.
const POSTER_RATE: u32 = 8;
/// The poster is chosen from at most this many frames.
const POSTER_FRAMES: u32 = 32;

impl Video<'_> {
    /// Adds the input with the decoder options of every run. Filters are configured only once, after the probe: by
    /// default ffmpeg restarts them when the picture changes size, and time restarts at 0 too. Automatic rotation
    /// filters are off.
    fn source(&self, line: Line, window: Window) -> Line {
        let from = if window.start_ms > 0 { format!("-ss {}", seconds(window.start_ms)) } else { String::new() };
        let lasting = seconds(window.lasting_ms.max(1));
        // ffmpeg makes every file start at 0, which would turn an encoder's delay into time before the audio.
        let delay = match self.delay_us {
            0 => String::new(),
            delay_us => format!("-itsoffset -{}.{:06}", delay_us / 1_000_000, delay_us % 1_000_000),
        };
        let options = format!("-noautorotate -reinit_filter:v 0 {} {delay} {from} -t {lasting}", self.decoder());
        line.source(self.limits, &options)
    }

    /// Selects libvpx for VP8 and VP9 with alpha: they store alpha as a separate stream, which ffmpeg's default
    /// decoders ignore.
    fn decoder(&self) -> String {
        let decoder = match (self.stream.transparent, self.stream.codec.as_str()) {
            (true, "vp8") => "libvpx",
            (true, "vp9") => "libvpx-vp9",
            (true | false, _) => return String::new(),
        };
        format!("-c:{} {decoder}", self.stream.index)
    }

    /// The whole video, up to the limit, whatever its probed duration: the picture can start long after the audio and
    /// end long before it.
    pub(crate) fn whole(&self) -> Window {
        Window { start_ms: 0, lasting_ms: self.limits.max_video_ms }
    }

    /// Writes the most representative of the first frames in a window; writes none if all are black, unless
    /// `black_too`.
    pub(crate) fn poster_line(&self, window: Window, black_too: bool) -> Line {
        let plan = &self.plan.poster;
        let chain = picture::first(&self.plan.picture, self.stream, sampled(POSTER_RATE, window), plan.size);
        let lit = if black_too {
            ""
        } else {
            ",blackframe=amount=0:threshold=32,metadata=select:key=lavfi.blackframe.pblack:value=95:function=less"
        };
        self.source(Line::ffmpeg(), window)
            .with(format!(
                "-filter_complex [0:{}]{chain}{lit},thumbnail=n={POSTER_FRAMES},{TO_JPEG}[poster]",
                self.stream.index
            ))
            .with("-map [poster] -frames:v 1")
            .with(jpeg(plan.quality))
            .with("-update 1 -f image2")
            .output(names::POSTER)
    }

    /// Writes the first few seconds of a window as an animated WebP.
    pub(crate) fn preview_line(&self, window: Window) -> Line {
        let plan = &self.plan.preview;
        let chain = picture::first(&self.plan.picture, self.stream, sampled(plan.frame_rate, window), plan.size);
        let frames = (plan.duration_ms * u64::from(plan.frame_rate)).div_ceil(1000).max(1);
        self.source(Line::ffmpeg(), window)
            .with(format!("-filter_complex [0:{}]{chain},{TO_WEBP}[preview]", self.stream.index))
            .with(format!("-map [preview] -c:v libwebp_anim -quality {} -compression_level 4 -loop 0", plan.quality))
            .with(format!("-frames:v {frames} -fps_mode passthrough -f webp"))
            .output(names::PREVIEW)
    }

    /// The main pass: decodes once and makes every rung, the audio and the storyboard from that.
    pub(crate) fn main_line(&self) -> Line {
        let line = self.source(Line::ffmpeg(), self.whole()).with("-filter_complex").with(self.graph());
        let line = self.rungs().fold(line, |line, rung| self.rung(line, rung));
        let line = match &self.plan.audio {
            Some(sound) => self.sound(line, sound),
            None => line,
        };
        line.with("-map [storyboard]")
            .with(jpeg(self.plan.storyboard.quality))
            .with(format!("-frames:v {} -fps_mode passthrough", self.plan.storyboard.sheets() + 1))
            .with("-start_number 0 -f image2")
            .output("sheet-%d.jpg")
    }

    pub(crate) fn rungs(&self) -> impl Iterator<Item = &Rung> {
        self.plan.rungs.iter().chain(&self.plan.av1_rungs)
    }

    /// The filter graph. Each size is made once, scaled from the next larger one.
    fn graph(&self) -> String {
        let mut sizes: Vec<Size> = self.rungs().map(|rung| rung.size).collect();
        sizes.sort_by_key(|size| std::cmp::Reverse(size.pixels()));
        sizes.dedup();
        let picture = &self.plan.picture;
        let mut graph = format!("[0:{}]", self.stream.index);
        for (index, &size) in sizes.iter().enumerate() {
            if index == 0 {
                // The last frame can claim to last for hours, and the filter that repeats it would follow the claim.
                let steps = picture::steps(picture.frame_rate, self.stream);
                let rate = format!("{steps},trim=end={}", seconds(self.limits.max_video_ms));
                graph += &picture::first(picture, self.stream, rate, size);
            } else {
                // Rounding to even sizes changes the aspect ratio, which the scaler would compensate with non-square
                // pixels.
                let chain = picture::scale(size);
                write!(graph, ";[size{index}]{chain},setsar=1").expect("a String takes everything");
            }
            let mut uses: Vec<String> =
                self.rungs().filter(|rung| rung.size == size).map(|rung| format!("[{}]", rung.name)).collect();
            uses.push(if index + 1 < sizes.len() { format!("[size{}]", index + 1) } else { "[small]".to_owned() });
            graph += &[format!(",split={}", uses.len()), uses.concat()].concat();
        }
        graph + ";[small]" + &tiles(&self.plan.storyboard) + "[sheets];" + &waiting(&self.plan.storyboard)
    }

    fn rung(&self, line: Line, rung: &Rung) -> Line {
        let gop = self.plan.gop_frames;
        // SVT-AV1 1.4 supports only one keyframe interval, so its segments start where some of H.264's do. A keyframe
        // every 2 s, to allow segments of 2, 2, 2 and 6 s, would make a rung 1.7 times as large.
        // x264 counts the interval from the last keyframe of any kind, so every keyframe is listed explicitly.
        let early = self.plan.early_keyframes().map(|frame| format!("eq(n,{frame})")).join("+");
        let encoder = match rung.encoding {
            VideoEncoding::H264 { preset, crf, level } => format!(
                "-c:v libx264 -preset {} -crf {crf} -maxrate {} -bufsize {} -profile:v high -level:v {}.{} \
                 -g {gop} -keyint_min {gop} -sc_threshold 0 -force_key_frames expr:not(mod(n,{gop}))+{early} {}",
                preset.as_str(),
                rung.max_bit_rate,
                rung.buffer_bits,
                level / 10,
                level % 10,
                self.opening()
            ),
            VideoEncoding::Av1 { preset, crf } => {
                format!("-c:v libsvtav1 -preset {preset} -crf {crf} -g {gop} -svtav1-params scd=0")
            }
        };
        line.with(format!("-map [{}]", rung.name))
            .with(encoder)
            .with("-color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv -flags:v +bitexact")
            .with(format!("-fps_mode passthrough {TRACK_FILE} -movflags +frag_keyframe{TRACK_FLAGS}"))
            .output(&rung.segments_name())
    }

    /// x264 options for the first segments. A keyframe raises the quality of itself and the frames after it: three of
    /// them instead of one cost 5% of a minute and raise PSNR of the first 6 s by 0.4 dB. [`OPENING_BITS`] trades that
    /// back.
    fn opening(&self) -> String {
        let Self { plan: VideoPlan { duration_ms, gop_frames, .. }, .. } = self;
        let first_ms = u64::from(SEGMENT_SECONDS) * 1000 / 3;
        // A video with a single segment has no additional keyframes.
        if *duration_ms <= first_ms {
            return String::new();
        }
        format!("-x264-params zones=0,{},b={OPENING_BITS}", gop_frames - 1)
    }

    /// Encodes the audio at its original loudness: that is the author's choice, and changing it would need another pass
    /// before the first segment. Gaps are filled with silence to stay in sync with the picture.
    fn sound(&self, line: Line, sound: &SoundPlan) -> Line {
        let SoundPlan { stream, channels, source_channels, layout, sample_rate_hz, aac_bit_rate, .. } = sound;
        let mix = to_stereo(*source_channels, layout);
        let AvLimits { max_audio_ms, max_video_ms, .. } = *self.limits;
        // The audio limit can be lower than the video limit; the picture then continues without audio.
        let until = (max_audio_ms < max_video_ms).then(|| format!("atrim=end={},", seconds(max_audio_ms)));
        let until = until.unwrap_or_default();
        line.with(format!("-map 0:{stream} -af {until}{mix}aresample=async=1:first_pts=0"))
            .with(format!("-ac {channels} -ar {sample_rate_hz} -c:a aac -b:a {aac_bit_rate} -flags:a +bitexact"))
            .with(DROP_REPEATS)
            .with(format!("-frag_duration {SOUND_FRAGMENT_US} {TRACK_FILE}"))
            .with(format!("-movflags {TRACK_FLAGS}"))
            .output(names::AUDIO_SEGMENTS)
    }

    /// The download: copies the top rung and the audio, if any, into one file.
    pub(crate) fn download_line(&self, sound: bool) -> Line {
        let line = Line::ffmpeg().input(&self.plan.rungs[0].segments_name());
        let line =
            if sound { line.input(names::AUDIO_SEGMENTS).with("-map 0:v -map 1:a") } else { line.with("-map 0:v") };
        // Keep times: an encoder's delay lies before 0, and ffmpeg would shift each input to start at 0.
        line.with("-copyts -c copy -movflags +faststart -f mp4").output(names::DOWNLOAD)
    }
}

/// Samples a window at `rate` frames per second. Trimmed at its end, because the last frame can claim to last longer.
fn sampled(rate: u32, window: Window) -> picture::Chain {
    format!("{},trim=end={}", picture::samples(rate), seconds(window.lasting_ms.max(1)))
}

/// Filters that tile the storyboard. Each tile shows the frame at the start of its interval.
fn tiles(plan: &StoryboardPlan) -> String {
    let Size { width, height } = plan.tile;
    // 0.001 s is shorter than any frame and larger than any rounding error.
    format!(
        r"select=gte(t+0.001\,{}*selected_n),scale={width}:{height}:flags=bicubic,setsar=1,tile={}x{},{TO_JPEG}",
        seconds(plan.interval_ms),
        plan.columns,
        plan.rows
    )
}

/// Puts an empty sheet, number 0, before the others, and moves all of them to times long after the video's.
///
/// ffmpeg always pulls from the output of a graph that is furthest behind, until that output has a frame. For a sheet,
/// that means until the sheet is full or the decoder must run. When a filter repeats one frame for a minute, all the
/// repeats would meanwhile queue at the rungs and take gigabytes. With these times the storyboard is never behind. It
/// still gets its frames, because they come from the same decode as the rungs.
fn waiting(plan: &StoryboardPlan) -> String {
    const FAR_S: u32 = 1_000_000;
    let Size { width, height } = plan.sheet();
    format!(
        "color=size={width}x{height}:rate=1,trim=end_frame=1,setsar=1,{TO_JPEG}[empty];\
         [empty][sheets]concat=n=2:v=1:a=0,settb=1,setpts={FAR_S}+N[storyboard]"
    )
}

/// JPEG encoder options. Converts a quality on libjpeg's scale into its factor for the quantisation tables, in eighths,
/// as ffmpeg expects.
fn jpeg(quality: u32) -> String {
    let quality = quality.clamp(1, 100);
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    let scale = (percent * 8).div_ceil(100).clamp(2, 31);
    format!("-c:v mjpeg -pix_fmt yuvj420p -q:v {scale} -flags:v +bitexact")
}

#[cfg(test)]
mod tests;
